"""The forward pass that decoding needs, and transformers' own as the one for every architecture.

Token ids go in behind those read before, logits come out. ``LeanForward`` is the other one, for
the small models where Python and dispatch cost more than arithmetic.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Protocol

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer


class Reading(Protocol):
    """One sequence of tokens that a model reads, its keys and values kept."""

    def run(self, ids: Sequence[int], keep: int) -> torch.Tensor:
        """Read on: logits (keep, vocabulary), float32, of the last ``keep`` of ``ids``, maybe 0.

        A reading whose ``run`` raised is spoilt.
        """
        ...

    def cut(self, length: int) -> None:
        """Forget all but the first ``length`` tokens, at most as many as were read."""

    def size(self) -> int:
        """Bytes held."""
        ...


class Forward(Protocol):
    """One model, ready to read."""

    def begin(self) -> Reading:
        """A reading of nothing yet."""
        ...


class PlainForward:
    """transformers' forward pass, of any architecture on any device."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.device = model.device
        self._model = model
        # Logits of positions that nobody reads are the larger part of a small model's work.
        self._can_keep = "logits_to_keep" in inspect.signature(model.forward).parameters

    def begin(self) -> Reading:
        """A reading of nothing yet."""
        return _PlainReading(self)

    def batch(
        self, rows: torch.Tensor, keep: int, cache: DynamicCache | None = None
    ) -> torch.Tensor:
        """Logits (batch, keep, vocabulary), float32, of the last positions of (batch, length)."""
        # transformers takes 0 for all of them.
        options = {"logits_to_keep": max(1, keep)} if self._can_keep else {}
        out = self._model(
            input_ids=rows, past_key_values=cache, use_cache=cache is not None, **options
        )
        logits: torch.Tensor = out.logits[:, out.logits.shape[1] - keep :].float()
        return logits


class _PlainReading:
    def __init__(self, forward: PlainForward) -> None:
        self._forward = forward
        # Without a config every layer keeps all it sees, sliding ones too: it can be cut back.
        self._cache = DynamicCache()

    def run(self, ids: Sequence[int], keep: int) -> torch.Tensor:
        rows = torch.tensor([list(ids)], device=self._forward.device)
        return self._forward.batch(rows, keep, self._cache)[0]

    def cut(self, length: int) -> None:
        if (held := self._cache.get_seq_length()) > length:
            self._cache.crop(length - held)

    def size(self) -> int:
        return sum(
            int(tensor.nbytes)
            for layer in self._cache.layers
            if isinstance(layer, DynamicLayer)
            for tensor in (layer.keys, layer.values)
            if tensor is not None
        )
