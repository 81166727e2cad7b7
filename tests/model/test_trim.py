"""Where a suggestion ends: ``|`` marks the cursor, the model goes on as it likes."""

from __future__ import annotations

import argparse
import bisect
import configparser
import csv
import logging
import random
import textwrap
import time
from json import decoder
from pathlib import Path

import pytest
from homespun_corpus.place import Place, place_at
from homespun_corpus.syntax.languages import language_for
from homespun_corpus.syntax.parsing import parse
from homespun_model.stopping.cursor_scan import CursorScan
from homespun_model.stopping.nesting import scan
from homespun_model.stopping.repeats import loop, overlap, rejoins, stutter
from homespun_model.stopping.trim import Trimmed, Trimmer, trim


def at(text: str, language: str | None = "python") -> Place:
    before, _, after = text.partition("|")
    return Place("file", language, before, after)


CASES = [
    # one line
    ("mid-line, code behind the cursor", "x = foo(|) + 1\n", "a, b) + 1\ny = 2", "a, b", "closer"),
    ("mid-line, code behind it", "x = | + 1\n", "a\nb", "a", "line"),
    ("the body is there already", "def f(|:\n    pass\n", "x)\n    return", "x)", "line"),
    ("a comment", "# the |\nx = 1\n", "end\n# more", "end", "line"),
    ("a string", "x = 'a|\ny = 1\n", "b'\nz = 2", "b'", "line"),
    # one statement, others follow
    ("a statement", "def f():\n    x = |\n    return x\n", "1\n    y = 2", "1", "line"),
    ("a compound one", "if a:\n    |\n    b()\n", "if c:\n        d()\n    e()",
     "if c:\n        d()", "block"),
    ("with its else", "if a:\n    |\n    b()\n",
     "if c:\n        d()\n    else:\n        e()\n    f()",
     "if c:\n        d()\n    else:\n        e()", "block"),
    ("over brackets", "x = 1\n|\ny = 2\n", "foo(\n    a,\n)\nbar()", "foo(\n    a,\n)", "block"),
    ("at top level", "x = 1\n|", "def f():\n    return 1\n\n\ndef g():\n    return 2",
     "def f():\n    return 1", "block"),
    ("brackets of the cursor's line", "foo(|\nbar()\n", "\n    a,\n    b,\n)\nbaz()",
     "\n    a,\n    b,\n)", "block"),
    # a block that nothing follows
    ("the rest of a block", "def f():\n    x = 1\n    |\n\nz = 1\n",
     "y = 2\n    return x + y\n\nprint()", "y = 2\n    return x + y", "block"),
    ("an empty body", "def f():\n    |\n", "x = 1\n    return x\ny = 3", "x = 1\n    return x",
     "block"),
    ("a header", "class A:\n    def f(self):|\n",
     "\n        return 1\n\n    def g(self):\n        pass",
     "\n        return 1", "block"),
    ("one method of several", "class A:\n    |\n",
     "def f(self):\n        pass\n\n    def g(self):\n        pass", "def f(self):\n        pass",
     "block"),
    ("unindented text of a string", "def f():\n    |\n", 'x = """\nabc\n"""\n    return x\ny',
     'x = """\nabc\n"""\n    return x', "block"),
    # what the suffix has
    ("a closer that it has", "foo(a, [|])\n", "1, 2])", "1, 2", "closer"),
    ("the call's closer", "def f():\n    foo(|)\n", "a, bar(b))\n    baz()", "a, bar(b)", "closer"),
    ("a quote that it has", 'x = foo("a|")\n', 'bc")\nd', "bc", "closer"),
    ("its next line", "def f():\n    a()\n    |\n    return compute(x)\n",
     "b()\n    return compute(x)", "b()", "line"),
    ("its next lines, a bracket first", "class A:\n    |\n    @p\n    def f(self):\n",
     "a = 1\n    @p\n    def f(self):\n", "a = 1", "line"),
    ("its docstring", "|\n    '''\n    The one and only.\n    '''\n",
     "class A:\n    '''\n    The one and only.\n    '''\n", "class A:", "suffix"),
    ("its line at once", "def f():\n    |\n    return compute(x)\n", "return compute(x)\n", "",
     "suffix"),
    ("nearly its lines", "if x:\n    |\n    alpha = compute(one)\n    beta = compute(two)\n",
     "alpha = compute(uno)\n    beta = compute(two)\n", "", "suffix"),
    ("the line that it stands before", "def f():\n|    return compute(x)\n",
     "    return compute(x)\n", "", "suffix"),
    ("what another branch has again", "def f(a):\n    if a:\n        |\n    elif b:\n"
     "        return False\n", "return False\n    elif b:\n        return False\n", "return False",
     "line"),
    ("what is below the line that it stands before", "if a:\n|    if b:\n        return False\n",
     "        return False\n    if b:\n", "        return False", "line"),
    ("what that line says less deep", "def f():\n    if a:\n|    return False\n",
     "        return False\n    return False\n", "        return False", "line"),
    ("two lines of another block", "if a:\n    |\nelse:\n    alpha = 1 + beta\n    c = compute()\n",
     "gamma()\n    alpha = 1 + beta\n    c = compute()\n", "gamma()", "suffix"),
    ("only alike", "if x:\n    |\n    alpha = compute(one)\n    beta = compute(two)\n",
     "gamma = compute(one)\n    delta = compute(two)\n", "gamma = compute(one)", "line"),
    ("the rest of the line", "x = |.compute(a)\n", "other.compute(a)", "other", "suffix"),
    ("a short rest", "x = |;\n", "1;", "1", "suffix"),
    # repetition
    ("lines", "def f():\n    |\n", "foo(a)\n    foo(a)\n    foo(a)\n    foo(a)", "foo(a)",
     "repetition"),
    ("pieces", "x = [|\n", "alpha, beta, alpha, beta, alpha, beta, alpha, beta, ", "alpha, beta,",
     "repetition"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "place", "text", "kept", "reason"), CASES)
