"""Enter goes where an editor's would."""

from __future__ import annotations

import pytest
from homespun_server.enter import after_enter

BEGUN = "class A:\n  def f(self):\n    pass\n\n  def g(self):\n"


@pytest.mark.parametrize(
    ("line", "language", "indent"),
    [
        ("x = 1", "python", ""),
        ("    x = 1", "python", "    "),
        ("  def f(self):", "python", "    "),  # two by two, as the lines above
        ("\tx = {", "go", "\t  "),
        ("    f(a, [", "python", "      "),
        ("    return f(a)", "python", "  "),
        ("    returned = f(a)", "python", "    "),
        ("    return f(a);", "javascript", "    "),
    ],
)
def test_the_next_line_is_indented_as_editors_do(line: str, language: str, indent: str) -> None:
    text = BEGUN + line
    for behind in ("", "\n", "  \n", "\nmore\n"):
        entered = f"{text}\n{indent}"
        expected = (entered + behind.lstrip(" "), len(entered))
        assert after_enter(text + behind, len(text), language) == expected


def test_a_file_that_never_indents_does_so_by_four() -> None:
    text = "x = 1\nif x:"
    assert after_enter(text + "\n", len(text), "python") == (text + "\n    \n", len(text) + 5)
    tabs = "if a {\n\tb()\n}\nif c {"
    assert after_enter(tabs, len(tabs), "go") == (tabs + "\n\t", len(tabs) + 2)


@pytest.mark.parametrize("text", ["", "x = 1\n", "x = 1\n    "])
def test_an_empty_line_is_not_gone_on_from(text: str) -> None:
    assert after_enter(text, len(text), "python") is None


def test_nor_is_the_middle_of_one() -> None:
    assert after_enter("f(a)", 3, "python") is None
