"""What stands behind a cursor is not said again: brackets, quotes and ends of comments that an
editor put there, or that were there. A line is drawn, two cuts are made in it; the model knows what
is between them, and goes on with all that follows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from homespun_corpus.place import Place
from homespun_corpus.syntax.languages import LANGUAGES
from homespun_model.stopping.trim import Trimmer
from hypothesis import assume, given, settings
from hypothesis import strategies as st

PAIRS = ("()", "[]", "{}")


@dataclass(frozen=True)
class Kind:
    """A string or comment: what it begins and ends with, code in it, and pairs that it may hold."""

    begin: str
    end: str
    hole: tuple[str, str] | None = None
    pairs: tuple[str, ...] = PAIRS
    inner: tuple[str, ...] = ()
    """Quotes of strings in a hole's code."""


ROUND = PAIRS[:2]
DOLLAR, BRACE = ("${", "}"), ("{", "}")
QUOTED = (Kind('"', '"'), Kind("'", "'"))
LINE, BLOCK = Kind("// see ", ""), Kind("/* see ", " */")
HASH = Kind("# see ", "")
SCRIPT = (
    *QUOTED,
    Kind("`", "`", DOLLAR, inner=("'", '"', "`")),
    Kind("/a", "/", pairs=("()", "{}")),
    LINE,
    BLOCK,
)
DOUBLE = Kind('"', '"')
KINDS: dict[str, tuple[Kind, ...]] = {
    "python": (
        *QUOTED,
        Kind('f"', '"', BRACE, ROUND, ("'", '"')),
        Kind("f'", "'", BRACE, ROUND, ('"',)),
        Kind('r"', '"'),
        Kind('"""', '"""'),
        Kind("'''", "'''"),
        Kind('f"""', '"""', BRACE, ROUND, ("'", '"')),
        HASH,
    ),
    "javascript": SCRIPT,
    "typescript": SCRIPT,
    "tsx": (*SCRIPT, Kind("<p>", "</p>", BRACE, ROUND, ("'", '"', "`"))),
    "go": (DOUBLE, Kind("`", "`"), LINE, BLOCK),
    "rust": (DOUBLE, Kind('r#"', '"#'), Kind('r"', '"'), LINE, BLOCK),
    "java": (DOUBLE, Kind('"""', '"""'), LINE, BLOCK),
    "c": (DOUBLE, LINE, BLOCK),
    "cpp": (DOUBLE, Kind('R"x(', ')x"'), LINE, BLOCK),
    "csharp": (
        DOUBLE,
        Kind('@"', '"'),
        Kind('$"', '"', BRACE, ROUND, ("'", '"')),
        Kind('$@"', '"', BRACE, ROUND, ("'",)),
        Kind('"""', '"""'),
        LINE,
        BLOCK,
    ),
    "ruby": (
        Kind('"', '"', ("#{", "}"), inner=("'", '"')),
        Kind("'", "'"),
        Kind("`", "`", ("#{", "}"), inner=("'", '"')),
        Kind("/a", "/", ("#{", "}"), ROUND[:1], inner=("'",)),
        HASH,
    ),
    "php": (Kind('"', '"', ("{$", "}"), ROUND, ("'",)), Kind("'", "'"), LINE, HASH, BLOCK),
    "kotlin": (
        Kind('"', '"', DOLLAR, inner=('"',)),
        Kind('"""', '"""', DOLLAR, inner=('"',)),
        LINE,
        BLOCK,
    ),
    "swift": (
        Kind('"', '"', ("\\(", ")"), inner=('"',)),
        Kind('"""', '"""', ("\\(", ")"), inner=('"',)),
        Kind('#"', '"#', ("\\#(", ")"), inner=('"',)),
        LINE,
        BLOCK,
    ),
    "scala": (
        DOUBLE,
        Kind('s"', '"', DOLLAR, inner=('"',)),
        Kind('s"""', '"""', DOLLAR, inner=('"',)),
        LINE,
        BLOCK,
    ),
    "bash": (
        Kind('"', '"', DOLLAR, inner=()),
        Kind('"', '"', ("$(", ")"), inner=('"', "'")),
        Kind("'", "'"),
        HASH,
    ),
    "lua": (*QUOTED, Kind("[[", "]]", pairs=("()", "{}")), Kind("-- see ", "")),
}
CLOSERS = {pair[0]: pair[1] for pair in PAIRS}
AROUND = [("x = f(", ")"), ("x = ", ""), ("f(a, {", "}, b)"), ("call({k: ", "})"), ("x[0, ", "]")]


@dataclass(frozen=True)
class Drawn:
    """A line in pieces, and what is open behind each of them, as closers, outermost first."""

    pieces: list[str]
    open: list[tuple[str, ...]]