def test_python(name: str, place: str, text: str, kept: str, reason: str) -> None:
    trimmed = trim(at(place), text, ended=False)
    assert (trimmed.text, trimmed.reason) == (kept, reason), name


BRACES = [
    ("javascript", "function f() {|}\n", "\n  return 1;\n}\ng();", "\n  return 1;\n", "closer"),
    ("javascript", "function f() {\n  |\n}\n", "return 1;\n}\ng();", "return 1;", "closer"),
    ("javascript", "function f() {\n  |\n", "return 1;\n}\n\nfunction g() {",
     "return 1;\n}", "block"),
    ("javascript", "items.map((x) => {|});\n", "\n  return x;\n});", "\n  return x;\n", "closer"),
    ("javascript", "if (a) {\n  b();\n}|\n", " else {\n  c();\n}\nd();",
     " else {\n  c();\n}", "block"),
    ("javascript", "const s = `a${|}`;\n", "name}`;\nfoo();", "name", "suffix"),
    ("typescript", "const a = {\n  x: 1,\n  |\n};\n", "y: 2,\n};\nz", "y: 2,", "closer"),
    ("tsx", "foo(/[(]/, |);\n", "x);", "x", "closer"),
    ("go", "func f() int {\n\t|\n}\n", "if x {\n\t\treturn 1\n\t}\n\treturn 2\n}\n\nfunc",
     "if x {\n\t\treturn 1\n\t}\n\treturn 2", "closer"),
    ("go", "func f() int {\n\tif x {\n\t\t|\n\t}\n\treturn 2\n}\n", "return 1\n\t}\n\treturn 2",
     "return 1", "closer"),
    ("rust", "fn f<'a>(x: &'a str) -> char {\n    |\n}\n", "let c = '{';\n    c\n}\n",
     "let c = '{';\n    c", "closer"),
    ("go", "if a {\n\t\t|\n\t}\n\tif b {\n\t\treturn nil, err\n", "return nil, err\n\t}\n\tif b {",
     "return nil, err", "closer"),
    ("javascript", "it('a', () => {\n  |\n});\nit('b', () => {\n  expect(f(1)).toBe(2);\n});\n",
     "expect(f(1)).toBe(2);\n});\n", "expect(f(1)).toBe(2);", "closer"),
    ("java", "f() {\n    |\n    verify(text(\n        2));\n    verify(text(\n        3));\n}\n",
     "verify(text(\n        1));\n    verify(text(\n        2));\n", "verify(text(\n        1));",
     "block"),
    ("java", "if (a) {\n|    b();\n}\nreturn false;\n", "    return false;\n    b();\n",
     "    return false;", "line"),
    (None, "a(|)", "b)\nc", "b", "closer"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "place", "text", "kept", "reason"), BRACES)
