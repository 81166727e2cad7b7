; Callables. A body is in braces, in a subshell's parentheses, or a compound command.
(function_definition name: (word) @name body: (_) @body) @function

(comment) @comment
[
  (ansi_c_string)
  (heredoc_body)
  (raw_string)
  (string)
  (translated_string)
] @string

; What people write in one go.
[
  (case_item)
  (compound_statement)
  (do_group)
  (subshell)
] @block

[
  (c_style_for_statement)
  (case_statement)
  (command)
  (declaration_command)
  (for_statement)
  (if_statement)
  (list)
  (pipeline)
  (redirected_statement)
  (unset_command)
  (variable_assignment)
  (while_statement)
] @statement

; What follows a command's name, word by word.
(command argument: (_) @arguments)
[
  (arithmetic_expansion)
  (array)
  (command_substitution)
  (concatenation)
  (expansion)
  (process_substitution)
  (raw_string)
  (string)
  (test_command)
] @expression
