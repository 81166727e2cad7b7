"""What an edit wrote: the lines of a function that its old version lacks. Knows no commits."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from homespun_corpus.dedup.format_key import text_key
from homespun_corpus.reading.sources import Sources
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.spans import Span


def changed_spans(sources: Sources, old: Function, new: Function) -> Iterator[Span]:
    """The runs of lines of a function that its old version lacks, its format aside."""
    before, now = list(_lines(sources, old)), list(_lines(sources, new))
    was = [text for _, text in before]
    written = [text for _, text in now]
    old_keys, new_keys = list(map(text_key, was)), list(map(text_key, written))
    matcher = difflib.SequenceMatcher(None, old_keys, new_keys, autojunk=False)
    for tag, old_first, old_last, first, last in matcher.get_opcodes():
        # Lines that were broken elsewhere are many lines for many, and say the same together.
        said = text_key(b"".join(was[old_first:old_last])), text_key(b"".join(written[first:last]))
        if tag in ("insert", "replace") and said[0] != said[1]:
            yield from _joined(now[first:last])


def _lines(sources: Sources, function: Function) -> Iterator[tuple[int, bytes]]:
    """Each line of a function's own, and where it begins."""
    source = sources.text(function.blob_id)
    for part in function.parts:
        at = part.start
        for line in source[part.start : part.end].splitlines(keepends=True):
            yield at, line
            at += len(line)


def _joined(lines: Iterable[tuple[int, bytes]]) -> Iterator[Span]:
    """The spans of lines, one for those that follow each other at once."""
    start = end = -1
    for at, line in lines:
        if at != end:
            if start >= 0:
                yield Span(start, end)
            start = at
        end = at + len(line)
    if start >= 0:
        yield Span(start, end)
