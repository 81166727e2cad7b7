; Callables. What has no body of its own is no function.
(method_declaration name: (identifier) @name body: (block) @body) @method
(constructor_declaration name: (identifier) @name body: (constructor_body) @body) @constructor
(compact_constructor_declaration name: (identifier) @name body: (block) @body) @constructor

; Functions bound to a name.
(variable_declarator
  name: (identifier) @name
  value: (lambda_expression body: (_) @body)) @lambda
[
  (field_declaration
    type: (_) . (variable_declarator value: (lambda_expression body: (_) @body)) .)
  (local_variable_declaration
    type: (_) . (variable_declarator value: (lambda_expression body: (_) @body)) .)
] @lambda
(assignment_expression
  left: [
    (identifier) @name
    (field_access object: (_) @receiver field: (identifier) @name)
  ]
  right: (lambda_expression body: (_) @body)) @lambda
(expression_statement
  (assignment_expression right: (lambda_expression body: (_) @body))) @lambda

; Classes, interfaces and the like.
(class_declaration name: (identifier) @name body: (_) @body) @class
(enum_declaration name: (identifier) @name body: (_) @body) @class
(interface_declaration name: (identifier) @name body: (_) @body) @class
(record_declaration name: (identifier) @name body: (_) @body) @class
(annotation_type_declaration name: (identifier) @name body: (_) @body) @class

; What else qualifies a name.
(enum_constant name: (identifier) @scope body: (class_body) @type)
(variable_declarator
  name: (identifier) @scope
  value: (object_creation_expression (class_body) @type))

[
  (annotation)
  (marker_annotation)
] @decorator
[
  (block_comment)
  (line_comment)
] @comment
(string_literal) @string

; What people write in one go.
[
  (annotation_type_body)
  (block)
  (class_body)
  (constructor_body)
  (enum_body)
  (interface_body)
  (switch_block)
] @block

[
  (assert_statement)
  (do_statement)
  (enhanced_for_statement)
  (explicit_constructor_invocation)
  (expression_statement)
  (field_declaration)
  (for_statement)
  (if_statement)
  (import_declaration)
  (local_variable_declaration)
  (return_statement)
  (switch_expression)
  (synchronized_statement)
  (throw_statement)
  (try_statement)
  (try_with_resources_statement)
  (while_statement)
  (yield_statement)
] @statement

(argument_list) @arguments
[
  (array_access)
  (array_creation_expression)
  (array_initializer)
  (binary_expression)
  (cast_expression)
  (instanceof_expression)
  (lambda_expression)
  (method_invocation)
  (method_reference)
  (object_creation_expression)
  (string_literal)
  (ternary_expression)
  (unary_expression)
] @expression
