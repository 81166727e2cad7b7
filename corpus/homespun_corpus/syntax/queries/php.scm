; Callables.
(function_definition name: (name) @name body: (compound_statement) @body) @function
(method_declaration name: (name) @name body: (compound_statement) @body) @method
(property_hook (name) @name body: (_) @body) @method

; Functions bound to a name.
(assignment_expression
  left: [
    (variable_name (name) @name)
    (member_access_expression
      object: (variable_name (name) @receiver)
      name: (name) @name)
    (scoped_property_access_expression scope: (_) @receiver name: (variable_name (name) @name))
  ]
  right: [
    (anonymous_function body: (compound_statement) @body)
    (arrow_function body: (_) @body)
  ]) @lambda
(expression_statement
  (assignment_expression right: [
    (anonymous_function body: (compound_statement) @body)
    (arrow_function body: (_) @body)
  ])) @lambda
(array_element_initializer
  . (string) @name
  [
    (anonymous_function body: (compound_statement) @body)
    (arrow_function body: (_) @body)
  ] .) @lambda

; Classes, interfaces, traits and enums.
(class_declaration name: (name) @name body: (_) @body) @class
(enum_declaration name: (name) @name body: (_) @body) @class
(interface_declaration name: (name) @name body: (_) @body) @class
(trait_declaration name: (name) @name body: (_) @body) @class

; What else qualifies a name. A namespace counts where it has braces, as a package counts nowhere.
(property_declaration
  (property_element name: (variable_name (name) @scope))
  (property_hook_list)) @type
(namespace_definition name: (namespace_name) @scope body: (compound_statement)) @namespace
(assignment_expression
  left: (variable_name (name) @scope)
  right: (object_creation_expression (anonymous_class) @type))

(attribute_list) @decorator
(comment) @comment
[
  (encapsed_string)
  (heredoc)
  (nowdoc)
  (string)
] @string

; What people write in one go.
[
  (colon_block)
  (compound_statement)
  (declaration_list)
  (enum_declaration_list)
  (match_block)
  (switch_block)
] @block

[
  (const_declaration)
  (do_statement)
  (echo_statement)
  (expression_statement)
  (for_statement)
  (foreach_statement)
  (if_statement)
  (namespace_use_declaration)
  (property_declaration)
  (return_statement)
  (switch_statement)
  (try_statement)
  (unset_statement)
  (while_statement)
] @statement

(arguments) @arguments
[
  (anonymous_function)
  (array_creation_expression)
  (arrow_function)
  (binary_expression)
  (cast_expression)
  (class_constant_access_expression)
  (conditional_expression)
  (encapsed_string)
  (function_call_expression)
  (match_expression)
  (member_access_expression)
  (member_call_expression)
  (object_creation_expression)
  (scoped_call_expression)
  (string)
  (subscript_expression)
  (unary_op_expression)
] @expression
