"""Guesses at the next tokens: what followed the longest match of the last few, elsewhere.

A guess is checked by one forward pass, so a wrong one costs a little time and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from homespun_model.bases.fitted import SMALL, Fitted
from homespun_model.decoding.cache_lm import NgramCache
from homespun_model.decoding.ngram_index import MAX_MATCH

MAX_DRAFT = 16
_PRIOR = 0.7  # the rate before there is any
_KEPT = 0.98  # of what was learnt, at each draft: the last fifty count


class Rates:
    """How often a drafted token came true, by the length of the match it came from; and so what a
    draft is worth where it costs what was ``fitted``."""

    def __init__(self, fitted: Fitted = SMALL) -> None:
        self._fitted = fitted
        self._seen = [[_PRIOR, 1.0] for _ in range(MAX_MATCH.bit_length())]  # came true, of

    def worth(self, match: int) -> int:
        """How many tokens to draft, for the most tokens in the time; 0 where a draft costs more."""
        seen = self._seen[match.bit_length() - 1]
        rate = seen[0] / seen[1]
        gained, best, count = 1.0, 1.0, 0
        for length in range(1, MAX_DRAFT + 1):
            gained += rate**length
            cost = 1 + self._fitted.draft_cost + length * self._fitted.token_cost
            if (speed := gained / cost) > best:
                best, count = speed, length
        if count == 0:  # what is not tried is slowly forgotten, and tried again
            seen[:] = seen[0] * _KEPT + _PRIOR * (1 - _KEPT), seen[1] * _KEPT + 1 - _KEPT
        return count

    def learn(self, match: int, drafted: int, accepted: int) -> None:
        """Of ``drafted`` tokens the first ``accepted`` came true."""
        seen = self._seen[match.bit_length() - 1]
        seen[:] = seen[0] * _KEPT + accepted, seen[1] * _KEPT + min(drafted, accepted + 1)


class Drafter:
    """Drafts for one continuation, from what may be copied into it."""

    def __init__(self, source: NgramCache, rates: Rates) -> None:
        self._source, self._rates = source, rates
        self._length = 0

    def draft(self, ids: Sequence[int], most: int) -> list[int]:
        """Likely next tokens behind the prompt and ``ids``, no more than ``most``."""
        found = self._source.find(ids)
        if not found:
            return []
        best = max(found, key=lambda some: some.longest)
        self._length = best.longest
        return best.continuation(min(most, self._rates.worth(self._length)))

    def learn(self, drafted: int, accepted: int) -> None:
        """Of the last draft's ``drafted`` tokens the first ``accepted`` came true."""
        if drafted:
            self._rates.learn(self._length, drafted, accepted)
