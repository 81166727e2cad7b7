; Callables. A body is a block, or the expression behind the equals sign.
(function_declaration
  name: (identifier) @name
  (function_body (_) @body .)) @function
(function_declaration
  (user_type (identifier)+ @receiver)
  "."
  name: (identifier) @name
  (function_body (_) @body .)) @method
(secondary_constructor "constructor" @name (block) @body) @constructor

; Properties.
(getter "get" @name (function_body (_) @body .)) @method
(setter "set" @name (function_body (_) @body .)) @method

; Functions bound to a name.
(property_declaration
  (variable_declaration . (identifier) @name)
  [
    (lambda_literal) @body
    (anonymous_function (function_body (_) @body .))
  ]) @lambda
(assignment
  left: [
    (identifier) @name
    (navigation_expression (_) @receiver (identifier) @name .)
  ]
  right: [
    (lambda_literal) @body
    (anonymous_function (function_body (_) @body .))
  ]) @lambda

; Classes, interfaces and objects, of which many have no body.
(class_declaration name: (identifier) @name) @class
(class_declaration
  name: (identifier) @name
  [
    (class_body)
    (enum_class_body)
  ] @body) @class
(object_declaration name: (identifier) @name) @class
(object_declaration name: (identifier) @name (class_body) @body) @class

; What else qualifies a name.
(companion_object name: (identifier) @scope) @type
(companion_object !name "companion" @scope) @type
(enum_entry . (identifier) @scope (class_body) @type)
(property_declaration
  (variable_declaration . (identifier) @scope)
  [
    (getter)
    (setter)
  ]) @type
(property_declaration
  (variable_declaration . (identifier) @scope)
  (object_literal (class_body) @type))

(annotation) @decorator
[
  (block_comment)
  (line_comment)
] @comment
[
  (multiline_string_literal)
  (string_literal)
] @string

; What people write in one go.
[
  (block)
  (class_body)
  (enum_class_body)
  (lambda_literal)
  (when_expression)
] @block

[
  (assignment)
  (call_expression)
  (do_while_statement)
  (for_statement)
  (if_expression)
  (import)
  (property_declaration)
  (return_expression)
  (throw_expression)
  (try_expression)
  (when_entry)
  (when_expression)
  (while_statement)
] @statement

(value_arguments) @arguments
[
  (anonymous_function)
  (as_expression)
  (binary_expression)
  (call_expression)
  (callable_reference)
  (if_expression)
  (index_expression)
  (infix_expression)
  (lambda_literal)
  (multiline_string_literal)
  (navigation_expression)
  (object_literal)
  (string_literal)
  (unary_expression)
] @expression
