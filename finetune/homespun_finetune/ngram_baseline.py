"""Copying from the repository: an n-gram model over the base's own tokens, without any training.

What an adapter has to beat. It has read the tree at the split, and of the file at hand what stands
around the cursor. A token's probability is interpolated from orders 0 to 16 as Witten and Bell do
(IEEE Trans. Inf. Theory 37, 1991; Moffat's method C for PPM, 1990), down to one in the vocabulary:
every token has one, so its bits are honest. It completes as a person copies: what most often
followed the longest beginning that was seen before, ended by the rules that end every suggestion.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from homespun_corpus.place import Place
from homespun_model.decoding.callbacks import Allowed, Settled, any_token
from homespun_model.decoding.completing import MAX_NEW_TOKENS, Score, Suggestion
from homespun_model.stopping.trim import Trimmer
from numpy.typing import NDArray

if TYPE_CHECKING:
    from homespun_model.bases.base import Base

ORDERS = (1, 2, 3, 4, 6, 8, 12, 16)  # tokens that may have to be the same
MOST_TOKENS = 1_000_000  # of a tree: 130 MB of counts, a few seconds to sort
_APART = -1  # between two documents; no context reaches over it
_FACTOR = 0x9E3779B97F4A7C15  # odd, for the hash of a context
_HALF_CHARACTER = "�"

Tokens = NDArray[np.int64]


class _Order:
    """Every context of one length with what followed it."""

    def __init__(self, ids: Tokens, length: int) -> None:
        follower = ids[length:]
        inside = follower != _APART
        keys = _hashes(ids, length)[:-1][inside]
        order = np.lexsort((follower[inside], keys))
        self._keys = keys[order]  # (entries,)
        self._followers = follower[inside][order]
        new = np.ones(len(order), dtype=np.int64)
        same = self._keys[1:] == self._keys[:-1]
        new[1:] = ~(same & (self._followers[1:] == self._followers[:-1]))
        self._kinds = np.concatenate([[0], np.cumsum(new)])

    def after(self, key: np.uint64) -> tuple[Tokens, int]:
        """What followed a context, sorted, and how many different tokens that is."""
        first = int(np.searchsorted(self._keys, key, "left"))
        last = int(np.searchsorted(self._keys, key, "right"))
        return self._followers[first:last], int(self._kinds[last] - self._kinds[first])


class NgramCounts:
    """What follows what in some documents."""

    def __init__(self, documents: Iterable[Sequence[int]]) -> None:
        parts = [part for document in documents for part in (document, [_APART])]
        ids = np.asarray([token for part in parts for token in part], dtype=np.int64)
        words = np.sort(ids[ids != _APART])
        self.size = len(words)
        self._words = words
        self._kinds = len(np.unique(words))
        self._orders = {n: _Order(ids, n) for n in ORDERS if len(ids) > n}

    def after(self, context: Tokens, order: int) -> tuple[Tokens, int]:
        """What followed the last ``order`` tokens of a context, and how many kinds of it."""
        if order == 0:
            return self._words, self._kinds
        if order not in self._orders or order > len(context):
            return self._words[:0], 0
        return self._orders[order].after(_hashes(context[-order:], order)[0])


class NgramBaseline:
    """Answers as ``Completer`` does, out of counts."""

    def __init__(self, base: Base, tree: Iterable[str]) -> None:
        self._base = base
        self._prompts = base.prompts()
        self._encode = self._prompts.encode_middle
        self._tree = NgramCounts(_some(map(self._encode, _shuffled(tree))))
        self.tokens = self._tree.size

    def score(self, place: Place, middle: str) -> Score:
        """What a middle costs at its place."""
        before, wanted = self._encode(place.prefix), self._encode(middle)
        seen = (self._tree, NgramCounts([before, self._encode(place.suffix)]))
        ids = np.asarray([*before, *wanted], dtype=np.int64)
        nats = 0.0
        for at in range(len(before), len(ids)):
            context = ids[max(0, at - ORDERS[-1]) : at]
            nats -= math.log(probability(seen, context, int(ids[at]), self._base.tokenizer.size))
        return Score(nats, len(middle.replace("\r\n", "\n").encode()), len(wanted))

    def complete(self, place: Place, *, guess: str, settled: Settled) -> Suggestion:
        """What would be copied at the place; a ``guess`` is of no use to it."""
        del guess
        begun = self._begun(place.prefix)
        before = self._encode(place.prefix.removesuffix(begun))
        around = NgramCounts([before, self._encode(place.suffix)])
        allowed = self._base.lexicon.beginning(begun) if begun else any_token
        trimmer = Trimmer(place, self._base.format.sentinels())
        ids: list[int] = []
        text = ""
        for token in self._continued(before, around, allowed):
            ids.append(token)
            text = self._text(ids, begun)
            if len(ids) == MAX_NEW_TOKENS or trimmer.done(text) or settled(text, 0.0):
                break
        trimmed = trimmer.trim(text, ended=False)
        return Suggestion(
            text=trimmed.text,
            replace=0,
            mean_logprob=0.0,
            line_logprob=0.0,
            least_logprob=0.0,
            shown=False,  # it knows no threshold: its typing is not measured
            revision=None,
            base=self._base.id,
            stopped=trimmed.reason,
            milliseconds={},
        )

    def _continued(
        self,
        before: Sequence[int],
        around: NgramCounts,
        allowed: Allowed,
    ) -> Iterator[int]:
        """One token after the other, until nothing that was seen goes on."""
        ids = list(before)
        while True:
            some = allowed(ids[len(before) :])
            context = np.asarray(ids[-ORDERS[-1] :], dtype=np.int64)
            token = likeliest((self._tree, around), context, some)
            if token is None:
                return
            ids.append(token)
            yield token

    def _begun(self, prefix: str) -> str:
        """The word to spell anew, with its space: whole words join it, and only they were seen."""
        begun = self._prompts.begun(prefix)
        spaced = bool(begun) and prefix.removesuffix(begun).endswith(" ")
        return f" {begun}" if spaced else begun

    def _text(self, ids: list[int], begun: str) -> str:
        text = self._base.tokenizer.decode(ids).rstrip(_HALF_CHARACTER).replace("\r\n", "\n")
        return text[len(begun) :] if text.startswith(begun) else ""


def probability(seen: Sequence[NgramCounts], context: Tokens, token: int, vocabulary: int) -> float:
    """The share of ``token`` behind ``context``: what follows it, blended into shorter contexts.

    With c occurrences of a context, d kinds of followers and p the shorter context's share, it is
    (occurrences of the token + d · p) / (c + d). Over the vocabulary these sum to 1.
    """
    share = 1 / vocabulary
    for order in (0, *ORDERS):
        found = [counts.after(context, order) for counts in seen]
        total = sum(len(followers) for followers, _ in found)
        if order and not total:
            return share  # a longer context has not been seen either
        kinds = sum(kinds for _, kinds in found)
        times = sum(_times(followers, token) for followers, _ in found)
        share = (times + kinds * share) / (total + kinds) if total else share
    return share


def likeliest(seen: Sequence[NgramCounts], context: Tokens, some: Tokens | None) -> int | None:
    """The commonest token behind the longest context that was seen, of ``some`` if given."""
    for order in reversed(ORDERS):
        found = np.concatenate([counts.after(context, order)[0] for counts in seen])
        if some is not None:
            found = found[np.isin(found, some)]
        if len(found):
            kinds, times = np.unique(found, return_counts=True)
            return int(kinds[times.argmax()])
    return None


def _times(followers: Tokens, token: int) -> int:
    first = np.searchsorted(followers, token, "left")
    return int(np.searchsorted(followers, token, "right") - first)


def _hashes(ids: Tokens, length: int) -> NDArray[np.uint64]:
    """The hash of each run of ``length`` tokens."""
    words = (ids + 2).astype(np.uint64)
    total = np.zeros(len(ids) - length + 1, dtype=np.uint64)
    for offset in range(length):
        weight = np.uint64(pow(_FACTOR, offset + 1, 1 << 64))
        total += words[offset : len(ids) - length + 1 + offset] * weight
    return total


def _shuffled(tree: Iterable[str]) -> list[str]:
    """In an order that is nobody's choice: of a large tree not all of it is read."""
    return sorted(tree, key=lambda text: hashlib.sha256(text.encode()).digest())


def _some(documents: Iterable[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Documents until they hold ``MOST_TOKENS`` together."""
    total = 0
    for document in documents:
        yield document
        total += len(document)
        if total >= MOST_TOKENS:
            return
