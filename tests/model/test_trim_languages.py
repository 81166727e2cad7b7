"""Suggestions end where a block does, in every language of the table."""

from __future__ import annotations

import pytest
from homespun_corpus.place import Place
from homespun_corpus.syntax.languages import LANGUAGES
from homespun_model.stopping.nesting import scan
from homespun_model.stopping.trim import Trimmed, trim

BRACES = ("{", "}")
# By language: the head of a function, what ends it, a statement, a block that a model may write.
BLOCKS = {
    "python": ("def f(a):", "", "x = g(a)", "if a:\n        h(a)"),
    "javascript": ("function f(a) {", "}", "x = g(a);", "if (a) {\n        h(a);\n    }"),
    "typescript": ("function f(a: A) {", "}", "x = g(a);", "if (a) {\n        h(a);\n    }"),
    "tsx": ("function f(a: A) {", "}", "x = g(a);", "if (a) {\n        h(a);\n    }"),
    "go": ("func f(a int) {", "}", "x = g(a)", "if a > 0 {\n        h(a)\n    }"),
    "rust": ("fn f(a: u8) {", "}", "x = g(a);", "if a > 0 {\n        h(a);\n    }"),
    "java": ("class A { void f(int a) {", "} }", "x = g(a);", "if (a) {\n        h(a);\n    }"),
    "c": ("void f(int a) {", "}", "x = g(a);", "if (a) {\n        h(a);\n    }"),
    "cpp": ("void A::f(int a) {", "}", "x = g(a);", "if (a) {\n        h(a);\n    }"),
    "csharp": ("class A { void F(int a) {", "} }", "x = G(a);", "if (a) {\n        H(a);\n    }"),
    "ruby": ("def f(a)", "end", "x = g(a)", "if a\n        h(a)\n    end"),
    "php": ("<?php function f($a) {", "}", "$x = g($a);", "if ($a) {\n        h($a);\n    }"),
    "kotlin": ("fun f(a: Int) {", "}", "x = g(a)", "if (a) {\n        h(a)\n    }"),
    "swift": ("func f(a: Int) {", "}", "x = g(a)", "if a {\n        h(a)\n    }"),
    "scala": ("def f(a: Int) = {", "}", "x = g(a)", "if (a) {\n        h(a)\n    }"),
    "bash": ("f() {", "}", "x=$(g a)", "if a; then\n        h a\n    fi"),
    "lua": ("function f(a)", "end", "x = g(a)", "if a then\n        h(a)\n    end"),
}
names = pytest.mark.parametrize("name", [row.name for row in LANGUAGES])


def shown(name: str, text: str, *, lead: str = "    ", suffix: str | None = None) -> Trimmed:
    head, end, _, _ = BLOCKS[name]
    suffix = f"\n{end}\n" if suffix is None else suffix
    return trim(Place("f", name, f"{head}\n{lead}", suffix), text, ended=False)


@names
def test_a_suggestion_ends_with_its_block(name: str) -> None:
    _, end, statement, block = BLOCKS[name]
    trimmed = shown(
        name, f"{statement}\n    {block}\n{end or 'z = 1'}\n\n\nmore, of another kind\n"
    )
    assert trimmed.text == f"{statement}\n    {block}"
    assert trimmed.parses


@names
def test_a_block_that_is_begun_is_ended(name: str) -> None:
    _, _, statement, block = BLOCKS[name]
    after = f"\n    {statement}\n{BLOCKS[name][1]}\n"
    trimmed = shown(name, f"{block}\n    {statement}\n    {statement}\n", suffix=after)
    assert trimmed.text == block


@names
def test_a_bracket_that_the_suffix_closes_is_not_closed_twice(name: str) -> None:
    statement = BLOCKS[name][2]
    before, _, after = (
        statement.partition("a)") if "a)" in statement else statement.partition("$a)")
    )
    trimmed = shown(name, "a)", lead=f"    {before}", suffix=f"){after}\n{BLOCKS[name][1]}\n")
    assert trimmed.text == "a"


@names
def test_brackets_in_comments_and_strings_are_none(name: str) -> None:
    (row,) = (row for row in LANGUAGES if row.name == name)
    mark = row.lexical.line_comment
    text = f'{mark} don\'t (\nx = "a ( \\" {mark} b"\ny(1)\n'
    kinds = [token.kind for token in scan(text, name)]
    assert kinds == ["comment", "string", "bracket", "bracket"]
