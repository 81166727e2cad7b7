; Callables.
(function_declaration
  name: (identifier) @name
  body: (block) @body) @function

(method_declaration
  receiver: (parameter_list
    (parameter_declaration
      type: [
        (type_identifier) @receiver
        (generic_type type: (type_identifier) @receiver)
        (pointer_type (type_identifier) @receiver)
        (pointer_type (generic_type type: (type_identifier) @receiver))
      ]))
  name: (field_identifier) @name
  body: (block) @body) @method

; Functions bound to a name.
(short_var_declaration
  left: (expression_list . (identifier) @name .)
  right: (expression_list . (func_literal body: (block) @body) .)) @lambda

(assignment_statement
  left: (expression_list . [
    (identifier) @name
    (selector_expression operand: (_) @receiver field: (field_identifier) @name)
  ] .)
  right: (expression_list . (func_literal body: (block) @body) .)) @lambda

(var_spec
  name: (identifier) @name
  value: (expression_list . (func_literal body: (block) @body) .)) @lambda

(var_declaration
  . (var_spec value: (expression_list . (func_literal body: (block) @body) .)) .) @lambda

(keyed_element
  key: (literal_element (identifier) @name)
  value: (literal_element (func_literal body: (block) @body))) @lambda

; Structs and interfaces.
(type_spec
  name: (type_identifier) @name
  type: [
    (struct_type (field_declaration_list) @body)
    (interface_type "{" @body "}" @body)
  ]) @class
(type_declaration
  . (type_spec type: [
    (struct_type (field_declaration_list) @body)
    (interface_type "{" @body "}" @body)
  ]) .) @class

(comment) @comment
[
  (interpreted_string_literal)
  (raw_string_literal)
] @string

; What people write in one go.
[
  (block)
  (field_declaration_list)
  (literal_value)
] @block

[
  (assignment_statement)
  (const_declaration)
  (defer_statement)
  (expression_statement)
  (expression_switch_statement)
  (for_statement)
  (go_statement)
  (if_statement)
  (import_declaration)
  (return_statement)
  (select_statement)
  (send_statement)
  (short_var_declaration)
  (type_declaration)
  (type_switch_statement)
  (var_declaration)
] @statement

(argument_list) @arguments
[
  (binary_expression)
  (call_expression)
  (composite_literal)
  (func_literal)
  (index_expression)
  (interpreted_string_literal)
  (raw_string_literal)
  (slice_expression)
  (type_assertion_expression)
  (unary_expression)
] @expression
