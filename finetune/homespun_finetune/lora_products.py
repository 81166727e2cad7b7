"""Products with low-rank additions, norms and gates, each with a backward pass written by hand.

The weights of the base are frozen, so that nothing is computed or kept for their gradients, and
modules with the same input are one product. Factors are float32; everything else runs in the
precision of the weights. Knows no layers and no models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class LoraProduct:
    """Frozen rows (outputs, inputs) of one module or several, and what is learnt beside each."""

    weight: Tensor
    bias: Tensor | None
    outputs: list[int]
    """Of each module, together all rows of ``weight``."""
    factors: tuple[tuple[Tensor, Tensor], ...]
    """Of each module, down (rank, inputs) and up (outputs, rank): parameters."""
    scale: float

    def __call__(self, x: Tensor) -> Tensor:
        """(tokens, inputs) to (tokens, outputs)."""
        flat = [factor for pair in self.factors for factor in pair]
        found = _Product.apply(x, self, *flat)  # type: ignore[no-untyped-call]
        return cast(Tensor, found)


def normed(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x`` (…, width) divided by the root of its mean square, times a frozen ``weight``."""
    return cast(Tensor, _Norm.apply(x, weight, eps))  # type: ignore[no-untyped-call]


def gated(gate_up: Tensor) -> Tensor:
    """silu(gate) · up, of both beside each other (tokens, 2 · inner)."""
    return cast(Tensor, _Gate.apply(gate_up))  # type: ignore[no-untyped-call]


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, product: LoraProduct, *factors: Tensor) -> Tensor:
        """``factors``: those of the product, which autograd must see."""
        downs, ups = factors[::2], factors[1::2]
        down = torch.cat([each.detach() for each in downs]).mul_(product.scale).to(x.dtype)
        low = x @ down.T  # (tokens, all ranks)
        found = functional.linear(x, product.weight, product.bias)
        ranks = [len(each) for each in downs]
        parts, lows = torch.split(found, product.outputs, 1), torch.split(low, ranks, 1)
        for part, each, up in zip(parts, lows, ups, strict=True):
            part.addmm_(each, up.detach().to(x.dtype).T)
        ctx.save_for_backward(x, product.weight, low, down, *ups)
        ctx.product, ctx.ranks = product, ranks
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, low, down, *ups = ctx.saved_tensors
        slopes, lows = torch.split(slope, ctx.product.outputs, 1), torch.split(low, ctx.ranks, 1)
        to_low = torch.cat(
            [part @ up.to(x.dtype) for part, up in zip(slopes, ups, strict=True)], 1
        )  # (tokens, all ranks)
        to_downs = torch.split((to_low.T @ x).float().mul_(ctx.product.scale), ctx.ranks)
        to_ups = [(part.T @ each).float() for part, each in zip(slopes, lows, strict=True)]
        to_x = torch.addmm(slope @ weight, to_low, down) if ctx.needs_input_grad[0] else None
        return (to_x, None, *(each for pair in zip(to_downs, to_ups, strict=True) for each in pair))


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.float()
        inverse = wide.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        return (wide * inverse).to(x.dtype) * weight

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        x, weight, inverse = ctx.saved_tensors
        unit = x.float() * inverse
        along = slope.float() * weight.float()
        along -= unit * (along * unit).mean(-1, keepdim=True)
        return along.mul_(inverse).to(x.dtype), None, None


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        gate, up = gate_up.chunk(2, -1)
        return functional.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        gate, up = gate_up.chunk(2, -1)
        found = torch.empty_like(gate_up)
        to_gate, to_up = found.chunk(2, -1)
        torch.mul(slope, functional.silu(gate), out=to_up)
        torch.ops.aten.silu_backward(slope * up, gate, grad_input=to_gate)
        return found
