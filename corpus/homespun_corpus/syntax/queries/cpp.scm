; Callables. A declarator may be wrapped in pointers and references; what has no body of its own,
; and what a macro makes, is no function.
(function_definition
  declarator: [
    (function_declarator
      declarator: [
        (identifier) @name
        (field_identifier) @name
        (operator_name) @name
        (destructor_name) @name
        (template_function name: (identifier) @name)
      ])
    (reference_declarator
      (function_declarator
        declarator: [
          (identifier) @name
          (field_identifier) @name
          (operator_name) @name
          (destructor_name) @name
          (template_function name: (identifier) @name)
        ]))
    (pointer_declarator
      declarator: [
        (function_declarator
          declarator: [
            (identifier) @name
            (field_identifier) @name
            (operator_name) @name
            (destructor_name) @name
            (template_function name: (identifier) @name)
          ])
        (reference_declarator
          (function_declarator
            declarator: [
              (identifier) @name
              (field_identifier) @name
              (operator_name) @name
              (destructor_name) @name
              (template_function name: (identifier) @name)
            ]))
        (pointer_declarator
          declarator: (function_declarator
            declarator: [
              (identifier) @name
              (field_identifier) @name
              (operator_name) @name
              (destructor_name) @name
              (template_function name: (identifier) @name)
            ]))
      ])
  ]
  body: (_) @body) @function

; A test that a macro makes, to the grammar a call that nothing ends and a block.
((expression_statement
   (call_expression
     function: (identifier) @maker
     arguments: (argument_list (string_literal) @name))) @function
 . (compound_statement) @body @function)

; Defined outside of a class or a namespace, up to three names deep.
(function_definition
  declarator: [
    (function_declarator
      declarator: (qualified_identifier
        scope: [
          (namespace_identifier) @receiver
          (template_type name: (type_identifier) @receiver)
        ]
        name: [
          (identifier) @name
          (operator_name) @name
          (destructor_name) @name
          (template_function name: (identifier) @name)
          (qualified_identifier
            scope: [
              (namespace_identifier) @receiver
              (template_type name: (type_identifier) @receiver)
            ]
            name: [
              (identifier) @name
              (operator_name) @name
              (destructor_name) @name
              (template_function name: (identifier) @name)
              (qualified_identifier
                scope: [
                  (namespace_identifier) @receiver
                  (template_type name: (type_identifier) @receiver)
                ]
                name: [
                  (identifier) @name
                  (operator_name) @name
                  (destructor_name) @name
                  (template_function name: (identifier) @name)
                ])
            ])
        ]))
    (reference_declarator
      (function_declarator
        declarator: (qualified_identifier
          scope: [
            (namespace_identifier) @receiver
            (template_type name: (type_identifier) @receiver)
          ]
          name: [
            (identifier) @name
            (operator_name) @name
            (destructor_name) @name
            (template_function name: (identifier) @name)
            (qualified_identifier
              scope: [
                (namespace_identifier) @receiver
                (template_type name: (type_identifier) @receiver)
              ]
              name: [
                (identifier) @name
                (operator_name) @name
                (destructor_name) @name
                (template_function name: (identifier) @name)
                (qualified_identifier
                  scope: [
                    (namespace_identifier) @receiver
                    (template_type name: (type_identifier) @receiver)
                  ]
                  name: [
                    (identifier) @name
                    (operator_name) @name
                    (destructor_name) @name
                    (template_function name: (identifier) @name)
                  ])
              ])
          ])))
    (pointer_declarator
      declarator: [
        (function_declarator
          declarator: (qualified_identifier
            scope: [
              (namespace_identifier) @receiver
              (template_type name: (type_identifier) @receiver)
            ]
            name: [
              (identifier) @name
              (operator_name) @name
              (destructor_name) @name
              (template_function name: (identifier) @name)
              (qualified_identifier
                scope: [
                  (namespace_identifier) @receiver
                  (template_type name: (type_identifier) @receiver)
                ]
                name: [
                  (identifier) @name
                  (operator_name) @name
                  (destructor_name) @name
                  (template_function name: (identifier) @name)
                  (qualified_identifier
                    scope: [
                      (namespace_identifier) @receiver
                      (template_type name: (type_identifier) @receiver)
                    ]
                    name: [
                      (identifier) @name
                      (operator_name) @name
                      (destructor_name) @name
                      (template_function name: (identifier) @name)
                    ])
                ])
            ]))
        (reference_declarator
          (function_declarator
            declarator: (qualified_identifier
              scope: [
                (namespace_identifier) @receiver
                (template_type name: (type_identifier) @receiver)
              ]
              name: [
                (identifier) @name
                (operator_name) @name
                (destructor_name) @name
                (template_function name: (identifier) @name)
                (qualified_identifier
                  scope: [
                    (namespace_identifier) @receiver
                    (template_type name: (type_identifier) @receiver)
                  ]
                  name: [
                    (identifier) @name
                    (operator_name) @name
                    (destructor_name) @name
                    (template_function name: (identifier) @name)
                    (qualified_identifier
                      scope: [
                        (namespace_identifier) @receiver
                        (template_type name: (type_identifier) @receiver)
                      ]
                      name: [
                        (identifier) @name
                        (operator_name) @name
                        (destructor_name) @name
                        (template_function name: (identifier) @name)
                      ])
                  ])
              ])))
        (pointer_declarator
          declarator: (function_declarator
            declarator: (qualified_identifier
              scope: [
                (namespace_identifier) @receiver
                (template_type name: (type_identifier) @receiver)
              ]
              name: [
                (identifier) @name
                (operator_name) @name
                (destructor_name) @name
                (template_function name: (identifier) @name)
                (qualified_identifier
                  scope: [
                    (namespace_identifier) @receiver
                    (template_type name: (type_identifier) @receiver)
                  ]
                  name: [
                    (identifier) @name
                    (operator_name) @name
                    (destructor_name) @name
                    (template_function name: (identifier) @name)
                    (qualified_identifier
                      scope: [
                        (namespace_identifier) @receiver
                        (template_type name: (type_identifier) @receiver)
                      ]
                      name: [
                        (identifier) @name
                        (operator_name) @name
                        (destructor_name) @name
                        (template_function name: (identifier) @name)
                      ])
                  ])
              ])))
      ])
  ]
  body: (_) @body) @method

