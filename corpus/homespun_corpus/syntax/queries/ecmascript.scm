; What JavaScript and TypeScript share. Where several patterns match one body, the widest span wins.

; Functions with a name of their own.
[
  (function_declaration name: (identifier) @name body: (statement_block) @body)
  (generator_function_declaration name: (identifier) @name body: (statement_block) @body)
  (function_expression name: (identifier) @name body: (statement_block) @body)
  (generator_function name: (identifier) @name body: (statement_block) @body)
] @function

(export_statement
  declaration: [
    (function_declaration body: (statement_block) @body)
    (generator_function_declaration body: (statement_block) @body)
  ]) @function

(export_statement
  "default" @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression !name body: (statement_block) @body)
    (generator_function !name body: (statement_block) @body)
  ]) @function

; Methods of classes and of object literals.
(method_definition name: (_) @name body: (statement_block) @body) @method

; Functions bound to a name.
(variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) @lambda

[
  (lexical_declaration . (variable_declarator value: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) .)
  (variable_declaration . (variable_declarator value: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) .)
] @lambda

(export_statement
  declaration: (lexical_declaration . (variable_declarator value: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) .)) @lambda

(pair
  key: (_) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) @lambda

(assignment_expression
  left: [
    (identifier) @name
    (member_expression object: (_) @receiver property: (_) @name)
  ]
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) @lambda

(expression_statement
  (assignment_expression
    right: [
      (arrow_function body: (_) @body)
      (function_expression body: (statement_block) @body)
      (generator_function body: (statement_block) @body)
    ])) @lambda

; Classes, by themselves or bound to a name.
(class_declaration name: (_) @name body: (_) @body) @class
(class name: (_) @name body: (_) @body) @class
(export_statement declaration: (class_declaration body: (_) @body)) @class
(export_statement "default" @name value: (class !name body: (_) @body)) @class
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @class
[
  (lexical_declaration . (variable_declarator value: (class body: (_) @body)) .)
  (variable_declaration . (variable_declarator value: (class body: (_) @body)) .)
] @class
(export_statement
  declaration: (lexical_declaration
    . (variable_declarator value: (class body: (_) @body)) .)) @class

; What else qualifies a name.
(variable_declarator name: (identifier) @scope value: (object) @namespace)
(pair key: (_) @scope value: (object) @namespace)

(decorator) @decorator
(comment) @comment
[
  (string)
  (template_string)
] @string

; What people write in one go.
[
  (class_body)
  (statement_block)
  (switch_body)
] @block

[
  (do_statement)
  (export_statement)
  (expression_statement)
  (for_in_statement)
  (for_statement)
  (if_statement)
  (import_statement)
  (lexical_declaration)
  (return_statement)
  (switch_statement)
  (throw_statement)
  (try_statement)
  (variable_declaration)
  (while_statement)
] @statement

(arguments) @arguments
[
  (array)
  (arrow_function)
  (await_expression)
  (binary_expression)
  (call_expression)
  (function_expression)
  (new_expression)
  (object)
  (string)
  (subscript_expression)
  (template_string)
  (ternary_expression)
  (unary_expression)
] @expression
