"""What a model expects, blended with what came next where the last tokens were the same.

A small model knows how code goes on in general; a repository knows how it went on before. With p a
token's probability by the model and q its share among what came next elsewhere, it is
(1 - trust) p + trust q, as cache language models have it (Kuhn and De Mori, IEEE PAMI 12, 1990;
with neighbours found by what they hold, Khandelwal et al., kNN-LM, ICLR 2020). The trust grows with
the longest match. Nothing copied says that a middle ends here: the end keeps its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from homespun_model.bases.fitted import SMALL
from homespun_model.decoding.ngram_index import (
    MAX_MATCH,
    NgramMatches,
    NgramView,
    SortedNgrams,
    tail,
)


@dataclass(frozen=True, slots=True)
class NextTokens:
    """Tokens that came next elsewhere, ``ids`` (n,) int64, each once, and their ``shares`` (n,)."""

    trust: float
    ids: torch.Tensor
    shares: torch.Tensor


class NgramCache:
    """What may be copied into one continuation of ``context``: of itself, and of ``ngrams``.

    ``context``: a prompt's tokens, (n,), in an order in which they end at the cursor: after an
    anchored prompt stands the code behind the cursor, or a sentinel, and neither is gone on from.
    ``stops``: ids that are never copied. ``trust``: as ``Fitted`` has it.
    """

    def __init__(
        self,
        context: Sequence[int],
        ngrams: NgramView | None,
        stops: frozenset[int],
        trust: Sequence[float] = SMALL.trust,
    ) -> None:
        self._trust = trust
        self._tail = list(context[-MAX_MATCH:])
        self._context, self._ngrams = SortedNgrams({"": context}), ngrams
        self._stops = torch.tensor(sorted(stops), dtype=torch.long)
        self._barred = np.array(sorted(stops), np.int64)
        self._found: tuple[int, list[NgramMatches]] = (-1, [])

    def find(self, ids: Sequence[int]) -> list[NgramMatches]:
        """Where the end of the context and ``ids``, the continuation so far, stands elsewhere.

        ``ids`` only ever grow.
        """
        if self._found[0] != len(ids):
            last = tail([*self._tail, *ids[-MAX_MATCH:]])
            here = self._context.find(last)
            there = self._ngrams.find(last) if self._ngrams else []
            self._found = (len(ids), [here, *there] if here else there)
        return self._found[1]

    def interpolate(self, logprobs: torch.Tensor, ids: Sequence[int]) -> torch.Tensor:
        """The model's ``logprobs`` (vocabulary,) of what comes behind ``ids``, blended."""
        cached = self.next_tokens(self.find(ids))
        return interpolate(logprobs, cached, self._stops) if cached else logprobs

    def next_tokens(self, found: Sequence[NgramMatches]) -> NextTokens | None:
        """What came next at these places; None where nothing did that may be copied."""
        if not found:
            return None
        longest = max(some.longest for some in found)
        ids = np.concatenate([some.next for some in found]).astype(np.int64)
        weights = np.exp(np.concatenate([some.lengths for some in found]) - float(longest))
        some = ~np.isin(ids, self._barred)
        if not some.any():
            return None
        each, which = np.unique(ids[some], return_inverse=True)
        shares = np.bincount(which, weights[some])
        return NextTokens(
            self._trust[longest],
            torch.from_numpy(each),
            torch.from_numpy(shares / shares.sum()).float(),
        )


def interpolate(logprobs: torch.Tensor, cached: NextTokens, stops: torch.Tensor) -> torch.Tensor:
    """``cached`` has its ``trust`` of what ``logprobs`` (vocabulary,) leaves beside ``stops``."""
    blended = logprobs + float(np.log1p(-cached.trust))
    going = -torch.expm1(logprobs[stops].logsumexp(0))  # the probability that something comes
    given = (cached.trust * going.clamp_min(0.0) * cached.shares.to(logprobs.device)).log()
    ids = cached.ids.to(logprobs.device)
    blended[ids] = torch.logaddexp(blended[ids], given)
    blended[stops] = logprobs[stops]
    return blended
