"""The forward pass that decoding and scoring need: token ids in, logits out.

``DenseCpuEngine`` is the one for Llama, Qwen2 and Qwen3 on the CPU, ``TransformersEngine``
transformers' own, for every architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch


class CachedSequence(Protocol):
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


class Engine(Protocol):
    """One model, ready to read."""

    @property
    def size(self) -> int:
        """Bytes of its weights; what others share with a base is the base's alone."""
        ...

    @property
    def vocabulary(self) -> int:
        """Logits that it gives for a place."""
        ...

    def begin(self) -> CachedSequence:
        """A reading of nothing yet."""
        ...

    def batch(self, rows: torch.Tensor, keep: int) -> torch.Tensor:
        """Logits (batch, keep, vocabulary), float32, of the last ``keep`` positions, at least one,
        of ``rows`` (batch, length)."""
        ...
