"""A file's text as chunks: about a dozen lines each, cut where the code itself pauses.

Chunks are what is compared with the code around a cursor and shown beside it. They are found by
blank lines and indentation alone, so that a half-written file, or a language we have no grammar
for, has them too. Offsets are characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Twelve lines beat twenty by 3 points in the share of hidden identifiers that are shown: more
# pieces fit into the same budget.
MOST_LINES = 12
LEAST_LINES = 6
MOST_CHARS = 2000  # a longer chunk (data, long lines) would not fit into a prompt anyway

_BLANK_BONUS = 4  # a blank line before it makes up for this much indentation
_WORD = re.compile(r"[^\W\d]\w{2,}")


def words(text: str) -> list[str]:
    """The identifiers and keywords of at least three characters, in order."""
    return _WORD.findall(text)


def chunk_spans(text: str) -> list[tuple[int, int]]:
    """Where each chunk begins and ends; whole lines, without the blank ones at either end."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    spans = []
    for first, last in _line_spans([_indent(line) for line in lines]):
        start, end = starts[first], starts[last] - 1
        if end - start <= MOST_CHARS:
            spans.append((start, end))
    return spans


def _line_spans(indents: list[int]) -> Iterator[tuple[int, int]]:
    """Line numbers where chunks begin and end (half open)."""
    first, count = 0, len(indents)
    while True:
        while first < count and indents[first] < 0:
            first += 1
        if first == count:
            return
        cut = _cut(indents, first)
        last = cut
        while indents[last - 1] < 0:
            last -= 1
        yield first, last
        first = cut


def _cut(indents: list[int], first: int) -> int:
    """The line at which the chunk that begins at ``first`` ends: the least indented, the latest."""
    if len(indents) - first <= MOST_LINES:
        return len(indents)
    best, least = first + MOST_LINES, 1 << 30
    for line in range(first + MOST_LINES, first + LEAST_LINES - 1, -1):
        if indents[line] < 0:
            continue
        cost = indents[line] - (_BLANK_BONUS if indents[line - 1] < 0 else 0)
        if cost < least:
            best, least = line, cost
    return best


def _indent(line: str) -> int:
    """How far a line is indented, in characters; -1 for a blank one."""
    written = line.lstrip()
    return len(line) - len(written) if written else -1
