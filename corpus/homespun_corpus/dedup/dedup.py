"""Functions weighed against each other: a byte for a verdict, a sketch for each clean one.

Knows neither where a function is nor why it may be left out already.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from homespun_corpus.dedup.near_duplicates import Shingles, Sketch
from homespun_corpus.dedup.reasons import Reasons
from homespun_corpus.filters.quality import copy_reasons


class Deduplicator:
    """Functions are added in order; of copies, the first one stays."""

    def __init__(self) -> None:
        self._reasons = Reasons()
        self._left = array("q")  # numbers of those that nothing speaks against yet
        self._sketches = bytearray()

    def add(self, reason: str | None, sketch: Sketch | None) -> None:
        """A function, with why it is left out anyway or with its sketch."""
        if reason is None:
            assert sketch is not None
            self._left.append(len(self._reasons))
            self._sketches += sketch
        self._reasons.append(reason)

    def __len__(self) -> int:
        return len(self._reasons)

    def reasons(self, shingles_of: Callable[[int], Shingles]) -> Reasons:
        """The reasons of all that were added. ``shingles_of``: of a function by its number."""
        copies = copy_reasons(self._sketches, lambda place: shingles_of(self._left[place]))
        for number, reason in zip(self._left, copies, strict=True):
            self._reasons[number] = reason
        return self._reasons
