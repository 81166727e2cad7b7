; Callables. An empty method has no body node.
(method name: (_) @name body: (_) @body) @function
(method name: (_) @name !body) @function
(singleton_method
  object: [
    (self)
    (identifier) @receiver
    (constant) @receiver
  ]
  name: (_) @name
  body: (_) @body) @method
(singleton_method
  object: [
    (self)
    (identifier) @receiver
    (constant) @receiver
  ]
  name: (_) @name
  !body) @method

; A method whose definition is handed on: private def f …
(call
  !receiver
  arguments: (argument_list . (method body: (_) @body) .)) @function
(call
  !receiver
  arguments: (argument_list . (singleton_method body: (_) @body) .)) @method

; Methods that a call defines.
(call
  !receiver
  method: (identifier) @maker
  arguments: (argument_list . [
    (simple_symbol)
    (string)
  ] @name)
  block: (_ body: (_) @body)) @method

; Functions bound to a name.
(assignment
  left: [
    (constant)
    (identifier)
    (instance_variable)
    (class_variable)
    (global_variable)
  ] @name
  right: (lambda body: (_ body: (_) @body))) @lambda
(assignment
  left: [
    (constant)
    (identifier)
    (instance_variable)
    (class_variable)
    (global_variable)
  ] @name
  right: (call
    !receiver
    method: (identifier) @maker
    !arguments
    block: (_ body: (_) @body))) @lambda

; Classes and modules, of which an empty one has no body.
(class name: (_) @name body: (_) @body) @class
(class name: (_) @name !body) @class
(module name: (_) @name body: (_) @body) @class
(module name: (_) @name !body) @class

; What else qualifies a name.
(assignment
  left: (constant) @scope
  right: (call receiver: (constant) block: (_) @type))

(comment) @comment
[
  (heredoc_body)
  (string)
] @string

; What people write in one go.
[
  (block_body)
  (body_statement)
  (do)
  (ensure)
  (then)
] @block

[
  (assignment)
  (begin)
  (call)
  (case)
  (for)
  (if)
  (if_modifier)
  (operator_assignment)
  (rescue_modifier)
  (return)
  (unless)
  (unless_modifier)
  (until)
  (while)
  (yield)
] @statement

(argument_list) @arguments
[
  (array)
  (binary)
  (block)
  (call)
  (conditional)
  (element_reference)
  (hash)
  (lambda)
  (regex)
  (string)
  (string_array)
  (symbol_array)
  (unary)
] @expression