class Drawing:
    """Draws the content of a string or comment; every word is another."""

    def __init__(self, rng: random.Random, kind: Kind) -> None:
        self._rng, self._kind, self._number = rng, kind, count()
        self._pieces: list[tuple[str, tuple[str, ...]]] = []
        self._open: tuple[str, ...] = ()

    def line(self, before: str, after: str) -> Drawn:
        """The string or comment with code around it, ``before`` and ``after``."""
        self._open = tuple(CLOSERS[char] for char in before if char in CLOSERS)
        self._say(before)
        self._begin(self._kind.begin, self._kind.end)
        self._text(3)
        self._end()
        for char in after:
            self._open = self._open[:-1] if char in ")]}" else self._open
            self._say(char)
        return Drawn([text for text, _ in self._pieces], [open for _, open in self._pieces])

    def _say(self, text: str) -> None:
        self._pieces.append((text, self._open))

    def _word(self) -> str:
        return self._rng.choice(("row", "path", "x", "total")) + str(next(self._number))

    def _begin(self, begin: str, end: str) -> None:
        self._open = (*self._open, end)
        self._say(begin)

    def _end(self) -> None:
        end, self._open = self._open[-1], self._open[:-1]
        self._say(end)

    def _text(self, depth: int) -> None:
        for number in range(self._rng.randrange(1, 4)):
            if number:
                self._say(" ")
            self._say(self._word())
            kinds = [*self._kind.pairs, *(["hole"] * 3 if self._kind.hole else [])]
            if kinds and depth and self._rng.random() < 0.7:
                self._say(" ")
                self._inner(self._rng.choice(kinds), depth)

    def _inner(self, kind: str, depth: int) -> None:
        if kind == "hole":
            assert self._kind.hole is not None
            self._begin(*self._kind.hole)
            self._code(depth)
        else:
            self._begin(kind[0], kind[1])
            self._text(depth - 1)
        self._end()

    def _code(self, depth: int) -> None:
        """An expression: a name, called, indexed, or both again."""
        self._say(self._word())
        while depth and self._rng.random() < 0.6:
            depth -= 1
            pair = self._rng.choice(("()", "[]"))
            self._begin(pair[0], pair[1])
            if self._kind.inner and self._rng.random() < 0.5:
                quote = self._rng.choice(self._kind.inner)
                self._begin(quote, quote)
                self._say(self._word())
                self._end()
            else:
                self._code(depth)
            self._end()


@st.composite
def lines(draw: st.DrawFn, kinds: tuple[Kind, ...]) -> tuple[Kind, Drawn]:
    kind = draw(st.sampled_from(kinds))
    rng = random.Random(draw(st.integers(0, 2**32)))
    before, after = rng.choice(AROUND)
    if not kind.end or kind.begin.startswith(("/*", "<")):
        before, after = "", ""
    return kind, Drawing(rng, kind).line(before, after)