def test_braces(language: str | None, place: str, text: str, kept: str, reason: str) -> None:
    trimmed = trim(at(place, language), text, ended=False)
    assert (trimmed.text, trimmed.reason) == (kept, reason)


def test_the_models_own_end_is_kept() -> None:
    assert trim(at("x = |\n"), "1", ended=True).reason == "end"
    assert trim(at("def f():\n    x = |\n    y\n"), "1\n", ended=True).reason == "end"
    assert trim(at("x = |\n"), "1", ended=False).reason == "length"


def test_half_a_line_goes_unless_it_is_all() -> None:
    place = at("def f():\n    |\n")
    assert trim(place, "first = 1\n    second = (", ended=False).text == "first = 1"
    assert trim(place, "first = 1 +", ended=False).text == "first = 1 +"
    assert trim(place, "x = 'a\ufffdb'", ended=False).text == "x = 'a"


@pytest.mark.parametrize("text", ["", " ", "\n", "\n    \n\n", "\t"])
@pytest.mark.parametrize("ended", [True, False])
def test_white_space_is_no_suggestion(text: str, ended: bool) -> None:
    for place in ("x = 1\n|\ny = 2\n", "x = |\n", "def f():\n    |\n", "|"):
        assert trim(at(place), text, ended).text == ""


def test_no_sentinel_is_shown() -> None:
    trimmer = Trimmer(at("x = |\n"), ["<fim_middle>", "<s>"])
    assert trimmer.trim("a<fim_middle>b", ended=False).text == "a"
    assert trimmer.done("a<fim_middle>")
    assert trimmer.trim("'<s>b</s>'", ended=False).text == "'<s>b</s>'"


def test_a_text_that_breaks_the_syntax_is_marked_or_shortened() -> None:
    place = at("def f():\n    |\n\n\ng()\n")
    assert trim(place, "x = 1\n    return x", ended=True).parses
    assert not trim(place, "x = (1", ended=True).parses
    shortened = trim(place, "x = 1\n    y = (2", ended=True)
    assert (shortened.text, shortened.parses) == ("x = 1", True)
    assert trim(at("x = foo(|\n"), "1, [2", ended=True).parses  # it was broken before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("check(event, cale|ndar, href)\n", "ndar"),  # the cursor splits a word
        ("editor = Ed|itor()\n", "itable"),
        ("x = |format, other)\n", "format=agenda_format,"),  # what stands there, otherwise
        ("import type { Props }| from 'react';\n", " from './hooks';"),
        ("}:| DateFilterProps) {\n", " DateFilterProps"),
        ("f(a=|x)\n", "x"),
    ],
)
def test_what_would_replace_the_rest_of_the_line_does_not_fit(text: str, said: str) -> None:
    assert not trim(at(text, "typescript"), said, ended=True).fits


