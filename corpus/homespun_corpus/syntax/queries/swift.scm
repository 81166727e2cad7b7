; Callables.
(function_declaration
  name: [
    (simple_identifier)
    "!="
    "!=="
    "%"
    "&"
    "*"
    "+"
    "++"
    "-"
    "--"
    "/"
    "<"
    "<<"
    "<="
    "=="
    "==="
    ">"
    ">="
    ">>"
    "^"
    "|"
    "~"
  ] @name
  body: (function_body) @body) @function
(init_declaration "init" @name body: (function_body) @body) @constructor
(deinit_declaration "deinit" @name body: (function_body) @body) @method

; Properties and subscripts, whole where they are only read.
(property_declaration
  name: (pattern (simple_identifier) @name)
  computed_value: (computed_property (statements)) @body) @method
(subscript_declaration "subscript" @name (computed_property (statements)) @body) @method
(computed_getter (getter_specifier "get" @name) (statements) @body) @method
(computed_setter (setter_specifier "set" @name) (statements) @body) @method
(computed_setter (setter_specifier "set" @name) "{" . "}") @method
(willset_clause "willSet" @name (statements) @body) @method
(didset_clause "didSet" @name (statements) @body) @method

; Functions bound to a name.
(property_declaration
  name: (pattern (simple_identifier) @name)
  value: (lambda_literal) @body) @lambda
(assignment
  target: (directly_assignable_expression [
    (simple_identifier) @name
    (navigation_expression
      target: (_) @receiver
      suffix: (navigation_suffix suffix: (simple_identifier) @name))
  ])
  result: (lambda_literal) @body) @lambda

; Classes, structs, enums, actors and protocols.
(class_declaration name: (type_identifier) @name body: (_) @body) @class
(protocol_declaration name: (type_identifier) @name body: (_) @body) @class

; What else qualifies a name: extensions.
(class_declaration name: (user_type) @scope) @type
(property_declaration
  name: (pattern (simple_identifier) @scope)
  computed_value: (computed_property [
    (computed_getter)
    (computed_setter)
  ])) @type
(property_declaration
  name: (pattern (simple_identifier) @scope)
  (willset_didset_block)) @type
(subscript_declaration
  "subscript" @scope
  (computed_property [
    (computed_getter)
    (computed_setter)
  ])) @type

(attribute) @decorator
[
  (comment)
  (multiline_comment)
] @comment
[
  (line_string_literal)
  (multi_line_string_literal)
  (raw_string_literal)
] @string

; What people write in one go.
[
  (class_body)
  (enum_class_body)
  (function_body)
  (protocol_body)
  (statements)
] @block

[
  (assignment)
  (call_expression)
  (control_transfer_statement)
  (do_statement)
  (for_statement)
  (guard_statement)
  (if_statement)
  (import_declaration)
  (property_declaration)
  (repeat_while_statement)
  (switch_entry)
  (switch_statement)
  (while_statement)
] @statement

(value_arguments) @arguments
[
  (additive_expression)
  (array_literal)
  (as_expression)
  (await_expression)
  (call_expression)
  (comparison_expression)
  (conjunction_expression)
  (dictionary_literal)
  (disjunction_expression)
  (equality_expression)
  (infix_expression)
  (lambda_literal)
  (line_string_literal)
  (multiplicative_expression)
  (navigation_expression)
  (nil_coalescing_expression)
  (prefix_expression)
  (ternary_expression)
  (try_expression)
  (tuple_expression)
] @expression
