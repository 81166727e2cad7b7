"""The Python of a cell means what IPython would run, with ``pass`` for each of its commands."""

from __future__ import annotations

import ast
import sysconfig
import time
import tokenize
from pathlib import Path

import pytest
from homespun_corpus.syntax.ipython import python_of
from hypothesis import given, settings
from hypothesis import strategies as st

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
COMMANDS = (
    *("%matplotlib inline", "!pip install y", "!!ls", "?name", "name.part??", "%cd 'a", "a[0]?"),
    *("%sql select \\\n  a", "%x a\\\n b \\\n% c", "! echo it's (", "%%time?", "%%unknown x"),
    *("rows = !ls -la", "took = %time f(1)", "rows: list = !ls", "table[\n  1\n] = !cat a"),
    *("files = \\\n  !ls", "a, b = !echo {x}", "x = %sql select \\\n  % 'a"),
)
STATEMENTS = (
    *("x = 1", "y = [\n  1\n% 2, 3]", "f(a\n!= 1\n)", 'r = """\n%s\n!ls\nx?\n"""', "f(a=1)"),
    *("z = a \\\n% b", "s = 'a\\\n%b'", "q = 2  # why?", "t = f'{x!r:%Y}'", "x = y == 1 != z"),
    *("u = f'''\n{x\n!= y}\n%s {{'''", "v = {\n1\n%2: '?'\n}", "w = rb'\\'' + b'['", "'''\n?\n'''"),
    *("x = '''\\'''\n%s'''", 'f"{x:>{y}}{z}%" % w', "x = a if b else (\n!c)".replace("!", "-")),
)
HEADS = ("if x:", "def f(a,\n b='%'):", "class A:", "for i in (\n1,):", "while x[\n1:]:")


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0) -> tuple[str, str]:
    """The lines of a block with commands, and the same with ``pass`` in place of each."""
    indent, typed, meant = "    " * depth, "", ""
    for kind in draw(st.lists(st.sampled_from("csbe"), min_size=1, max_size=4)):
        if kind == "b" and depth < 3:
            inner = draw(blocks(depth=depth + 1))
            head = draw(st.sampled_from(HEADS))
            one, other = (f"{head}\n{text}".removesuffix("\n") for text in inner)
        elif kind == "e":
            one, other = "if x: y = %who\nelse: z = !ls", "if x: pass\nelse: pass"
            one, other = (text.replace("\n", f"\n{indent}") for text in (one, other))
        elif kind == "c":
            one, other = draw(st.sampled_from(COMMANDS)), "pass"
        else:
            one = other = draw(st.sampled_from(STATEMENTS))
        typed, meant = f"{typed}{indent}{one}\n", f"{meant}{indent}{other}\n"
    return typed, meant


def meaning(text: str) -> str:
    """The syntax tree without each ``pass`` that stands beside anything else."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                kept = [item for item in block if not isinstance(item, ast.Pass)]
                setattr(node, name, kept or ([] if node is tree else block[:1]))
    return ast.dump(tree)


@settings(deadline=None)
@given(blocks())
def test_without_its_commands_a_cell_means_what_it_meant(block: tuple[str, str]) -> None:
    typed, meant = block
    assert meaning(python_of(typed)) == meaning(meant)
    assert meaning(python_of(typed.replace("\n", "\r\n"))) == meaning(meant)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.py")), ids=lambda path: str(path.stem))
def test_python_stays_as_it_is(path: Path) -> None:
    with tokenize.open(path) as file:
        text = file.read()
    assert python_of(f"{text}\n!ls\n") == f"{text}\n".lstrip("\n")


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%%time\nx = 1", "x = 1"),
        ("\n\n%%capture out\n!ls\nx = 1", "x = 1"),
        ("# first\n%%timeit -n 3\nx = 1", "# first\nx = 1"),
        ("%%time\n%%capture\nx = 1", "x = 1"),
        ("%%prun", ""),
        ("%%bash\nls", ""),
        ("%%writefile a.py\nx = 1", ""),
        ("# to be run first\n%%html\n<a>", ""),
        ("%%nobody_knows\nx = 1", ""),
        ("%%\nx = 1", ""),
        ("%%time?\nx = 1", "x = 1"),
        ("x = 1\n%%time\ny = 2", "x = 1\ny = 2"),
        ("%sql\nselect a from b", ""),
        ("%sql select a\nx = 1", "x = 1"),
        ("%md **bold**\nx = 1", "x = 1"),
        ("%pip install a\nx = 1", "x = 1"),
        (">>> x = 1\n>>> if x:\n...     y = 2", "x = 1\nif x:\n    y = 2"),
        ("In [12]: if x:\n   ...:     y = 2", "if x:\n    y = 2"),
        ("x = 1\n... + 2", "x = 1\n... + 2"),
        ("  x = 1\n  if x:\n      y = 2", "x = 1\nif x:\n    y = 2"),
        ("if x:\n\t%who\n", "if x:\n\tpass\n"),
        (
            "if x:\n    %a\n    # only a word\n    !b\ny = 1",
            "if x:\n    pass\n    # only a word\ny = 1",
        ),
        ("if x:\n    %a\n    y = 1", "if x:\n    y = 1"),
        ("if x:\n    y = 1\n    %a", "if x:\n    y = 1\n"),
        ("x = !ls; y = 2", ""),
        ("y = 2; x = !ls", "y = 2; x = !ls"),
        ("y; x = !ls", "y; pass\n"),
        ("class A: x = !ls", "class A: pass\n"),
        ("f(x = !ls)", "f(x = !ls)"),
        ("x != 1\n!= 2", "x != 1\n!= 2"),
    ],
)
def test_what_is_python_of_a_cell(cell: str, python: str) -> None:
    assert python_of(cell) == python


@pytest.mark.parametrize("name", ["sql", "md", "sh", "scala", "r", "fs", "md-sandbox"])
def test_among_several_languages_one_sign_speaks_for_the_cell(name: str) -> None:
    assert python_of(f"%{name} a\nb", mixed=True) == ""
    assert python_of(f"%python\nx = 1\n%{name} a", mixed=True) == "x = 1\n"


@pytest.mark.parametrize("broken", ["(", "'''", 'f"""{', "x = [1,\n", "f'{f'{", "def f(:", "\\"])
def test_what_is_not_finished_stays_as_it_is(broken: str) -> None:
    assert python_of(f"x = 1\n%who\n{broken}\n") == f"x = 1\n{broken}\n"


@pytest.mark.parametrize(
    "text",
    [
        *('f"{' * 5000, "(" * 100_000, "%a \\\n" * 20_000, "if x:\n    %a\n" * 10_000),
        *("    %a\n" * 20_000, "x = " * 50_000, "\\\n" * 50_000, "'" * 99_999, "?" * 99_999),
        *(' \t"""\\' * 20_000, "#\n" * 50_000, "f'{x:" * 20_000, "=" + " \\\n" * 50_000),
    ],
)
def test_no_cell_takes_long(text: str) -> None:
    began = time.process_time()
    python_of(f"{text}\n?")
    assert time.process_time() - began < 5


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("%!?,;/=x1 \n\t\\'\"#([{}])f:>.a"), max_size=60))
def test_any_text_has_its_lines_in_order(text: str) -> None:
    left = iter(text.split("\n"))
    for line in filter(str.strip, python_of(text).split("\n")):
        assert (
            line.strip() == "pass"
            or line.rstrip().endswith((" pass", ":pass", ";pass"))
            or any(other.endswith(line) for other in left)
        )
