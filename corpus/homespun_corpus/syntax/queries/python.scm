; Callables. Decorators are captured below and joined to what they decorate.
(function_definition
  name: (identifier) @name
  body: (block) @body) @function

(function_definition
  body: (block . (expression_statement . (string) @doc .)) @body) @function

(assignment
  left: (identifier) @name
  right: (lambda body: (_) @body)) @lambda

; Classes.
(class_definition name: (identifier) @name body: (block) @body) @class
(class_definition body: (block . (expression_statement . (string) @doc .)) @body) @class

(decorator) @decorator
(comment) @comment
(string) @string

; What people write in one go.
(block) @block
[
  (assert_statement)
  (delete_statement)
  (expression_statement)
  (for_statement)
  (if_statement)
  (import_from_statement)
  (import_statement)
  (match_statement)
  (raise_statement)
  (return_statement)
  (try_statement)
  (while_statement)
  (with_statement)
] @statement

(argument_list) @arguments
[
  (await)
  (binary_operator)
  (boolean_operator)
  (call)
  (comparison_operator)
  (conditional_expression)
  (dictionary)
  (dictionary_comprehension)
  (generator_expression)
  (lambda)
  (list)
  (list_comprehension)
  (not_operator)
  (set)
  (set_comprehension)
  (string)
  (subscript)
  (tuple)
] @expression
