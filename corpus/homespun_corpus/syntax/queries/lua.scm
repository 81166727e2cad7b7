; Callables. An empty function has no body node.
(function_declaration
  name: [
    (identifier) @name
    (dot_index_expression table: (_) @receiver field: (identifier) @name)
  ]
  body: (block) @body) @function
(function_declaration
  name: [
    (identifier) @name
    (dot_index_expression table: (_) @receiver field: (identifier) @name)
  ]
  !body) @function
(function_declaration
  name: (method_index_expression table: (_) @receiver method: (identifier) @name)
  body: (block) @body) @method
(function_declaration
  name: (method_index_expression table: (_) @receiver method: (identifier) @name)
  !body) @method

; Functions bound to a name.
(assignment_statement
  (variable_list . [
    (identifier) @name
    (dot_index_expression table: (_) @receiver field: (identifier) @name)
    (bracket_index_expression table: (_) @receiver field: (string (string_content)) @name)
  ] .)
  (expression_list . (function_definition body: (block) @body) .)) @lambda
(assignment_statement
  (variable_list . [
    (identifier) @name
    (dot_index_expression table: (_) @receiver field: (identifier) @name)
    (bracket_index_expression table: (_) @receiver field: (string (string_content)) @name)
  ] .)
  (expression_list . (function_definition !body) .)) @lambda
(variable_declaration
  (assignment_statement
    (variable_list . (identifier) .)
    (expression_list . (function_definition body: (block) @body) .))) @lambda
(variable_declaration
  (assignment_statement
    (variable_list . (identifier) .)
    (expression_list . (function_definition !body) .))) @lambda
(field
  name: [
    (identifier)
    (string (string_content))
  ] @name
  value: (function_definition body: (block) @body)) @lambda
(field
  name: [
    (identifier)
    (string (string_content))
  ] @name
  value: (function_definition !body)) @lambda

; What qualifies a name.
(assignment_statement
  (variable_list . [
    (identifier)
    (dot_index_expression)
  ] @scope .)
  (expression_list . (table_constructor) @namespace .))
(field
  name: [
    (identifier)
    (string (string_content))
  ] @scope
  value: (table_constructor) @namespace)

(comment) @comment
(string) @string

; What people write in one go.
[
  (block)
  (table_constructor)
] @block

[
  (assignment_statement)
  (do_statement)
  (for_statement)
  (function_call)
  (if_statement)
  (repeat_statement)
  (return_statement)
  (variable_declaration)
  (while_statement)
] @statement

(arguments) @arguments
[
  (binary_expression)
  (bracket_index_expression)
  (dot_index_expression)
  (function_call)
  (function_definition)
  (string)
  (table_constructor)
  (unary_expression)
] @expression
