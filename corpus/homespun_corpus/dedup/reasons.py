"""Why each of many functions is left out, in a byte each. Knows reasons by name only."""

from __future__ import annotations

from collections.abc import Iterator


class Reasons:
    """None for a function that is kept."""

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
