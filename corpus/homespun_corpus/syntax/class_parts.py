"""What of each definition in a file is its own, so that nothing is learnt twice over.

A callable is its own, all of it. A class is what no callable and no other class in it holds: its
head, its docstring, its fields and constants. Knows byte offsets, not trees.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from homespun_corpus.syntax.spans import Span

_WORD = re.compile(rb"[\w\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a definition lies, and where the comment begins that belongs to it."""

    comment: int
    span: Span
    is_class: bool


def own_parts(
    source: bytes, extents: Sequence[Extent], closing: Sequence[bytes]
) -> list[tuple[Span, ...]]:
    """For each definition, outer ones first, the stretches that are its own; never none.

    ``closing``: words that are no text of a class's own where they stand alone.
    """
    inner: list[list[Extent]] = [[] for _ in extents]
    holding: list[int] = []
    for number, extent in enumerate(extents):
        while holding and extents[holding[-1]].span.end <= extent.span.start:
            holding.pop()
        if holding:
            inner[holding[-1]].append(extent)
        holding.append(number)
    return [
        (_left(source, extent.span, held, closing) if extent.is_class else ()) or (extent.span,)
        for extent, held in zip(extents, inner, strict=True)
    ]


def _left(
    source: bytes, whole: Span, held: Sequence[Extent], closing: Sequence[bytes]
) -> tuple[Span, ...]:
    """A class without what it holds, and the comments of that."""
    gaps, point = [], whole.start
    for extent in held:
        gaps.append(Span(point, max(point, extent.comment)))
        point = max(point, extent.span.end)
    gaps.append(Span(point, max(point, whole.end)))
    written = (_written(source, gap) for gap in gaps)
    return tuple(gap for gap in written if _says_something(source, gap, closing))


def _written(source: bytes, gap: Span) -> Span:
    text = source[gap.start : gap.end]
    start = gap.start + len(text) - len(text.lstrip())
    return Span(start, max(start, gap.start + len(text.rstrip())))


def _says_something(source: bytes, gap: Span, closing: Sequence[bytes]) -> bool:
    text = source[gap.start : gap.end]
    return _WORD.search(text) is not None and text not in closing
