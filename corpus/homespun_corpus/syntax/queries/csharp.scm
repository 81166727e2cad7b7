; Callables, with a block or an expression for a body.
(method_declaration
  (explicit_interface_specifier (_) @receiver)?
  name: (identifier) @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @method
(local_function_statement
  name: (identifier) @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @function
(constructor_declaration
  name: (identifier) @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @constructor
(destructor_declaration
  "~" @name
  name: (identifier) @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @method
(operator_declaration
  "operator" @name
  operator: _ @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @method
(conversion_operator_declaration
  "operator" @name
  type: (_) @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @method

; Properties. An accessor without a body is generated.
(property_declaration
  name: (identifier) @name
  value: (arrow_expression_clause (_) @body)) @method
(indexer_declaration
  "this" @name
  value: (arrow_expression_clause (_) @body)) @method
(accessor_declaration
  name: _ @name
  body: [
    (block) @body
    (arrow_expression_clause (_) @body)
  ]) @method

; Functions bound to a name.
(variable_declarator
  name: (identifier) @name
  [
    (lambda_expression body: (_) @body)
    (anonymous_method_expression (block) @body)
  ]) @lambda
[
  (field_declaration
    (variable_declaration type: (_) . (variable_declarator [
      (lambda_expression body: (_) @body)
      (anonymous_method_expression (block) @body)
    ]) .))
  (local_declaration_statement
    (variable_declaration type: (_) . (variable_declarator [
      (lambda_expression body: (_) @body)
      (anonymous_method_expression (block) @body)
    ]) .))
] @lambda
(assignment_expression
  left: [
    (identifier) @name
    (member_access_expression expression: (_) @receiver name: (identifier) @name)
  ]
  right: [
    (lambda_expression body: (_) @body)
    (anonymous_method_expression (block) @body)
  ]) @lambda
(expression_statement
  (assignment_expression right: [
    (lambda_expression body: (_) @body)
    (anonymous_method_expression (block) @body)
  ])) @lambda

; Classes and the like, of which some have no body.
(class_declaration name: (identifier) @name body: (_) @body) @class
(class_declaration name: (identifier) @name !body) @class
(struct_declaration name: (identifier) @name body: (_) @body) @class
(struct_declaration name: (identifier) @name !body) @class
(record_declaration name: (identifier) @name body: (_) @body) @class
(record_declaration name: (identifier) @name !body) @class
(interface_declaration name: (identifier) @name body: (_) @body) @class
(enum_declaration name: (identifier) @name body: (_) @body) @class

; What else qualifies a name.
(namespace_declaration name: (_) @scope) @namespace
(property_declaration name: (identifier) @scope accessors: (_)) @type
(event_declaration name: (identifier) @scope) @type
(indexer_declaration "this" @scope accessors: (_)) @type

(attribute_list) @decorator
(comment) @comment
[
  (interpolated_string_expression)
  (raw_string_literal)
  (string_literal)
  (verbatim_string_literal)
] @string

; What people write in one go.
[
  (accessor_list)
  (block)
  (declaration_list)
  (enum_member_declaration_list)
  (initializer_expression)
  (switch_body)
] @block

[
  (do_statement)
  (expression_statement)
  (field_declaration)
  (for_statement)
  (foreach_statement)
  (if_statement)
  (local_declaration_statement)
  (lock_statement)
  (property_declaration)
  (return_statement)
  (switch_statement)
  (throw_statement)
  (try_statement)
  (using_directive)
  (using_statement)
  (while_statement)
  (yield_statement)
] @statement

(argument_list) @arguments
[
  (anonymous_object_creation_expression)
  (array_creation_expression)
  (await_expression)
  (binary_expression)
  (cast_expression)
  (conditional_expression)
  (element_access_expression)
  (implicit_object_creation_expression)
  (interpolated_string_expression)
  (invocation_expression)
  (is_pattern_expression)
  (lambda_expression)
  (member_access_expression)
  (object_creation_expression)
  (prefix_unary_expression)
  (string_literal)
  (switch_expression)
] @expression