@pytest.mark.parametrize(
    ("text", "said"),
    [("f(|, b)\n", "a"), ("f(|)\n", "a"), ("f(|x)\n", "a, "), ("x = |\nformat()\n", "format(1)")],
)
def test_what_goes_in_before_the_rest_of_the_line_fits(text: str, said: str) -> None:
    assert trim(at(text), said, ended=True).fits


def test_a_line_is_not_said_twice_in_a_row() -> None:
    place = at("def f():\n    settings.name = other.name\n    |\n")
    assert trim(place, "settings.name = other.name\n    return 1", ended=True) == Trimmed(
        "", "repetition"
    )
    twice = "settings.path = other.path\n    settings.path = other.path\n    return 1"
    assert trim(place, twice, ended=True).text == "settings.path = other.path"
    assert trim(at("a = 1\n|\n"), "a = 1", ended=True).text == "a = 1"  # too short to say


def test_a_list_of_nothing_but_signs_ends_too() -> None:
    row = '    ("*", "*"),\n'
    found = trim(at("PAIRS = [\n    |\n"), (row * 12).strip() + "\n]", ended=True)
    assert (found.text, found.reason) == ('("*", "*"),', "repetition")


def test_a_bracket_that_the_file_misses_may_be_written() -> None:
    whole = at("def f():\n    x = foo(a|\n    return x\n")
    assert trim(whole, ", b)\n", ended=False).text == ", b)"
    has_it = at("def f():\n    x = foo(\n        a|\n    )\n    return x\n")
    assert trim(has_it, ", b)\n", ended=False).text == ", b"
    window = Place("f", "go", "\tfoo(a", "\n}\n\nfunc g() {\n}\n", before=5000, after=5000)
    assert trim(window, ", b)\n}\n", ended=False).text == ", b)"


def test_strings_and_comments_hold_no_brackets() -> None:
    def brackets(text: str, language: str) -> str:
        return "".join(t.text for t in scan(text, language) if t.kind == "bracket")

    assert brackets("f('(', \"[\", '''{\n}''') # )", "python") == "()"
    assert brackets("f(`(\n${x}`) // (\n/* { */ [/[/(]/]", "javascript") == "()[]"
    assert brackets("a / b(c) / d", "javascript") == "()"
    assert brackets("f::<'a>('(', r#\"(\"#) // (", "rust") == "()"
    assert brackets("f(`(`, '(') // (", "go") == "()"


def test_modes() -> None:
    def mode(text: str, indent: int = 4) -> str:
        return CursorScan(at(text)).mode(indent)

    assert mode("def f():\n    |\n    x\n") == "statement"
    assert mode("def f():\n    |\n") == "block"
    assert mode("def f():\n    |\ng()\n") == "block"
    assert mode("x|\n", 0) == "statement"
    assert mode("def f():\n    if a|\n        b()\n") == "line"
    assert mode("f(|)\n", 0) == "block"
    assert mode("f(|) and x\n", 0) == "line"


def test_repeats() -> None:
    assert loop(["a b c"] * 3) == 1
    assert loop(["one", "two", "one", "two", "one", "two"]) == 2
    assert loop(["}", "}", "}"]) is None
    assert loop(["one", "one", "two"]) is None
    assert stutter("x = " + "value, " * 5) == len("x = value, ")
    assert stutter("x = 0, 0, 0, 0") is None
    assert stutter(" " * 80) is None
    assert overlap("a + b", "+ b", whole=True) == 2
    assert overlap("a + b", ")", whole=True) is None
    assert rejoins(["  return x"], ["  return x"])
    assert not rejoins(["  return x"], ["return x"])
    assert rejoins(["  return compute(x)"], ["  )", "  return compute(x)"])
    assert not rejoins(["}"], ["}"])
    assert rejoins(["alpha = one(1)", "b = two(2)"], ["alpha = one(2)", "b = two(2)"])
    assert not rejoins(["alpha = one(1)", "b = two(2)"], ["alpha = one(2)", "b = two(3)"])
    assert not rejoins(["    return False"], ["  elif b:", "    return False"])
    assert rejoins(["  alpha = one(1)", "  two()"], ["else:", "  alpha = one(1)", "  two()"])
    assert not rejoins(["  alpha = one(1)", "}"], ["else {", "  alpha = one(1)", "}"])
    assert rejoins(["alpha = 'one',"], ['alpha = "one"'])
    assert not rejoins(["return x"], [])


