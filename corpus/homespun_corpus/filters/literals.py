"""Which of many literals a text may hold: one pass over it, however many there are.

A quick look that errs on one side: what is said to be absent is. Knows nothing of secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

GRAM = 3  # bytes that are looked at together; no literal may be shorter
BITS = 6  # for one byte: letters are alike in either case, and so are rare signs
PIECE_BYTES = 1 << 18  # looked at together


class Literals:
    """Groups of literals, of which a text may hold some; case does not count."""

    def __init__(self, groups: Iterable[Sequence[bytes]]) -> None:
        """Each group: literals of at least three bytes. ValueError for a shorter one."""
        found = [(number, _grams(word)) for number, words in enumerate(groups) for word in words]
        if any(len(grams) == 0 for _, grams in found):
            raise ValueError(f"a literal has at least {GRAM} bytes")
        width = max(len(grams) for _, grams in found)
        self._groups = np.array([number for number, _ in found])
        self._grams = np.array([np.resize(grams, width) for _, grams in found])

    def maybe_in(self, text: bytes) -> list[int]:
        """The numbers of the groups of which one literal at least may be in ``text``, in order."""
        seen = np.zeros(1 << GRAM * BITS, dtype=bool)
        for start in range(0, len(text), PIECE_BYTES):
            seen[_grams(text[start : start + PIECE_BYTES + GRAM - 1])] = True
        there: list[int] = np.unique(self._groups[seen[self._grams].all(axis=1)]).tolist()
        return there


_CODES = bytes(byte & 31 if byte & 64 else 32 | byte & 31 for byte in range(256))


def _grams(text: bytes) -> npt.NDArray[np.integer[Any]]:
    low = np.frombuffer(text.translate(_CODES), np.uint8).astype(np.int32)
    return (low[:-2] << 2 * BITS) | (low[1:-1] << BITS) | low[2:]
