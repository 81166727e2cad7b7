"""A hole of a function becomes a sample: its window, its related code, where it came from.

Line ends are plain in it, as a model sees them and the server asks. Knows which parts of a file no
window may show, not why.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from homespun_corpus.mining.holes import CharOffsets, Hole
from homespun_corpus.mining.sample import Novelty, Sample
from homespun_corpus.place import Place, place_at, with_plain_ends
from homespun_corpus.reading.sources import Sources
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.retrieval.secret_window import clipped
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.spans import Span


class SampleMaker:
    """Makes samples, keeping the text of the last file read.

    Windows end at ``barred`` spans, and at secrets.
    """

    def __init__(
        self,
        sources: Sources,
        index: ContextIndex,
        barred: Mapping[str, Sequence[Span]],
    ) -> None:
        self._sources = sources
        self._index = index
        self._barred = barred
        self._blob_id = ""
        self._text = self._plain = ""
        self._crlf: list[int] = []  # where line ends of two characters begin in the text
        self._edges: tuple[list[int], list[int]] = ([], [])  # of barred spans in the plain text
        self._offsets = CharOffsets("", b"")

    def sample(
        self,
        function: Function,
        hole: Hole,
        commit: str,
        novelty: Novelty,
        *,
        bare: bool = False,
        ending: bool = False,
    ) -> Sample:
        """``bare``: without path and related code. ``ending``: as if the file ended where the
        function does."""
        if function.blob_id != self._blob_id:
            self._open(function.path, function.blob_id)
        text, path, language = self._plain, function.path, function.language or None
        hole_at = Span(self._at(hole.start), self._at(hole.end))
        if ending:
            text = text[: max(hole_at.end, self._at(self._offsets.char(function.span.end)))]
        whole = place_at(text, *hole_at, path=path, language=language)
        place = self._between_edges(whole, hole_at, len(text))
        related = () if bare else self._index.related(place)
        start = len(self._text[: hole.start].encode())
        return Sample(
            repository=self._sources.repository.identity,
            commit=commit,
            blob_id=function.blob_id,
            path=function.path,
            function=function.qualified_name,
            kind=hole.kind,
            novelty=novelty,
            start=start,
            end=start + len(self._text[hole.start : hole.end].encode()),
            place=replace(place, path="" if bare else function.path, related=related),
            middle=text[hole_at.start : hole_at.end],
        )

    def _open(self, path: str, blob_id: str) -> None:
        source = self._sources.text(blob_id)
        self._blob_id, self._text = blob_id, decode(source)
        self._plain = with_plain_ends(self._text)
        self._crlf = [match.start() for match in re.finditer("\r\n", self._text)]
        offsets = CharOffsets(self._text, source)
        secrets = self._sources.file(path, blob_id).secrets
        spans = [*self._barred.get(blob_id, ()), *secrets]
        self._offsets = offsets
        self._edges = (
            [self._at(offsets.char(span.start)) for span in spans],
            [self._at(offsets.char(span.end)) for span in spans],
        )

    def _at(self, offset: int) -> int:
        """Where an offset of the text is in the plain one."""
        return offset - bisect_left(self._crlf, offset)

    def _between_edges(self, place: Place, hole: Span, size: int) -> Place:
        """The place, in a text of that size, without what lies at or beyond a barred span."""
        starts, ends = self._edges
        first = max((end for end in ends if end <= hole.start), default=0)
        last = min((start for start in starts if start >= hole.end), default=size)
        return clipped(place, first, size - last)


def decode(source: bytes) -> str:
    """The text of a file that hygiene let through: it is UTF-8."""
    return source.decode("utf-8")