def cuts(drawn: Drawn) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of pieces: between them the model has to write, behind the second stands
    what closes all that is open at the first."""
    for first in range(1, len(drawn.pieces)):
        for second in range(first + 1, len(drawn.pieces)):
            if drawn.open[first - 1] == drawn.open[second - 1]:
                yield first, second


def check(language: str, before: str, middle: str, after: str) -> None:
    """The model writes the middle and what follows, and only the middle is left; done in time."""
    place = Place("f", language, f"g(1)\n{before}", after)
    trimmer = Trimmer(place)
    said = middle + after
    assert trimmer.trim(said, ended=False).text == middle.rstrip(" " if after[0].isspace() else "")
    next_line = len(middle) + after.index("\n", after.index("\n") + 1)
    written = next(n for n in range(len(said)) if trimmer.done(said[:n]))
    assert written <= next_line
    assert trimmer.trim(said[:written], ended=False).text == trimmer.trim(said, ended=False).text


names = pytest.mark.parametrize("name", [row.name for row in LANGUAGES])
BELOW = "\nh(2)\nk(3)\n"


@names
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_stands_behind_the_cursor_is_not_said_again(name: str, data: st.DataObject) -> None:
    _, drawn = data.draw(lines(KINDS[name]))
    pairs = list(cuts(drawn))
    assume(pairs)
    first, second = data.draw(st.sampled_from(pairs))
    before, middle = "".join(drawn.pieces[:first]), "".join(drawn.pieces[first:second])
    assume(middle.strip())
    check(name, before, middle, "".join(drawn.pieces[second:]) + BELOW)


@names
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_where_nothing_stands_behind_the_cursor_nothing_is_lost(
    name: str, data: st.DataObject
) -> None:
    _, drawn = data.draw(lines(KINDS[name]))
    first = data.draw(st.integers(1, len(drawn.pieces) - 1)) if len(drawn.pieces) > 1 else 1
    before, middle = "".join(drawn.pieces[:first]), "".join(drawn.pieces[first:])
    assume(middle.strip())
    check(name, before, middle, BELOW)


BEHIND = [
    # (language, text with | for the cursor, what the model writes, what is kept)
    # An editor's closers, and a rest of the line that is not theirs.
    ("python", 'db.run("delete from t where a in (|)")\n', '?, ?) and b = ?", x)\n', "?, ?"),
    ("python", 'x = "%(|)s" % row\n', 'name)s" % row\n', "name"),
    ("python", 'x = "{|}"\n', '0} of {1}".format(a, b)\n', "0} of {1"),
    ("python", 'x = ["|"]\n', 'a", "b"]\n', 'a", "b'),
    ("python", "# don't (|)\nx = 1\n", "do that) here\nx = 1\n", "do that"),
    ("python", '# see "|"\nx = 1\n', 'that" for more\nx = 1\n', "that"),
    ("python", 'def f():\n    """|"""\n    g()\n', 'One.\n\n    Two (|).\n    """\n', "One."),
    ("python", 'def f():\n    """One.|\n    """\n', '\n\n    Two.\n    """\n', "\n\n    Two."),
    ("python", 'def f():\n    """Of (|\n    """\n', 'one).\n    """\n    g()\n', "one)."),
    ("python", 'print(f"{row|")\n', '}")\nx = 1\n', "}"),
    ("python", 'print(f"{row[\"|\"]}")\n', 'a"]}")\nx = 1\n', "a"),
    ("python", "f(a, |)\n", "g(b)\n", "g(b)"),
    ("javascript", "/** | */\nf();\n", "Counts them. */\nf();\n", "Counts them."),
    ("javascript", "/**|*/\nf();\n", " Counts them. */\nf();\n", " Counts them. "),
    ("javascript", "/** By [|] */\n", "the book](https://a.b). */\n", "the book"),
    ("javascript", "const re = /^(|)/;\n", "\\\\d+)-(\\\\d+)/;\nf();\n", "\\\\d+)-(\\\\d+"),
    ("javascript", "if (a) {|}\n", "\n  b();\n} else {\n  c();\n}\nd();\n",
     "\n  b();\n} else {\n  c();\n"),
    ("tsx", "  <p>Don't {|}</p>\n", "stop} and {go}</p>\n", "stop} and {go"),
    ("tsx", "  <p>Don't {f('|')}</p>\n", "stop')}</p>\n", "stop"),
    ("tsx", "  <b style={{ | }}>\n", "color }}>\n", "color"),
    ("rust", "let c = '|';\n", "a';\nlet d = 1;\n", "a"),
    ("csharp", 'var a = @"|";\n', 'b\\c";\nvar d = 1;\n', "b\\c"),
    ("ruby", "x = <<~SQL\n  select (|)\nSQL\n", "a, b)\nSQL\n", "a, b"),
    ("bash", "cat <<END\nto ${|}\nEND\n", "name}\nEND\n", "name"),
    (None, "<!-- see (|) -->\n", "below) -->\n<p>\n", "below"),
    ("markdown", "See [this](|) first.\n", "a.md) first.\nThen\n", "a.md"),
    # A closer of which the beginning is to be written.
    ("python", "x = f|)\ny = 2\n", "(a, g(b))\ny = 2\n", "(a, g(b)"),
    ("python", "x = |]\ny = 2\n", "[a, b]\ny = 2\n", "[a, b"),
    # A string that has no end yet, before others that have.
    ("python", 'f("a|, "b")\n', 'c", "b")\n', 'c"'),
    ("python", 'f("a|)\n', 'b")\n', 'b"'),
    ("python", 'x = """a|\ny = """b"""\n', 'b"""\ny = """b"""\n', 'b"""'),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "said", "kept"), BEHIND)
def test_of_a_line_that_goes_on_otherwise_what_fits_is_kept(
    language: str | None, text: str, said: str, kept: str
) -> None:
    before, _, after = text.partition("|")
    trimmed = Trimmer(Place("f", language, before, after)).trim(said, ended=False)
    assert trimmed.text == kept


def test_a_line_that_is_said_to_its_end_is_done() -> None:
    trimmer = Trimmer(Place("f", "python", 'x = f"{', '}"\ny = 2\n'))
    assert not trimmer.done('a} of {b}"')  # it may go on
    assert trimmer.done('a} of {b}"\n')
    trimmer = Trimmer(Place("f", "python", "x = [f(", "), other_name]\ny = 2\n"))
    assert trimmer.done("a), other_name")  # it will not
