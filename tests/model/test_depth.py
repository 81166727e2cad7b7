"""Lines that are indented deeper than any may be: ``|`` marks the cursor."""

from __future__ import annotations

import argparse
import csv
import textwrap
from pathlib import Path

import pytest
from homespun_corpus.place import Place
from homespun_corpus.syntax.languages import language_for
from homespun_model.stopping.cursor_scan import CursorScan
from homespun_model.stopping.depth import without_deeper
from homespun_model.stopping.trim import trim

FIXTURES = Path(__file__).parents[1] / "fixtures/languages"


def kept(text: str, suggestion: str, language: str | None = "python") -> str:
    before, _, after = text.partition("|")
    return without_deeper(CursorScan(Place("file", language, before, after)), suggestion)


CUT = [
    ("python", "x = 1\n|", "y = 2\n    z = 3", "y = 2"),
    ("python", "x = 1\n|", "    y = 2", ""),
    ("python", "x = 1\n    |", "y = 2", ""),
    ("python", "def f():\n    x = |", "1\n        y = 2\n    return y", "1"),
    ("python", "def f(a,\n      b):\n    |", "x = f(a,\n          b)\n        return x",
     "x = f(a,\n          b)"),
    ("python", "x = {|", "1: 2}\n    y = 3", "1: 2}"),
    ("python", "x = 1  # see:\n|", "    y = 2", ""),
    ("python", "x = '''\n    a:'''\n|", "    y = 2", ""),
    ("go", "func f() {\n\tx := |", "1\n\t\treturn x", "1"),
    ("go", "func f() {\n\ti++\n|", "\t\treturn", ""),
    ("go", "func f() {\n\tif x {\n\t\ty()\n\t}\n|", "\t\treturn", ""),
    ("javascript", "function f() {\n  a();\n|", "    b();\n", ""),
    ("java", "class A {\n    int a;\n    |", "int b;\n        int c;", "int b;"),
    ("rust", "fn f() {\n    if a {\n    }\n|", "        b();", ""),
    ("ruby", "def f\n  if a\n  end\n|", "    b", ""),
    ("lua", "if a then\n  b()\nend\n|", "  c()", ""),
]  # fmt: skip
STAYS = [
    ("python", "def f():\n|", "    return 1"),
    ("python", "if x:  # so\n|", "    return 1"),
    ("python", "if x:\n    # so\n\n|", "    return 1"),
    ("python", "x = f(\n|", "    a,\n        b,\n)\ny = 1"),
    ("python", "x = 1 + \\\n|", "    2"),
    ("python", "x = |", "'''\n        text\n            more\n'''\ny = 1"),
    ("python", "def f(a,\n      b):\n|", "    return a"),
    ("python", "def f(\n    a,\n):\n|", "    return a"),
    ("python", "class A:\n    '''It.'''\n\n|", "    x = 1\n\n    def f(self):\n        pass"),
    ("python", "x = lambda: (\n|", "    1)"),
    ("python", "(\n|", "    a"),
    ("python", "", "    x = 1"),
    ("go", "x := a.\n|", "\tB()"),
    ("go", "switch x {\ncase 1:\n|", "\tB()"),
    ("go", "return a ||\n|", "\tb"),
    ("javascript", "const a = b;\nconst c = d\n|", "  .then(e)\n  .catch(f)"),
    ("javascript", "f(x => {\n  a();\n}, () => {\n|", "  b();"),
    ("javascript", "const a = (\n  <p>{b}\n|", "    <i>{c}</i>"),
    ("java", "@A\n|", "  class B {\n    int c;\n  }"),
    ("c", "case 1: a();\n|", "        break;"),
    ("c", "#if X\nint a;\n#endif\n|", "int b;"),
    ("c", "if (a)\n|", "    b();"),
    ("cpp", "A::A()\n|", "    : b(1) {\n}"),
    ("kotlin", "val a = b\n|", "    .c()"),
    ("ruby", "class A\n|", "  def b\n    c\n  end\n\n  def d\n    e\n  end"),
    ("bash", "if a; then\n|", "  b\nfi"),
    (None, "a\n|", "    b"),
    ("markdown", "a;\n|", "    b"),
]


@pytest.mark.parametrize(("language", "text", "suggestion", "left"), CUT)
def test_a_deeper_line_is_cut_off_and_all_behind_it(
    language: str, text: str, suggestion: str, left: str
) -> None:
    assert kept(text, suggestion, language) == left


@pytest.mark.parametrize(("language", "text", "suggestion"), STAYS)
def test_what_may_be_deeper_stays(language: str | None, text: str, suggestion: str) -> None:
    assert kept(text, suggestion, language) == suggestion


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.*[!d]")), ids=lambda path: path.name)
def test_nothing_that_people_wrote_is_too_deep(path: Path) -> None:
    language = language_for(path.name)
    if language is None:
        pytest.skip("no source")
    text = path.read_text()
    assert kept("|", text, language.name) == text


def test_the_standard_library_is_not_too_deep() -> None:
    for module in (argparse, csv, textwrap):
        text = Path(module.__file__).read_text()
        assert kept("|", text) == text


def test_a_suggestion_is_trimmed_by_it() -> None:
    place = Place("a.py", "python", "def f():\n    x = ", "\n\n\ny = 1\n")
    assert trim(place, "1\n        z = 2", True).text == "1"
    place = Place("a.go", "go", "func f() {\n\tx()\n", "}\n")
    assert trim(place, "\t\ty()", True).text == ""
