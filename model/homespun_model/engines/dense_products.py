"""Products with a weight, x → x Wᵀ + b, alone or with what an adapter adds.

Knows no layers: what is fused with what is a matter of whoever gives the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

Product = Callable[[Tensor], Tensor]
"""Of rows (rows, inputs), new rows (rows, outputs)."""


def product(weight: Tensor, bias: Tensor | None = None, *, twice: bool = False) -> Product:
    """The product with a ``weight`` (outputs, inputs), in its precision, on a copy of it.

    The copy is reordered for oneDNN, which in bf16 halves the time of one row and of few, and in
    float32 of few. ``twice``: with a second copy, turned, which one row in float32 is faster with;
    where all copies are small.
    """
    try:
        reordered = torch.ops.mkldnn._reorder_linear_weight(weight)
        fast = torch.ops.mkldnn._linear_pointwise.default
        fast(weight[:1], reordered, bias, "none", [], "")
    except (AttributeError, RuntimeError):  # torch was built without it
        held = weight.clone()
        return lambda x: F.linear(x, held, bias)
    if not twice:
        return lambda x: fast(x, reordered, bias, "none", [], "")
    one_row = _one_row(weight.t().contiguous(), bias)
    return lambda x: one_row(x) if len(x) == 1 else fast(x, reordered, bias, "none", [], "")


def _one_row(turned: Tensor, bias: Tensor | None) -> Product:
    return (lambda x: x.mm(turned)) if bias is None else (lambda x: torch.addmm(bias, x, turned))


@dataclass(frozen=True, slots=True)
class Addition:
    """What an adapter adds to some of the outputs of a product that may be fused of several."""

    outputs: slice
    down: Tensor
    """(inputs, rank)"""
    up: Tensor
    """(rank, outputs)"""


def with_additions(whole: Product, additions: Sequence[Addition]) -> Product:
    """``whole`` with what is added, in place, where nobody has seen the outputs yet."""
    if not additions:
        return whole
    down = torch.cat([some.down for some in additions], 1)
    ends = accumulate(len(some.up) for some in additions)
    ups = [
        (a.outputs, slice(end - len(a.up), end), a.up)
        for a, end in zip(additions, ends, strict=True)
    ]

    def added(x: Tensor) -> Tensor:
        y, thin = whole(x), x.mm(down)
        for outputs, ranks, up in ups:
            y[:, outputs].addmm_(thin[:, ranks], up)
        return y

    return added
