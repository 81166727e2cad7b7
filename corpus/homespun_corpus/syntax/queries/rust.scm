; Callables.
(function_item
  name: (identifier) @name
  body: (block) @body) @function

(let_declaration
  pattern: (identifier) @name
  value: (closure_expression body: (_) @body)) @lambda

; Structs, enums and traits.
(struct_item name: (type_identifier) @name body: (_) @body) @class
(struct_item name: (type_identifier) @name !body) @class
(enum_item name: (type_identifier) @name body: (_) @body) @class
(union_item name: (type_identifier) @name body: (_) @body) @class
(trait_item name: (type_identifier) @name body: (_) @body) @class

; What else qualifies a name.
(impl_item
  type: [
    (type_identifier) @scope
    (generic_type type: (type_identifier) @scope)
    (scoped_type_identifier name: (type_identifier) @scope)
    (generic_type type: (scoped_type_identifier name: (type_identifier) @scope))
    (primitive_type) @scope
    (reference_type type: (type_identifier) @scope)
    (reference_type type: (generic_type type: (type_identifier) @scope))
  ]) @type
(mod_item name: (identifier) @scope body: (declaration_list)) @namespace

(attribute_item) @decorator
[
  (block_comment)
  (line_comment)
] @comment
[
  (raw_string_literal)
  (string_literal)
] @string

; What people write in one go.
[
  (block)
  (declaration_list)
  (enum_variant_list)
  (field_declaration_list)
  (field_initializer_list)
  (match_block)
] @block

[
  (const_item)
  (expression_statement)
  (let_declaration)
  (static_item)
  (type_item)
  (use_declaration)
] @statement

(arguments) @arguments
[
  (array_expression)
  (await_expression)
  (binary_expression)
  (call_expression)
  (closure_expression)
  (if_expression)
  (index_expression)
  (macro_invocation)
  (match_arm)
  (match_expression)
  (raw_string_literal)
  (reference_expression)
  (string_literal)
  (struct_expression)
  (try_expression)
  (tuple_expression)
] @expression
