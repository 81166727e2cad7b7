"""``Decoding`` by a server: it streams what it expects, and what comes of it is decided here.

A stream goes on with the likeliest token. Where copies, a word begun, or an end that may not be say
another, it is given up and another one begun behind that: servers keep what they have read. Of the
other tokens a server tells only the likeliest: where none of them is allowed, it is asked once more
for one that is. Nothing is drafted: servers that draft do it themselves. Knows no text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homespun_model.bases.fitted import Fitted
from homespun_model.decoding.cache_lm import NextTokens, NgramCache
from homespun_model.decoding.callbacks import (
    Allowed,
    IsCancelled,
    KeepGoing,
    MayEnd,
    any_token,
    never,
)
from homespun_model.decoding.decode import Decoded
from homespun_model.decoding.ngram_index import NgramView
from homespun_model.errors import Cancelled, RemoteNonsense
from homespun_model.remote import wire
from homespun_model.remote.link import Stream
from homespun_model.remote.wire import Step, steps

Ask = Callable[[Sequence[int], int, Sequence[int]], Stream]
"""Begin a completion of a prompt, of so many tokens; of which one is among these, if any are."""
MOST_NAMED = 4096  # tokens of which one has to come: a request stays small


NOTED = 16  # documents of which it is known what the server has read
HARDLY = 64  # tokens that a server reads by the way
MOST_EMPTY = 64  # events without a token
MOST_UNTOLD = 8  # tokens of one character


class RemoteDecoder:
    """Asks by ``ask``; the base has ``vocabulary`` tokens."""

    def __init__(self, ask: Ask, vocabulary: int, fitted: Fitted) -> None:
        self._ask, self._vocabulary, self._fitted = ask, vocabulary, fitted
        self._read: dict[str, tuple[int, ...]] = {}
        """The last prompt of each session."""

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_new_tokens: int,
        stop_ids: frozenset[int],
        context: Sequence[int] | None = None,
        session: str | None = None,
        cancelled: IsCancelled = never,
        keep_going: KeepGoing,
        allowed: Allowed = any_token,
        may_end: MayEnd,
        ngrams: NgramView | None = None,
        guess: Sequence[int] = (),
    ) -> Decoded:
        """As ``decode.Decoder.generate``, without its memory: the server has one. RemoteError."""
        del guess
        self._note(session, prompt)
        source = NgramCache(
            prompt if context is None else context, ngrams, stop_ids, self._fitted.trust
        )
        ids: list[int] = []
        logprobs: list[float] = []
        stopped: Literal["end", "length", "halted"] = "length"
        reader = _Reader(self._ask, self._vocabulary, prompt, max_new_tokens, cancelled)
        try:
            while len(ids) < max_new_tokens:
                some = allowed(ids)
                try:
                    expected = reader.expected(ids, some)
                except _Untold:
                    break
                if ngrams is not None:
                    cached = source.next_tokens(source.find(ids))
                    expected = blended(expected, cached, stop_ids) if cached else expected
                beside = math.log(_share(expected, some, self._vocabulary))
                token = likeliest(expected, some)
                if token in stop_ids and not may_end(ids):
                    token = likeliest(_without(expected, stop_ids), some)
                if token in stop_ids:
                    stopped = "end"
                    break
                ids.append(token)
                logprobs.append(expected[token] - beside)
                if not keep_going(ids, logprobs):
                    stopped = "halted"
                    break
        finally:
            reader.close()
        return Decoded(ids, logprobs, stopped, reused=0, passes=reader.asked)

    def warm(self, prompt: Sequence[int], *, session: str, cancelled: IsCancelled = never) -> None:
        """Have the server read ``prompt``, unless nearly all of it was asked there just now: others
        wait for it, too. Raises Cancelled and RemoteError."""
        if _shared(self._read.get(session, ()), prompt) >= len(prompt) - HARDLY:
            return
        reader = _Reader(self._ask, self._vocabulary, prompt, 1, cancelled)
        try:
            with suppress(_Untold):
                reader.expected([], None)
        finally:
            reader.close()
        self._note(session, prompt)

    def forget(self, session: str) -> None:
        """Drop what was noted; what servers remember they forget by themselves."""
        self._read.pop(session, None)

    def _note(self, session: str | None, prompt: Sequence[int]) -> None:
        if session is not None:
            self._read.pop(session, None)
            self._read[session] = tuple(prompt)
            while len(self._read) > NOTED:
                del self._read[next(iter(self._read))]


class _Untold(Exception):
    """A server has said a token and does not tell which."""


class _Reader:
    """What a server expects behind a prompt and the tokens that were chosen, one after another."""

    def __init__(
        self,
        ask: Ask,
        vocabulary: int,
        prompt: Sequence[int],
        most: int,
        cancelled: IsCancelled,
    ) -> None:
        self._ask, self._vocabulary = ask, vocabulary
        self._prompt, self._most, self._cancelled = prompt, most, cancelled
        self._stream: Stream | None = None
        self._path: list[int] = []
        """What the stream goes on behind, and what it has said itself."""
        self._ahead: list[Step] = []
        self._said = 0
        self.asked = 0

    def expected(self, ids: Sequence[int], some: NDArray[np.int64] | None) -> Mapping[int, float]:
        """Natural log-probabilities of the likeliest tokens behind ``ids``, one of ``some`` among
        them. Raises _Untold."""
        if self._stream is None or self._path != list(ids):
            self._begin(ids, self._most - len(ids))
        try:
            told = self._next()
        except _Untold:
            if some is None:
                raise
            return self._among(ids, some)
        self._path.append(told.said)
        if some is None or not set(told.logprobs).isdisjoint(some.tolist()):
            return told.logprobs
        return {**told.logprobs, **self._among(ids, some)}

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _begin(self, ids: Sequence[int], most: int, among: Sequence[int] = ()) -> None:
        self.close()
        self.asked += 1
        self._ahead, self._said, self._path = [], 0, list(ids)
        self._stream = self._ask([*self._prompt, *ids], most, among)

    def _among(self, ids: Sequence[int], some: NDArray[np.int64]) -> Mapping[int, float]:
        """Of one token among these, the likeliest, what it has of the probability."""
        self._begin(ids, 1, some[:MOST_NAMED].tolist())
        found = self._next()
        self.close()
        if found.said not in some:
            raise RemoteNonsense("goes on with a token that it was not to")
        return {found.said: found.logprobs[found.said]}

    def _next(self) -> Step:
        assert self._stream is not None, "nothing was asked"
        is_cut, empty = False, 0
        while not self._ahead:
            if self._cancelled():
                raise Cancelled
            if (event := self._stream.next(self._cancelled)) is None:
                if is_cut:
                    raise _Untold
                raise RemoteNonsense("ends its answer before it is asked to")
            self._ahead, is_cut = steps(event, self._vocabulary), wire.is_cut(event)
            self._said += len(self._ahead)
            if self._ahead:
                self._stream.heard()
                self._compare(wire.said_so_far(event))
            elif (empty := empty + 1) > MOST_EMPTY:
                raise RemoteNonsense("answers without tokens")
        return self._ahead.pop(0)

    def _compare(self, said: int | None) -> None:
        """With how many tokens the server says that it has said: _Untold where one is missing."""
        if said is None or said == self._said:
            return
        if not self._said < said <= self._said + MOST_UNTOLD:
            raise RemoteNonsense("counts its tokens wrongly")
        raise _Untold


def likeliest(expected: Mapping[int, float], some: NDArray[np.int64] | None) -> int:
    """The likeliest token that is allowed."""
    among = expected if some is None else set(some.tolist()) & expected.keys()
    if not among:
        raise RemoteNonsense("tells of too few tokens")
    return max(among, key=lambda token: (expected[token], -token))


def _share(expected: Mapping[int, float], some: NDArray[np.int64] | None, vocabulary: int) -> float:
    """What the tokens that are allowed have of the probability. Of those that a server does not
    tell of, what they would have if all of these had the same."""
    if some is None:
        return 1.0
    known = set(some.tolist()) & expected.keys()
    untold = max(0.0, 1.0 - sum(map(math.exp, expected.values())))
    left = len(some) - len(known)
    rest = untold * left / max(1, vocabulary - len(expected))
    rest = min(rest, left * math.exp(min(expected.values())))  # it tells of the likeliest
    return sum(math.exp(expected[token]) for token in known) + rest


def blended(
    expected: Mapping[int, float], cached: NextTokens, stops: frozenset[int]
) -> dict[int, float]:
    """``cache_lm.interpolate`` of what a server tells: what it does not tell of has no part."""
    going = 1.0 - sum(math.exp(expected[token]) for token in stops if token in expected)
    mixed = {
        token: logprob if token in stops else logprob + math.log1p(-cached.trust)
        for token, logprob in expected.items()
    }
    for token, share in zip(cached.ids.tolist(), cached.shares.tolist(), strict=True):
        given = cached.trust * max(0.0, going) * share
        total = given + (math.exp(mixed[token]) if token in mixed else 0.0)
        mixed[token] = math.log(total) if total > 0 else -math.inf
    return mixed


def _shared(read: Sequence[int], prompt: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(read, prompt, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(read), len(prompt)))


def _without(expected: Mapping[int, float], stops: frozenset[int]) -> dict[int, float]:
    return {token: logprob for token, logprob in expected.items() if token not in stops}
