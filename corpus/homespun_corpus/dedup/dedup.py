"""Of functions that say the same, the first stays: a byte a verdict, a sketch for each clean one.

Knows neither where a function is nor why it may be left out already; reasons by name only.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

from homespun_corpus.dedup.near_duplicates import NEAR, NearIndex, Shingles, Sketch, repeated


class Reasons:
    """Why each of many functions is left out, in a byte each; None for one that is kept."""

    def __init__(self) -> None:
        self._codes = bytearray()
        self._names: dict[str | None, int] = {None: 0}

    def append(self, reason: str | None) -> None:
        """One more function's."""
        self._codes.append(self._code(reason))

    def __setitem__(self, number: int, reason: str | None) -> None:
        self._codes[number] = self._code(reason)

    def __iter__(self) -> Iterator[str | None]:
        names = list(self._names)
        return (names[code] for code in self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def between(self, first: int, last: int) -> Reasons:
        """Those of some functions."""
        some = Reasons()
        some._codes, some._names = self._codes[first:last], self._names
        return some

    def count_of(self, reason: str | None) -> int:
        """How many functions have a reason."""
        return self._codes.count(self._names[reason]) if reason in self._names else 0

    def _code(self, reason: str | None) -> int:
        return self._names.setdefault(reason, len(self._names))


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


def copy_reasons(
    sketches: bytes | bytearray, shingles_of: Callable[[int], Shingles]
) -> Iterator[str | None]:
    """Whether each function copies an earlier one. Of copies, the first stays.

    ``sketches``: one behind the other.
    """
    index = NearIndex(sketches, shingles_of, NEAR)
    for number, is_copy in enumerate(repeated(sketches)):
        if is_copy:
            yield "duplicate"
        elif index.has_near(number):
            yield "near-duplicate"
        else:
            index.add(number)
            yield None
