"""Files of one kind of language, in chunks that can be asked for by likeness and by name.

Two chunks are told apart by path and offset, never by the number each happens to get, so the order
in which files came cannot be seen in an answer.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homespun_corpus.retrieval.bm25 import Bm25, Postings
from homespun_corpus.retrieval.chunks import chunk_spans, words
from homespun_corpus.retrieval.definitions import definitions, opening


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """``text[start:end]`` (characters) of a file: whole lines, without the end of the last."""

    path: str
    start: int
    end: int


class ChunkIndex:
    """An index of files that are shown to each other. Knows nothing of cursors."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, list[int]] = {}  # of each file's chunks
        self._chunks: dict[int, Chunk] = {}
        self._free: list[int] = []
        self._words = Bm25()
        self._defined = Postings()

    def put(self, path: str, text: str) -> None:
        """Add a file, or its new text. Costs what has changed: equal chunks are only moved."""
        old: dict[str, list[int]] = defaultdict(list)
        for number in self._numbers.get(path, ()):
            old[self.text(self._chunks[number])].append(number)
        numbers = []
        for start, end in chunk_spans(text):
            same = old[text[start:end]]
            number = same.pop() if same else self._add(text[start:end])
            self._chunks[number] = Chunk(path, start, end)
            numbers.append(number)
        for left, gone in old.items():
            for number in gone:
                self._remove(number, left)
        self._texts[path], self._numbers[path] = text, numbers

    def drop(self, path: str) -> None:
        """Forget a file, if it is there."""
        for number in self._numbers.pop(path, ()):
            self._remove(number, self.text(self._chunks[number]))
        self._texts.pop(path, None)

    def texts(self) -> list[tuple[str, str]]:
        """Every file, and its text."""
        return list(self._texts.items())

    def text(self, chunk: Chunk) -> str:
        """The lines of a chunk."""
        return self._texts[chunk.path][chunk.start : chunk.end]

    def similar(self, weights: Mapping[str, float], *, beside: str, count: int) -> list[Chunk]:
        """The ``count`` chunks that fit weighted words best, in order; none of file ``beside``."""
        own = self._numbers.get(beside, ())
        best = self._words.best(weights, without=own, count=count)
        ranked = sorted((-score, self._chunks[number]) for score, number in best)
        return [chunk for _, chunk in ranked[:count]]

    def defines(self, name: str) -> list[Chunk]:
        """The chunks with a definition of ``name``, by path and place."""
        return sorted(self._chunks[number] for number in self._defined[name])

    def openings(self, name: str, chunk: Chunk) -> Iterator[str]:
        """The first lines of each definition of ``name`` in a chunk."""
        for found, start in definitions(self.text(chunk)):
            if found == name:
                yield opening(self._texts[chunk.path], chunk.start + start)

    def _add(self, text: str) -> int:
        # The lowest free number, so that the arrays by number stay as short as they can be.
        number = heapq.heappop(self._free) if self._free else len(self._chunks)
        self._words.add(number, _words(text))
        self._defined.add(number, _names(text))
        return number

    def _remove(self, number: int, text: str) -> None:
        self._words.remove(number, _words(text))
        self._defined.remove(number, _names(text))
        del self._chunks[number]
        heapq.heappush(self._free, number)


def _words(text: str) -> set[str]:
    return set(words(text))


def _names(text: str) -> set[str]:
    return {name for name, _ in definitions(text)}
