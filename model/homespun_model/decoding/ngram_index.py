"""Where the last few tokens stand elsewhere: in a repository's files, or in the prompt itself.

What came next there is copied into what a model expects (``cache_lm``), and drafted (``draft``).
Knows only token ids.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 2 << 20  # of a repository: about 8 MB of code, 40 MiB of index
FRESH_TOKENS = 1 << 16  # of changed files, sorted anew at each change; more, and everything is
MAX_MATCH = 16
MIN_MATCH = 2

Ids = NDArray[np.int32]
_BITS = 21  # of a token in a key: any vocabulary fits, and three in 63
_NONE = (1 << _BITS) - 1  # between files: no token
_KEYED = 3  # tokens in a key
_FURTHER = np.arange(_KEYED + 1, MAX_MATCH + 1)  # distances back that a key does not hold
_CANDIDATES = 256  # places with the same key that are looked at


@dataclass(frozen=True, slots=True)
class NgramMatches:
    """Places in ``text`` before which the last tokens are those of the context.

    ``places``: (n,), at least one, the nearest last. ``lengths``: (n,), tokens that are the same.
    """

    text: Ids
    places: Ids
    lengths: Ids

    @property
    def next(self) -> Ids:
        """The token at each place, (n,)."""
        return self.text[self.places]

    @property
    def longest(self) -> int:
        """The length of the longest match."""
        return int(self.lengths.max())

    def continuation(self, most: int) -> list[int]:
        """What came after the longest match, the last of several, up to its file's end."""
        best = len(self.lengths) - 1 - int(self.lengths[::-1].argmax())
        place = int(self.places[best])
        ids: list[int] = self.text[place : place + most].tolist()
        return ids[: ids.index(_NONE)] if _NONE in ids else ids


def tail(ids: Sequence[int]) -> Ids:
    """The last MAX_MATCH of ``ids``, with -1, which nothing matches, before fewer."""
    return np.array([*[-1] * (MAX_MATCH - len(ids)), *ids[-MAX_MATCH:]], np.int32)


class SortedNgrams:
    """Places in some texts, by name, in the order of the tokens before them, the nearest first."""

    def __init__(self, texts: Mapping[str, Sequence[int] | Ids]) -> None:
        parts = [np.full(MAX_MATCH, _NONE, np.int32)]
        for text in texts.values():
            parts += [np.asarray(text, np.int32), np.array([_NONE], np.int32)]
        self._ids = np.concatenate(parts)
        ends = np.cumsum([len(parts[0]), *(len(text) + 1 for text in texts.values())])
        self._spans = {
            name: (int(begin), int(end))
            for name, begin, end in zip(texts, ends[:-1], ends[1:], strict=True)
        }
        places = np.flatnonzero(self._ids != _NONE)  # what a file ends with, nothing follows
        keys = np.zeros(len(places), np.int64)
        for back in range(1, _KEYED + 1):
            keys = keys << _BITS | self._ids[places - back]
        order = np.argsort(keys, kind="stable")
        self._keys, self._places = keys[order], places[order].astype(np.int32)
        self._is_gone: NDArray[np.bool_] | None = None
        self.gone = 0

    def less(self, names: Iterable[str]) -> SortedNgrams:
        """The same without some of the texts; ``gone`` counts the tokens that nobody finds."""
        gone = [name for name in names if name in self._spans]
        if not gone:
            return self
        rest = copy(self)  # whoever searches meanwhile goes on with this one
        rest._spans = dict(self._spans)
        before = self._is_gone
        rest._is_gone = np.zeros(len(self._ids), bool) if before is None else before.copy()
        for begin, end in map(rest._spans.pop, gone):
            rest._is_gone[begin:end] = True
            rest.gone += end - begin
        return rest

    def find(self, context: Ids, without: str | None = None) -> NgramMatches | None:
        """Where the last MIN_MATCH tokens or more of ``context``, (MAX_MATCH,), stand; not all of
        it if that is in many places. ``without``: the name of a text that does not count."""
        for known in range(_KEYED, MIN_MATCH - 1, -1):
            places = self._places_with(context[-known:], without)
            if len(places):
                break
        else:
            return None
        lengths = np.full(len(places), known, np.int32)
        if known == _KEYED:
            same = self._ids[places[:, None] - _FURTHER] == context[-_FURTHER]
            lengths += np.logical_and.accumulate(same, axis=1).sum(axis=1, dtype=np.int32)
        return NgramMatches(self._ids, places, lengths)

    def _places_with(self, known: Ids, without: str | None) -> Ids:
        """Places behind these tokens, the last ones."""
        first, last = self._with(known)
        places: Ids = self._places[max(first, last - _CANDIDATES) : last]
        if self._is_gone is not None:
            places = places[~self._is_gone[places]]
        if without in self._spans:
            begin, end = self._spans[without]
            places = places[(places < begin) | (places >= end)]
        return places

    def _with(self, known: Ids) -> tuple[int, int]:
        """The range of places behind these tokens."""
        key = 0
        for token in reversed(known.tolist()):
            key = key << _BITS | token
        free = _BITS * (_KEYED - len(known))
        first, last = self._keys.searchsorted([key << free, (key + 1) << free])
        return int(first), int(last)


class NgramIndex:
    """The tokens of a repository's files. Updated by one thread, asked by another."""

    def __init__(self) -> None:
        self._files: dict[str, Ids] = {}
        self._fresh: dict[str, Ids] = {}
        self._sorted = SortedNgrams({})
        """All files but ``_fresh``, which changed since they were sorted."""
        self._levels: list[SortedNgrams] = []

    def room(self, besides: Container[str] = ()) -> int:
        """Tokens that still fit, when the files ``besides`` are others."""
        held = sum(len(ids) for path, ids in self._files.items() if path not in besides)
        return MAX_TOKENS - held

    def update(self, files: Mapping[str, Sequence[int] | None]) -> None:
        """Files by path are now these tokens, None if they are gone.

        What does not fit into MAX_TOKENS is left out. Nothing is found any more of what a file was.
        """
        room = self.room(besides=files)
        for path, tokens in files.items():
            self._files.pop(path, None)
            self._fresh.pop(path, None)
            if tokens is not None and len(tokens) <= room:
                self._files[path] = self._fresh[path] = np.asarray(tokens, np.int32)
                room -= len(tokens)
        self._sorted = self._sorted.less(files)
        if self._sorted.gone + sum(map(len, self._fresh.values())) > FRESH_TOKENS:
            self._fresh = {}
            self._sorted = SortedNgrams(self._files)
        self._levels = [self._sorted, SortedNgrams(self._fresh)]

    def find(self, context: Ids, without: str | None = None) -> list[NgramMatches]:
        """Where the end of ``context``, (MAX_MATCH,), stands; in files that changed lately first.

        ``without``: a file that does not count.
        """
        found = (level.find(context, without) for level in reversed(self._levels))
        return [some for some in found if some is not None]

    def without(self, path: str) -> NgramView:
        """What may be copied into the file at ``path``: nothing that stood there itself.

        What somebody has just deleted, or is about to replace, would come back at every key.
        """
        return NgramView(self, path)


@dataclass(frozen=True, slots=True)
class NgramView:
    """An index without one of its files."""

    index: NgramIndex
    path: str

    def find(self, context: Ids) -> list[NgramMatches]:
        """Where the end of ``context``, (MAX_MATCH,), stands in other files."""
        return self.index.find(context, self.path)
