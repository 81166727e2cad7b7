"""Rotations that spread what stands out in a few numbers over many, so that 8 bits are enough.

A product says the same of an input and of weights that are both rotated. In a decoder a few places
of what goes from layer to layer are a hundred times larger than the others, and a step of 8 bits
that reaches so far is too coarse for the rest: see QuaRot (arXiv:2404.00456). All are given by
formulas, so that adapters fit weights that were rotated long before. Knows no layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BLOCK = 64  # numbers that are spread over one another at every product, at most (LOG E-055)


class Rotation:
    """An orthogonal map of rows (…, width), float32, that leaves no number large.

    Signs that follow no pattern (Rudin and Shapiro's), then Hadamard's matrix for the power of two
    in the width and the cosine transform for the rest of it.
    """

    def __init__(self, width: int) -> None:
        block = width & -width
        self._hadamard, self._cosines = hadamard(block), _cosines(width // block)
        signs = [1.0 - 2 * ((n & n >> 1).bit_count() % 2) for n in range(width)]
        self._signs = torch.tensor(signs)

    def __call__(self, x: Tensor) -> Tensor:
        blocks = (x * self._signs).reshape(-1, len(self._cosines), len(self._hadamard))
        found: Tensor = self._cosines @ (blocks @ self._hadamard)
        return found.view(x.shape)


class Mixing:
    """A map of rows (…, width) that rotates blocks of them, quick enough for every product.

    Twice, it is as if nothing had been done.
    """

    def __init__(self, width: int) -> None:
        self._hadamard = hadamard(min(BLOCK, width & -width))

    def __call__(self, x: Tensor) -> Tensor:
        found: Tensor = x.reshape(-1, len(self._hadamard)) @ self._hadamard
        return found.view(x.shape)


def hadamard(size: int) -> Tensor:
    """Sylvester's, for powers of two: (size, size), float32, orthogonal and symmetric."""
    found = torch.ones(1, 1)
    while len(found) < size:
        found = torch.cat([torch.cat([found, found], 1), torch.cat([found, -found], 1)])
    return found / math.sqrt(size)


def _cosines(size: int) -> Tensor:
    """The discrete cosine transform: (size, size), float32, orthogonal."""
    rows = torch.arange(size, dtype=torch.float64).unsqueeze(1)
    found = torch.cos(math.pi * rows * (2 * rows.t() + 1) / (2 * size)) * math.sqrt(2 / size)
    found[0] /= math.sqrt(2)
    return found.float()
