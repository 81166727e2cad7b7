"""How much of a model's writing stands word for word in what it was trained on.

Compared as token ids, so that a run's length is in tokens. Exact: every run of at least ``SEED``
tokens is found, wherever it stands. Knows no model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

SEED = 12  # tokens: shorter runs are the small change of any code
_BASE = np.uint64(1_000_003)

Ids = NDArray[np.uint16]
Hashes = NDArray[np.uint64]


def longest_runs(written: Sequence[Sequence[int]], texts: Iterable[Ids]) -> list[int]:
    """For each of ``written``, the tokens of its longest run in any of ``texts``; 0 below SEED."""
    seeds = _Seeds([np.asarray(ids, dtype=np.uint16) for ids in written])
    longest = [0] * len(written)
    for text in texts:
        for piece, length in seeds.runs(text):
            longest[piece] = max(longest[piece], length)
    return longest


class _Seeds:
    """Every SEED tokens in a row of some pieces of writing, to be found again in other text."""

    def __init__(self, pieces: Sequence[Ids]) -> None:
        self._pieces = pieces
        self._places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, piece in enumerate(pieces):
            for offset, found in enumerate(_rolled(piece)):
                self._places[int(found)].append((number, offset))
        self._sorted = np.array(sorted(self._places), dtype=np.uint64)

    def runs(self, text: Ids) -> Iterable[tuple[int, int]]:
        """(piece, tokens) of each run that the text shares with a piece."""
        hashes = _rolled(text)
        for start in np.flatnonzero(np.isin(hashes, self._sorted)):
            for number, offset in self._places[int(hashes[start])]:
                piece = self._pieces[number]
                inside = start > 0 and offset > 0 and text[start - 1] == piece[offset - 1]
                if not inside:  # else the run began earlier, and was measured there
                    yield number, _shared(text[start:], piece[offset:])


def _shared(one: Ids, other: Ids) -> int:
    """The length of the common beginning."""
    length = min(len(one), len(other))
    different = np.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length


def _rolled(ids: Ids) -> Hashes:
    """A polynomial hash, modulo 2**64, of each SEED ids in a row: (len(ids) - SEED + 1,)."""
    count = len(ids) - SEED + 1
    hashes = np.zeros(max(count, 0), dtype=np.uint64)
    for i in range(SEED if count > 0 else 0):
        hashes = hashes * _BASE + ids[i : i + count].astype(np.uint64) + np.uint64(1)
    return hashes
