"""Where a text says again what is held out: every stretch of it that nearly repeats a function.

A function's near-copy need not be a function: it may be half of one, two together, a callback, the
top of a script. So all stretches of a text are compared, of whatever length, by the Jaccard
similarity of token 5-grams; an index of the held-out grams finds the few that are worth it, and no
verdict is an estimate. Knows no files, no trees, and not what is done about an echo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from homespun_corpus.dedup.near_duplicates import SHINGLE, Shingles, grams, shingles, token_spans
from homespun_corpus.syntax.lexical import LexicalRules
from homespun_corpus.syntax.spans import Span

CONTAMINATED = 0.5  # similarity of a stretch to a held-out function, which training must not see
CELLS = 1 << 18  # numbers worked on at once

GramTrace = bytes
"""Of a text: which grams it can hold, by 16 of their bits. Sorted, as differences, 2 bytes each."""

_Positions = NDArray[np.intp]


def gram_trace(pieces: Iterable[Shingles]) -> GramTrace:
    """The trace of a text and of pieces read alone, from their grams."""
    every = np.concatenate([np.empty(0, np.uint32), *pieces])
    found = np.unique(every.astype(np.uint16))
    return np.diff(found, prepend=np.uint16(0)).astype("<u2").tobytes()


class ContaminationIndex:
    """Held-out functions, each as its tokens; asked where a text echoes one."""

    def __init__(self, held: Sequence[Sequence[bytes]]) -> None:
        sets = [shingles(code) for code in held if len(code)]
        self._sizes = [found.size for found in sets]
        self._keys = [hashlib.blake2b(found.tobytes(), digest_size=16).digest() for found in sets]
        every = np.concatenate([np.empty(0, np.uint32), *sets])
        order = np.argsort(every, kind="stable")
        self._grams: Shingles = every[order]
        self._owners: _Positions = np.repeat(np.arange(len(sets)), self._sizes)[order]
        self._low = self._grams.astype(np.uint16)

    def likely(self, gram_trace: GramTrace) -> str | None:
        """Names the held-out functions that a text of this trace may echo; None for certainly none.

        What ``spans`` finds in the text, or in pieces of it, depends on these and on no other.
        """
        if not self._grams.size:
            return None
        held = np.zeros(1 << 16, np.bool_)
        held[np.cumsum(np.frombuffer(gram_trace, "<u2"), dtype=np.intp)] = True
        shared = np.bincount(self._owners[held[self._low]], minlength=len(self._sizes))
        found = np.flatnonzero(shared >= CONTAMINATED * np.array(self._sizes))
        keys = sorted({self._keys[owner] for owner in found})
        return hashlib.blake2b(b"".join(keys), digest_size=16).hexdigest() if keys else None

    def spans(self, text: bytes, rules: LexicalRules) -> list[Span]:
        """What of ``text`` to cut out so that no stretch of the rest is near: whole lines."""
        code = token_spans(text, rules)
        found = grams([text[start:end] for start, end in code])
        spans = []
        for first, last in self._stretches(found):
            end = min(last + SHINGLE, len(code)) - 1
            spans.append(_lines(text, code[first][0], code[end][1]))
        return sorted(spans)

    def _stretches(self, found: Shingles) -> Iterator[tuple[int, int]]:
        """First and last gram of the nearest stretch, then of those in what is left beside it."""
        before = _before(found)
        waiting = [(0, found.size)]
        while waiting:
            start, end = waiting.pop()
            nearest = max(self._nearest(found[:end], before, start), default=None)
            if nearest is not None:
                _, first, last = nearest
                yield first, last
                beside = (start, first - SHINGLE + 1), (last + SHINGLE, end)
                waiting += [(left, right) for left, right in beside if left < right]

    def _nearest(
        self, found: Shingles, before: _Positions, start: int
    ) -> Iterator[tuple[float, int, int]]:
        """For each held-out function echoed from ``start`` on: how near, first and last gram."""
        left = np.searchsorted(self._grams, found[start:], "left")
        counts = np.searchsorted(self._grams, found[start:], "right") - left
        places = np.repeat(np.arange(start, start + counts.size), counts)
        within = np.arange(places.size) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = self._owners[np.repeat(left, counts) + within]
        shared = np.bincount(owners, minlength=len(self._sizes))
        for owner in np.flatnonzero(shared >= CONTAMINATED * np.array(self._sizes)):
            held = np.zeros(found.size, np.bool_)
            held[places[owners == owner]] = True
            nearest = _nearest(held, before, self._sizes[owner])
            if nearest[0] >= CONTAMINATED:
                yield nearest


def _before(found: Shingles) -> _Positions:
    """For each gram, where the same one was last; -1 for the first."""
    order = np.argsort(found, kind="stable")
    before = np.full(found.size, -1)
    again = found[order[1:]] == found[order[:-1]]
    before[order[1:][again]] = order[:-1][again]
    return before


def _nearest(held: NDArray[np.bool_], before: _Positions, size: int) -> tuple[float, int, int]:
    """The stretch that is nearest to a set of ``size``; ``held`` says which grams are in it."""
    least, most = int(np.ceil(CONTAMINATED * size)), int(size / CONTAMINATED)
    places = np.flatnonzero(held)
    ends = places[least - 1 :]
    starts = places[: ends.size]
    starts = starts[ends - starts < most]
    nearest = (0.0, 0, 0)
    rows = max(1, CELLS // most)
    for some in (starts[i : i + rows, None] for i in range(0, starts.size, rows)):
        at = some + np.arange(most)  # (starts, most): every stretch from these starts
        inside = at < held.size
        at[~inside] = 0
        new = inside & (before[at] < some)
        shared = np.cumsum(new & held[at], axis=1, dtype=np.int32)
        near = shared / (size + np.cumsum(new, axis=1, dtype=np.int32) - shared)
        row, last = divmod(int(near.argmax()), most)
        start = int(some[row, 0])
        nearest = max(nearest, (float(near[row, last]), start, start + last))
    return nearest


def _lines(text: bytes, start: int, end: int) -> Span:
    """The lines that hold ``text[start:end]``, without the last one's end."""
    newline = text.find(b"\n", end)
    return Span(text.rfind(b"\n", 0, start) + 1, len(text) if newline < 0 else newline)
