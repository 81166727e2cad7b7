; Callables. A declarator may be wrapped in pointers; macros and prototypes are no functions.
(function_definition
  declarator: [
    (function_declarator declarator: (identifier) @name)
    (function_declarator declarator: (parenthesized_declarator (identifier) @name))
    (pointer_declarator
      declarator: (function_declarator declarator: (identifier) @name))
    (pointer_declarator
      declarator: (pointer_declarator
        declarator: (function_declarator declarator: (identifier) @name)))
    (pointer_declarator
      declarator: (pointer_declarator
        declarator: (pointer_declarator
          declarator: (function_declarator declarator: (identifier) @name))))
    (function_declarator
      declarator: (parenthesized_declarator
        (pointer_declarator
          declarator: (function_declarator declarator: (identifier) @name))))
  ]
  body: (compound_statement) @body) @function

; Structs, unions and enums. A type that is only named elsewhere is none.
[
  (struct_specifier name: (_) @name body: (_) @body)
  (union_specifier name: (_) @name body: (_) @body)
  (enum_specifier name: (_) @name body: (_) @body)
] @class
(type_definition
  type: [
    (struct_specifier body: (_) @body)
    (union_specifier body: (_) @body)
    (enum_specifier body: (_) @body)
  ]
  . declarator: (type_identifier) @name) @class

(comment) @comment
[
  (concatenated_string)
  (string_literal)
] @string

; What people write in one go.
[
  (compound_statement)
  (declaration_list)
  (enumerator_list)
  (field_declaration_list)
  (initializer_list)
] @block

[
  (declaration)
  (do_statement)
  (expression_statement)
  (field_declaration)
  (for_statement)
  (goto_statement)
  (if_statement)
  (preproc_def)
  (preproc_include)
  (return_statement)
  (switch_statement)
  (type_definition)
  (while_statement)
] @statement

(argument_list) @arguments
[
  (assignment_expression)
  (binary_expression)
  (call_expression)
  (cast_expression)
  (compound_literal_expression)
  (concatenated_string)
  (conditional_expression)
  (field_expression)
  (initializer_list)
  (pointer_expression)
  (sizeof_expression)
  (string_literal)
  (subscript_expression)
  (unary_expression)
] @expression
