"""Where Enter takes a cursor from the end of a line. Knows no editor's settings."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

OPENERS = (":", "{", "(", "[")
USUAL = "    "
LOOKED_AT = 20_000  # characters before the cursor: enough to tell how a file indents
_BLANKS = re.compile(r"[^\S\n]*")
# Behind these a block of Python ends; VS Code's Python extension and Vim go back by themselves.
_LEAVES = re.compile(r"\s*(?:return|raise|break|continue|pass)\b")
_AT_LINE_END = re.compile(r"[^\S\n]*(?=\n|\Z)")


def after_enter(text: str, offset: int, language: str | None) -> tuple[str, int] | None:
    """The text and the cursor once Enter was pressed; None where no line ends at the cursor.

    Indented as its line is, and once more behind what opens a block. Blanks behind the cursor go.
    """
    rest = _AT_LINE_END.match(text, offset)
    before = text[max(0, offset - LOOKED_AT) : offset]
    line = before[before.rfind("\n") + 1 :]
    if rest is None or not line.strip():
        return None
    indent = _indent(line)
    if line.rstrip().endswith(OPENERS):
        indent += _unit(before)
    elif language == "python" and _LEAVES.match(line):
        indent = indent.removesuffix(_unit(before))
    head = text[:offset] + "\n" + indent
    return head + text[rest.end() :], len(head)


def _unit(before: str) -> str:
    """What lines are most often indented by, against the line before."""
    indents = [_indent(line) for line in before.split("\n") if line.strip()]
    steps = Counter(
        inner.removeprefix(outer)
        for outer, inner in pairwise(indents)
        if inner != outer and inner.startswith(outer)
    )
    return max(steps, key=lambda step: steps[step], default=USUAL)


def _indent(line: str) -> str:
    found = _BLANKS.match(line)
    return found[0] if found else ""
