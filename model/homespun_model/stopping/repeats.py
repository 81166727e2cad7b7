"""Text that says again what was said: a suggestion repeating itself, or what follows the cursor.

Pure text; positions are character offsets into the suggestion. Knows no syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, takewhile

LINES_SEEN = 3  # lines below the cursor that a suggestion may run into
LONG_LINE = 10  # from this many characters on, a line equal to one further down is no accident
ALIKE = 0.85  # similarity of two lines that are nearly the same
LOOP = re.compile(r"(.{2,40}?)\1{3,}$")  # a piece of a line four times over …
LOOP_CHARS = 32  # … and this long altogether
LONG_REST = 12  # from this many characters on, the rest of a line is said by no accident …
SHORT_REST = 4  # … and from this many on, if it is not at the end of a line that is complete
PERIODS = (1, 2, 3)  # lines that repeat together, three times over


def loop(lines: Sequence[str]) -> int | None:
    """The number of the line at which ``lines`` begin to go round in circles."""
    for start in range(len(lines)):
        for period in PERIODS:
            first = lines[start : start + period]
            three = lines[start : start + 3 * period]
            if three == [*first, *first, *first] and any(map(_is_no_closer, first)):
                return start + period
    return None


def stutter(line: str) -> int | None:
    """Where, in a line, a piece is repeated for the first time, if the end repeats it on and on."""
    match = LOOP.search(line)
    if match is None or len(match[0]) < LOOP_CHARS or not any(map(str.isalnum, match[1])):
        return None
    return match.start() + len(match[1])


def overlap(line: str, rest: str, *, whole: bool) -> int | None:
    """Where ``line`` begins to say ``rest``, the text behind the cursor; spaces do not count.

    ``whole``: the line is complete, so that a short rest counts too. Brackets and quotes alone are
    no overlap: whose they are is a matter of syntax.
    """
    wanted = _squash(rest)
    if not wanted.strip("()[]{}<>'\"`"):
        return None
    places, squashed = _squashed(line)
    sure = len(wanted) >= LONG_REST or (whole and len(wanted) >= SHORT_REST)
    if whole and len(wanted) < LONG_REST and squashed.endswith(wanted):
        return places[len(squashed) - len(wanted)]
    if sure and (found := squashed.find(wanted)) >= 0:
        return places[found]
    return None


def ending(line: str, rest: str) -> int | None:
    """Where ``line`` says ``rest`` at its end; spaces and punctuation behind do not count."""
    wanted = _squash(rest).rstrip(",;")
    places, squashed = _squashed(line)
    squashed = squashed.rstrip(",;")
    return places[len(squashed) - len(wanted)] if wanted and squashed.endswith(wanted) else None


def begins_with(text: str, rest: str) -> bool:
    """Whether ``text`` says so much of the beginning of ``rest`` that this is no accident."""
    wanted = _squash(rest)[:LONG_REST]
    return len(wanted) == LONG_REST and _squash(text).startswith(wanted)


def restates(line: str, rest: str) -> bool:
    """Whether ``line`` begins as ``rest`` does, the text behind the cursor; spaces do not count.

    It was meant in place of ``rest`` then, and would stand beside it.
    """
    said, there = _squash(line), _squash(rest)
    pairs = zip(said, there, strict=False)
    common = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return _says_something(common) or (common == said and any(map(str.isalnum, common)))


def again(line: str, above: str) -> bool:
    """Whether a line says what the one above it says. In code that people write, one line in a
    thousand does."""
    return line.rstrip() == above and len(_squash(line)) >= LONG_LINE and _says_something(line)


def rejoins(lines: Sequence[str], below: Sequence[str]) -> bool:
    """Whether ``lines`` begin with what stands below them, exactly or nearly.

    ``below``: the lines that are there and not blank, whole. Lines of little more than brackets
    say nothing. A line must be the same, indentation included; where another block has it, which
    says ``return False`` for itself, or where it only opens a bracket, so must the next. With that,
    the first line below need only be much like it (LOG E-044). Code that is only alike is not
    repeated: registrations, cases, fields.
    """
    first, second = lines[0], lines[1] if len(lines) > 1 else ""
    if not _says_something(first):
        return False
    reach = LINES_SEEN if len(_squash(first)) >= LONG_LINE else 1
    opens = first.rstrip().endswith(("(", "[", "{"))
    if not opens and any(same(first, line) for line in _same_block(first, below[:reach])):
        return True
    return _says_something(second) and any(
        same(second, after) and (same(first, line) or (number == 0 and _alike(first, line)))
        for number, (line, after) in enumerate(pairwise(below[: reach + 1]))
    )


def _same_block(line: str, below: Sequence[str]) -> Iterator[str]:
    """The lines below, up to one that ends the block which ``line`` is in."""
    indent = _indent(line)
    return takewhile(lambda other: other.startswith(indent), below)


def same(a: str, b: str) -> bool:
    """The same but for spaces, the kind of quotes and punctuation at the end."""
    return _indent(a) == _indent(b) and _core(a) == _core(b)


def _alike(a: str, b: str) -> bool:
    same_place = _indent(a) == _indent(b)
    return same_place and SequenceMatcher(None, a, b, autojunk=False).ratio() >= ALIKE


def _core(line: str) -> str:
    return _squash(line).replace("'", '"').rstrip(",;")


def _says_something(line: str) -> bool:
    return sum(char.isalnum() for char in line) >= 2


def _is_no_closer(line: str) -> bool:
    """Brackets alone may well stand three times below each other."""
    return _says_something(line) or '"' in line or "'" in line


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _squashed(line: str) -> tuple[list[int], str]:
    """A line without spaces, and where each of its characters was."""
    places = [i for i, char in enumerate(line) if not char.isspace()]
    return places, "".join(line[i] for i in places)


def _squash(text: str) -> str:
    return "".join(text.split())