; Conversions.
(function_definition
  declarator: (operator_cast "operator" @name type: (_) @name)
  body: (_) @body) @method
(function_definition
  declarator: (qualified_identifier
    scope: [
      (namespace_identifier) @receiver
      (template_type name: (type_identifier) @receiver)
    ]
    name: [
      (operator_cast "operator" @name type: (_) @name)
      (qualified_identifier
        scope: [
          (namespace_identifier) @receiver
          (template_type name: (type_identifier) @receiver)
        ]
        name: [
          (operator_cast "operator" @name type: (_) @name)
        ])
    ])
  body: (_) @body) @method

; Constructors have no type.
(field_declaration_list [
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)
    body: (_) @body)
  (template_declaration
    (function_definition
      !type
      declarator: (function_declarator declarator: (identifier) @name)
      body: (_) @body))
] @constructor)
(function_definition
  !type
  declarator: (function_declarator
    declarator: (qualified_identifier
      scope: [
        (namespace_identifier) @receiver
        (template_type name: (type_identifier) @receiver)
      ]
      name: [
        (identifier) @name
        (qualified_identifier
          scope: [
            (namespace_identifier) @receiver
            (template_type name: (type_identifier) @receiver)
          ]
          name: [
            (identifier) @name
            (qualified_identifier
              scope: [
                (namespace_identifier) @receiver
                (template_type name: (type_identifier) @receiver)
              ]
              name: [
                (identifier) @name
              ])
          ])
      ]))
  body: (_) @body) @constructor

; A template's head, and a friend's word, belong to it.
(template_declaration (function_definition body: (_) @body)) @function
(template_declaration (template_declaration (function_definition body: (_) @body))) @function
(friend_declaration (function_definition body: (_) @body)) @function

; Inside of a function, a name before a block is a macro that loops.
(compound_statement
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier))
    body: (_) @body) @skip)

; Functions bound to a name.
(init_declarator
  declarator: (identifier) @name
  value: (lambda_expression body: (_) @body)) @lambda
(declaration
  type: (_)
  .
  declarator: (init_declarator value: (lambda_expression body: (_) @body))
  .) @lambda
(field_declaration
  declarator: (field_identifier) @name
  default_value: (lambda_expression body: (_) @body)) @lambda
(assignment_expression
  left: [
    (identifier) @name
    (field_expression argument: (_) @receiver field: (field_identifier) @name)
  ]
  right: (lambda_expression body: (_) @body)) @lambda
(expression_statement
  (assignment_expression right: (lambda_expression body: (_) @body))) @lambda

; Classes, structs, unions and enums. A type that is only named elsewhere is none.
[
  (class_specifier name: (_) @name body: (_) @body)
  (struct_specifier name: (_) @name body: (_) @body)
  (union_specifier name: (_) @name body: (_) @body)
  (enum_specifier name: (_) @name body: (_) @body)
] @class
(template_declaration [
  (class_specifier body: (_) @body)
  (struct_specifier body: (_) @body)
  (union_specifier body: (_) @body)
]) @class
(type_definition
  type: [
    (struct_specifier body: (_) @body)
    (union_specifier body: (_) @body)
    (enum_specifier body: (_) @body)
  ]
  . declarator: (type_identifier) @name) @class

; What else qualifies a name.
(namespace_definition name: (_) @scope) @namespace

(comment) @comment
[
  (concatenated_string)
  (raw_string_literal)
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
  (alias_declaration)
  (co_return_statement)
  (declaration)
  (do_statement)
  (expression_statement)
  (field_declaration)
  (for_range_loop)
  (for_statement)
  (goto_statement)
  (if_statement)
  (preproc_def)
  (preproc_include)
  (return_statement)
  (switch_statement)
  (throw_statement)
  (try_statement)
  (type_definition)
  (using_declaration)
  (while_statement)
] @statement

(argument_list) @arguments
[
  (assignment_expression)
  (binary_expression)
  (call_expression)
  (cast_expression)
  (co_await_expression)
  (compound_literal_expression)
  (concatenated_string)
  (conditional_expression)
  (field_expression)
  (initializer_list)
  (lambda_expression)
  (new_expression)
  (pointer_expression)
  (raw_string_literal)
  (string_literal)
  (subscript_expression)
  (unary_expression)
] @expression
