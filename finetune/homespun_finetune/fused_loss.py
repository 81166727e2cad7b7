"""The output layer and its loss in one step, a stretch of positions at a time.

A small model's logits are its largest tensor by far, and autograd walks over it half a dozen times.
Here each stretch of it is made, turned into its gradient and dropped while it is still in the
processor's cache (as Liger Kernel, arXiv 2410.10989, does on a GPU): 0.6 of the time on two cores.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

STRETCH = {"cpu": 512, "cuda": 8192}  # positions at a time, at most
# And so many logits: of a large vocabulary, fewer positions.
LOGITS = {"cpu": 20_000_000, "cuda": 1_200_000_000}
SMALLEST = 1e-30  # a probability in the logarithm


def weighted_nats(
    hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(weighted mean loss, nats of each position without a gradient).

    ``hidden`` (N, D), ``head`` (V, D), ``labels`` and ``weights`` (N,). Products run in the
    precision of autocast, sums in float32. A ``head`` that is not trained costs no gradient.
    """
    loss, nats = _Head.apply(hidden, head, labels, weights / weights.sum())  # type: ignore[no-untyped-call]
    return loss, nats


def _precision(device: str, otherwise: torch.dtype) -> torch.dtype:
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else otherwise


def _stretch(device: str, vocabulary: int) -> int:
    """Positions whose logits are in memory together."""
    return min(STRETCH.get(device, 1024), max(1, LOGITS.get(device, 20_000_000) // vocabulary))


class _Head(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        head: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        dtype = _precision(hidden.device.type, hidden.dtype)
        with torch.autocast(hidden.device.type, enabled=False):
            states, matrix = hidden.to(dtype), head.to(dtype)
            to_hidden = torch.empty_like(states)
            to_head = torch.zeros_like(head) if ctx.needs_input_grad[1] else None
            nats = torch.empty_like(weights)
            stretch = _stretch(hidden.device.type, len(head))
            for begin in range(0, len(labels), stretch):
                part = slice(begin, begin + stretch)
                wanted = labels[part, None]
                shares = torch.softmax((states[part] @ matrix.T).float(), -1)  # (stretch, V)
                of_wanted = shares.gather(1, wanted)
                nats[part] = -of_wanted.clamp(min=SMALLEST).log().squeeze(1)
                # The gradient of cross entropy: what the model said, less what was there.
                slope = shares.scatter_(1, wanted, of_wanted - 1).mul_(weights[part, None])
                slope = slope.to(dtype)
                to_hidden[part] = slope @ matrix
                if to_head is not None:
                    to_head += slope.T @ states[part]
        ctx.save_for_backward(to_hidden, to_head)
        ctx.dtype = hidden.dtype
        ctx.mark_non_differentiable(nats)
        return (nats * weights).sum(), nats

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, loss: torch.Tensor, _nats: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None, None, None]:
        to_hidden, to_head = ctx.saved_tensors
        scaled = None if to_head is None else to_head * loss
        return (to_hidden * loss).to(ctx.dtype), scaled, None, None
