; What JavaScript calls by another name.
(public_field_definition
  name: (_) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (statement_block) @body)
    (generator_function body: (statement_block) @body)
  ]) @method

; Classes, interfaces and enums.
(abstract_class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @class
(enum_declaration name: (_) @name body: (_) @body) @class
(export_statement declaration: [
  (abstract_class_declaration body: (_) @body)
  (interface_declaration body: (_) @body)
  (enum_declaration body: (_) @body)
]) @class
(ambient_declaration [
  (abstract_class_declaration body: (_) @body)
  (class_declaration body: (_) @body)
  (enum_declaration body: (_) @body)
  (interface_declaration body: (_) @body)
]) @class

; What else qualifies a name.
(internal_module name: (_) @scope) @namespace
(module name: (_) @scope) @namespace

; What people write in one go.
[
  (enum_body)
  (interface_body)
] @block

[
  (interface_declaration)
  (type_alias_declaration)
] @statement

(as_expression) @expression