# A model that knows the file by heart and never stops: the text behind every cursor is the truth.

SOURCES = [
    Path(m.__file__) for m in (argparse, bisect, configparser, csv, decoder, logging, textwrap)
]


@pytest.mark.parametrize("seed", range(60))
def test_what_goes_on_for_ever_never_says_the_suffix_again(seed: int) -> None:
    place, truth = hole(seed)
    trimmed = trim(place, truth + place.suffix[:400], ended=False)
    shown = [line.strip() for line in trimmed.text.split("\n")[1:]]
    rest = [line.strip() for line in place.suffix.split("\n")[1:]]
    after = next((line for line in rest if sum(map(str.isalnum, line)) > 8), None)
    hidden = {line.strip() for line in truth.split("\n")}
    assert after is None or after in hidden or after not in shown


@pytest.mark.parametrize("seed", range(60))
def test_stopping_early_changes_nothing(seed: int) -> None:
    """Token by token with ``done``, or all at once: the same suggestion."""
    place, truth = hole(seed)
    rng, text, written = random.Random(seed), truth + place.suffix[:300], ""
    trimmer = Trimmer(place)
    while len(written) < len(text) and not trimmer.done(written):
        written = text[: len(written) + rng.randrange(1, 6)]
    assert trimmer.trim(written, ended=False).text == trimmer.trim(text, ended=False).text


@pytest.mark.parametrize("seed", range(60))
def test_a_true_statement_is_not_cut_short(seed: int) -> None:
    """A hole of whole lines of one statement, filled with the truth by a model that ends."""
    place, truth = hole(seed, lines=1)
    trimmed = trim(place, truth, ended=True)
    assert trimmed.parses
    if truth.strip() and trimmed.reason == "end":
        assert trimmed.text == truth.rstrip()


def hole(seed: int, lines: int | None = None) -> tuple[Place, str]:
    """A seeded hole in a source file of this project, and what was in it."""
    rng = random.Random(seed)
    path = rng.choice(SOURCES)
    text = path.read_text(encoding="utf-8")
    starts = [i + 1 for i, char in enumerate(text[:-200]) if char == "\n" and text[i + 1] != "\n"]
    start = rng.choice(starts)
    start += rng.choice((0, len(text[start:]) - len(text[start:].lstrip(" ")), 7))
    count = lines if lines is not None else rng.randrange(1, 6)
    end = start
    for _ in range(count):
        end = text.find("\n", end + 1) if end < len(text) - 80 else end
    return place_at(text, start, end, path=path.name, language="python"), text[start:end]


def test_the_projects_own_sources_are_sound() -> None:
    """The generator above cuts holes into code that parses, or the properties say nothing."""
    for path in SOURCES:
        language = language_for(path.name)
        assert language is not None
        assert not parse(language, path.read_bytes()).root_node.has_error


@pytest.mark.parametrize("odd", ["{", "(", "'", '"', "`", "\\", "/*", "[=", "r#", "a.", "{}"])
def test_thousands_of_anything_are_no_work(odd: str) -> None:
    """A minute, once, for brackets."""
    for language in ("python", "javascript", "rust", "lua", "bash", None):
        trimmer = Trimmer(at(odd * (8000 // len(odd)) + "|", language))
        began = time.process_time()
        for length in range(0, 128, 4):
            trimmer.done(odd * length)
        trimmer.trim(odd * 128, ended=False)
        assert time.process_time() - began < 5
