"""What a dense decoder computes beside its products: norms and turns, in float32 or bf16.

In float32 all is arranged for few operations, for in a small model these cost more than the
products: but for rounding it is what transformers does. In bf16 rounding is what matters, so each
number is rounded where transformers rounds it. ``Rotated`` is float32 between products in 8 bits.
Knows no layers and no files.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from homespun_model.engines.dense_shape import Shape
from homespun_model.engines.rotation import Mixing, Rotation

ROOM = 256  # places for which room is made at a time


class Arithmetic(Protocol):
    """Of one shape, in one precision."""

    dtype: torch.dtype
    kept: torch.dtype
    """Of keys and values."""

    def folded(self, rows: Tensor, norm: Tensor) -> Tensor:
        """Rows of a product (outputs, inputs) whose input is ``entering`` behind this norm."""
        ...

    def entering(self, x: Tensor, norm: Tensor) -> Tensor:
        """``x`` (…, width) normed, as far as the weights of the norm are not ``folded``."""
        ...

    def added(self, rows: Tensor) -> Tensor:
        """Rows (hidden, …) of a product whose outputs are added to what goes from layer to
        layer."""
        ...

    def inner(self, x: Tensor) -> Tensor:
        """What goes into a layer's last product (…, inner), and rows of that product too."""
        ...

    def norm(self, weights: Tensor) -> Tensor:
        """The weights of a norm as ``normed`` and ``turn`` want them."""
        ...

    def normed(self, x: Tensor, norm: Tensor) -> Tensor:
        """``x`` (…, width) divided by the root of its mean square, times the norm's weights."""
        ...

    def ordered(self, rows: Tensor) -> Tensor:
        """Rows of heads (heads · width, …) in the order that ``turn`` wants within a head.

        Scores are sums over a head: any order will do.
        """
        ...

    def places(self, begin: int, end: int) -> Tensor:
        """How far heads are turned at these places; its first dimension is the place's."""
        ...

    def turn(self, heads: Tensor, normal: Tensor | None, places: Tensor) -> None:
        """Turn ``heads`` (batch, places, heads, width) in place, normed first by ``normal``
        (heads, width)."""
        ...


def arithmetic(shape: Shape, dtype: torch.dtype) -> Arithmetic:
    """float32 or bf16."""
    return Float32(shape) if dtype == torch.float32 else Bfloat16(shape)


class Float32:
    """The weights of norms are folded into products, a rotation is one product of complex numbers,
    and pairs of numbers that are turned together stand together."""

    dtype = kept = torch.float32

    def __init__(self, shape: Shape) -> None:
        # What keeps a norm from dividing by nothing, by the width of what it is given.
        self._eps = {n: torch.tensor((n * shape.eps) ** 0.5) for n in (shape.hidden, shape.width)}
        self._width, self._frequencies = shape.width, shape.rope.frequencies(shape.width)
        self._turns = torch.empty(0)

    def folded(self, rows: Tensor, norm: Tensor) -> Tensor:
        return rows * self.norm(norm)

    def entering(self, x: Tensor, norm: Tensor) -> Tensor:
        """Divided by its length: the root of its width, which makes it a mean, is in the weights.

        In three small operations, where torch's own takes seven.
        """
        del norm
        return self._unit(x)

    def added(self, rows: Tensor) -> Tensor:
        return rows

    def inner(self, x: Tensor) -> Tensor:
        return x

    def norm(self, weights: Tensor) -> Tensor:
        rooted: Tensor = weights * weights.shape[-1] ** 0.5
        return rooted

    def normed(self, x: Tensor, norm: Tensor) -> Tensor:
        return self._unit(x) * norm

    def ordered(self, rows: Tensor) -> Tensor:
        """transformers pairs the halves of a head."""
        halves = rows.view(-1, 2, self._width // 2, *rows.shape[1:])
        return halves.transpose(1, 2).reshape(rows.shape)

    def places(self, begin: int, end: int) -> Tensor:
        """(places, 1, width / 2), complex."""
        turns = self._turns  # another thread may put shorter ones there
        if end > len(turns):
            angles = torch.outer(torch.arange(end + ROOM).float(), self._frequencies)
            turns = self._turns = torch.polar(torch.ones_like(angles), angles).unsqueeze(1)
        return turns[begin:end]

    def turn(self, heads: Tensor, normal: Tensor | None, places: Tensor) -> None:
        found = heads if normal is None else self._unit(heads) * normal
        torch.mul(_complex(found), places, out=_complex(heads))

    def _unit(self, x: Tensor) -> Tensor:
        lengths: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return x / lengths.hypot(self._eps[x.shape[-1]])


class Rotated(Float32):
    """float32 in which nothing stands out: what goes from layer to layer is rotated once, which
    weights on both sides make up for, and what goes into a layer's last product each time."""

    def __init__(self, shape: Shape, kept: torch.dtype = torch.float32) -> None:
        super().__init__(shape)
        self.kept = kept
        self._rotated, self._mixed = Rotation(shape.hidden), Mixing(shape.inner)

    def folded(self, rows: Tensor, norm: Tensor) -> Tensor:
        return self._rotated(super().folded(rows, norm))

    def added(self, rows: Tensor) -> Tensor:
        return self._rotated(rows.t()).t() if rows.dim() > 1 else self._rotated(rows)

    def inner(self, x: Tensor) -> Tensor:
        return self._mixed(x)


class Bfloat16:
    """Rounded to bf16 where transformers does; norms and angles are float32 until then."""

    dtype = kept = torch.bfloat16

    def __init__(self, shape: Shape) -> None:
        self._eps = torch.tensor(shape.eps**0.5)
        self._frequencies = shape.rope.frequencies(shape.width)
        self._turns = torch.empty(0)

    def folded(self, rows: Tensor, norm: Tensor) -> Tensor:
        del norm
        return rows

    def entering(self, x: Tensor, norm: Tensor) -> Tensor:
        return self.normed(x, norm)

    def added(self, rows: Tensor) -> Tensor:
        return rows

    def inner(self, x: Tensor) -> Tensor:
        return x

    def norm(self, weights: Tensor) -> Tensor:
        return weights

    def normed(self, x: Tensor, norm: Tensor) -> Tensor:
        lengths = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        roots = lengths.mul_(x.shape[-1] ** -0.5).hypot_(self._eps)
        found: Tensor = (x / roots).to(x.dtype) * norm
        return found

    def ordered(self, rows: Tensor) -> Tensor:
        return rows

    def places(self, begin: int, end: int) -> Tensor:
        """Cosines and sines (places, 2, 1, width); those that take the other half away are below
        nought."""
        turns = self._turns  # another thread may put shorter ones there
        if end > len(turns):
            angles = torch.outer(torch.arange(end + ROOM).float(), self._frequencies)
            sines = torch.cat([-angles.sin(), angles.sin()], -1)
            both = torch.stack([torch.cat([angles, angles], -1).cos(), sines], 1)
            turns = self._turns = both.to(self.dtype).unsqueeze(2)
        return turns[begin:end]

    def turn(self, heads: Tensor, normal: Tensor | None, places: Tensor) -> None:
        found = heads if normal is None else self.normed(heads, normal)
        cosines, sines = places.unbind(1)
        other = found.roll(found.shape[-1] // 2, -1).mul_(sines)
        torch.add(found * cosines, other, out=heads)


def _complex(heads: Tensor) -> Tensor:
    """Pairs of numbers (…, heads, width) as one complex number each, in the same memory."""
    return torch.view_as_complex(heads.view(*heads.shape[:-1], -1, 2))
