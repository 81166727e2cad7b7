"""Guesses at the next tokens: what followed the longest match of the last few, elsewhere.

Looked for in the prompt, and in an index of a repository's files. A guess is checked by one forward
pass, so a wrong one costs a little time and changes nothing. Knows only token ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 2 << 20  # of a repository: about 8 MB of code, 40 MiB of index
FRESH_TOKENS = 1 << 16  # of saved files, sorted anew at each save; more, and everything is
MAX_DRAFT = 16
MAX_MATCH = 16
MIN_MATCH = 2
# What a draft, and each token of it, add to a pass over a single token, as a share of that:
# measured with the starter on two cores (LOG.md). A larger model's are smaller.
DRAFT_COST = 0.3
TOKEN_COST = 0.06
_PRIOR = 0.7  # the rate before there is any
_KEPT = 0.98  # of what was learnt, at each draft: the last fifty count

Ids = NDArray[np.int32]
_BITS = 21  # of a token in a key: any vocabulary fits, and three in 63
_NONE = (1 << _BITS) - 1  # between files: no token
_KEYED = 3  # tokens in a key
_FURTHER = np.arange(_KEYED + 1, MAX_MATCH + 1)  # distances back that a key does not hold
_CANDIDATES = 256  # places with the same key that are looked at


@dataclass(frozen=True, slots=True)
class Match:
    """``ids`` came after ``length`` tokens that are also the last of the context."""

    length: int
    ids: list[int]


_NO_MATCH = Match(0, [])


def tail(ids: Sequence[int]) -> Ids:
    """The last MAX_MATCH of ``ids``, with -1, which nothing matches, before fewer."""
    return np.array([*[-1] * (MAX_MATCH - len(ids)), *ids[-MAX_MATCH:]], np.int32)


class _Sorted:
    """Places in a text in the order of the tokens before them, the nearest first."""

    def __init__(self, texts: Iterable[Sequence[int] | Ids]) -> None:
        parts = [np.full(MAX_MATCH, _NONE, np.int32)]
        for text in texts:
            parts += [np.asarray(text, np.int32), np.array([_NONE], np.int32)]
        self._ids = np.concatenate(parts)
        places = np.flatnonzero(self._ids != _NONE)  # what a file ends with, nothing follows
        keys = np.zeros(len(places), np.int64)
        for back in range(1, _KEYED + 1):
            keys = keys << _BITS | self._ids[places - back]
        order = np.argsort(keys, kind="stable")
        self._keys, self._places = keys[order], places[order].astype(np.int32)

    def longest(self, context: Ids, most: int) -> Match:
        """What follows the longest match of ``context``, (MAX_MATCH,); of several, the last's."""
        for known in range(_KEYED, MIN_MATCH - 1, -1):
            first, last = self._with(context[-known:])
            if first < last:
                break
        else:
            return _NO_MATCH
        places = self._places[max(first, last - _CANDIDATES) : last]
        length = known
        if known == _KEYED:
            same = self._ids[places[:, None] - _FURTHER] == context[-_FURTHER]
            lengths = np.logical_and.accumulate(same, axis=1).sum(axis=1)
            best = len(lengths) - 1 - int(lengths[::-1].argmax())
            length, place = known + int(lengths[best]), int(places[best])
        else:
            place = int(places[-1])
        ids = self._ids[place : place + most].tolist()
        return Match(length, ids[: ids.index(_NONE)] if _NONE in ids else ids)

    def _with(self, known: Ids) -> tuple[int, int]:
        """The range of places behind these tokens."""
        key = 0
        for token in reversed(known.tolist()):
            key = key << _BITS | token
        free = _BITS * (_KEYED - len(known))
        first, last = self._keys.searchsorted([key << free, (key + 1) << free])
        return int(first), int(last)


class DraftIndex:
    """The tokens of a repository's files. Updated by one thread, asked by another."""

    def __init__(self) -> None:
        self._files: dict[str, Ids] = {}
        self._fresh: dict[str, Ids] = {}
        self._levels: list[_Sorted] = []

    def update(self, files: Mapping[str, Sequence[int]]) -> None:
        """Files by path are now these tokens; what does not fit into MAX_TOKENS is left out."""
        changed = {path: np.asarray(ids, np.int32) for path, ids in files.items()}
        room = MAX_TOKENS - sum(len(ids) for path, ids in self._files.items() if path not in files)
        for path, ids in changed.items():
            self._files.pop(path, None)
            if len(ids) <= room:
                self._files[path] = self._fresh[path] = ids
                room -= len(ids)
        if sum(map(len, self._fresh.values())) > FRESH_TOKENS:
            self._fresh = {}
            self._levels = [_Sorted(self._files.values())]
        else:
            self._levels = [*self._levels[:1], _Sorted(self._fresh.values())]

    def longest(self, context: Ids, most: int) -> Match:
        """The longest match in any file, a saved one's before others as long."""
        return max(
            (level.longest(context, most) for level in reversed(self._levels)),
            key=lambda match: match.length,
            default=_NO_MATCH,
        )


class Rates:
    """How often a drafted token came true, by the length of the match it came from."""

    def __init__(self) -> None:
        self._seen = [[_PRIOR, 1.0] for _ in range(MAX_MATCH.bit_length())]  # came true, of

    def worth(self, match: int) -> int:
        """How many tokens to draft, for the most tokens in the time; 0 where a draft costs more."""
        seen = self._seen[match.bit_length() - 1]
        rate = seen[0] / seen[1]
        gained, best, count = 1.0, 1.0, 0
        for length in range(1, MAX_DRAFT + 1):
            gained += rate**length
            if (speed := gained / (1 + DRAFT_COST + length * TOKEN_COST)) > best:
                best, count = speed, length
        if count == 0:  # what is not tried is slowly forgotten, and tried again
            seen[:] = seen[0] * _KEPT + _PRIOR * (1 - _KEPT), seen[1] * _KEPT + 1 - _KEPT
        return count

    def learn(self, match: int, drafted: int, accepted: int) -> None:
        """Of ``drafted`` tokens the first ``accepted`` came true."""
        seen = self._seen[match.bit_length() - 1]
        seen[:] = seen[0] * _KEPT + accepted, seen[1] * _KEPT + min(drafted, accepted + 1)


class Drafter:
    """Drafts for one continuation of one prompt."""

    def __init__(self, prompt: Sequence[int], index: DraftIndex | None, rates: Rates) -> None:
        self._tail = list(prompt[-MAX_MATCH:])
        self._prompt, self._index = _Sorted([prompt]), index
        self._rates = rates
        self._match = _NO_MATCH

    def draft(self, ids: Sequence[int], most: int) -> list[int]:
        """Likely next tokens behind the prompt and ``ids``, no more than ``most``."""
        context = tail([*self._tail, *ids[-MAX_MATCH:]])
        here = self._prompt.longest(context, MAX_DRAFT)
        there = self._index.longest(context, MAX_DRAFT) if self._index else _NO_MATCH
        self._match = max(here, there, key=lambda match: match.length)
        if not self._match.ids:
            return []
        return self._match.ids[: min(most, self._rates.worth(self._match.length))]

    def learn(self, drafted: int, accepted: int) -> None:
        """Of the last draft's ``drafted`` tokens the first ``accepted`` came true."""
        if drafted:
            self._rates.learn(self._match.length, drafted, accepted)
