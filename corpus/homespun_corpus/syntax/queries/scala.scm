; Callables.
(function_definition name: (_) @name body: (_) @body) @function

; Functions bound to a name.
[
  (val_definition
    pattern: (identifier) @name
    value: [
      (lambda_expression (_) @body .)
      (block . (lambda_expression (_) @body .) .)
      (case_block) @body
    ])
  (var_definition
    pattern: (identifier) @name
    value: [
      (lambda_expression (_) @body .)
      (block . (lambda_expression (_) @body .) .)
      (case_block) @body
    ])
] @lambda
(assignment_expression
  left: [
    (identifier) @name
    (field_expression value: (_) @receiver field: (identifier) @name)
  ]
  right: [
    (lambda_expression (_) @body .)
    (block . (lambda_expression (_) @body .) .)
    (case_block) @body
  ]) @lambda

; Classes, traits, enums and objects, of which many have no body.
(class_definition name: (_) @name body: (_) @body) @class
(class_definition name: (_) @name !body) @class
(enum_definition name: (_) @name body: (_) @body) @class
(object_definition name: (_) @name body: (_) @body) @class
(object_definition name: (_) @name !body) @class
(trait_definition name: (_) @name body: (_) @body) @class
(trait_definition name: (_) @name !body) @class

; What else qualifies a name.
(given_definition name: (_) @scope) @type
(package_object name: (_) @scope) @namespace
(package_clause name: (_) @scope body: (_)) @namespace
(val_definition
  pattern: (identifier) @scope
  value: (instance_expression (template_body) @type))

(annotation) @decorator
[
  (block_comment)
  (comment)
] @comment
[
  (interpolated_string_expression)
  (string)
] @string

; What people write in one go.
[
  (block)
  (case_block)
  (indented_block)
  (indented_cases)
  (template_body)
  (with_template_body)
] @block

[
  (assignment_expression)
  (call_expression)
  (case_clause)
  (do_while_expression)
  (for_expression)
  (if_expression)
  (import_declaration)
  (match_expression)
  (return_expression)
  (throw_expression)
  (try_expression)
  (type_definition)
  (val_definition)
  (var_definition)
  (while_expression)
] @statement

(arguments) @arguments
[
  (call_expression)
  (field_expression)
  (generic_function)
  (if_expression)
  (infix_expression)
  (instance_expression)
  (interpolated_string_expression)
  (lambda_expression)
  (match_expression)
  (parenthesized_expression)
  (prefix_expression)
  (string)
  (tuple_expression)
] @expression
