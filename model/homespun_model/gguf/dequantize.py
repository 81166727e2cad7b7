"""Tensors of a GGUF file as plain numbers, a piece at a time: no tensor is ever whole in float32
unless that is asked for.

The arithmetic of each type of block is ggml's own, in its package ``gguf``. Knows no models.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from numpy.typing import NDArray

from homespun_model.errors import BaseError
from homespun_model.gguf.header import StoredTensor

if TYPE_CHECKING:
    import torch

# Numbers at a time: few enough for the processor's cache, enough for its vectors; whole blocks.
PIECE = 1 << 18

Numbers = NDArray[np.float32]


def is_readable(kind: GGMLQuantizationType) -> bool:
    """Whether numbers can be made of this type's blocks; of those for activations they cannot."""
    return kind.name in ("F32", "F16") or hasattr(gguf.quants, kind.name)


def numbers(path: Path, tensor: StoredTensor, first: int = 0, count: int | None = None) -> Numbers:
    """``count`` numbers from the one at ``first`` on, both at a block's edge; all of them unless
    told. BaseError where the file has changed, or for what is no number."""
    pieces = _pieces(path, tensor, first, tensor.numbers - first if count is None else count)
    return np.concatenate(list(pieces))


def dequantized(path: Path, tensor: StoredTensor, dtype: torch.dtype) -> torch.Tensor:
    """The whole tensor, in its shape. BaseError as for ``numbers``."""
    import torch

    whole = torch.empty(tensor.numbers, dtype=dtype)
    at = 0
    for piece in _pieces(path, tensor, 0, tensor.numbers):
        whole[at : at + len(piece)] = torch.from_numpy(piece)
        at += len(piece)
    return whole.view(tensor.shape)


def _pieces(path: Path, tensor: StoredTensor, first: int, count: int) -> Iterator[Numbers]:
    block, size = GGML_QUANT_SIZES[tensor.kind]
    for begin in range(first, first + count, PIECE):
        length = min(PIECE, first + count - begin)
        data = _read(path, tensor.begin + begin // block * size, length // block * size)
        piece = gguf.quants.dequantize(data.reshape(1, -1), tensor.kind).ravel()
        # What is no number makes the sum none either, and a sum is quick.
        if not np.isfinite(piece.sum(dtype=np.float64)):
            raise BaseError(
                f"{path}: {tensor.name} holds values that are no numbers: fetch it again"
            )
        yield piece


def _read(path: Path, begin: int, count: int) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, np.uint8, count, offset=begin)
    except OSError as error:
        raise BaseError(f"{path} cannot be read: {error}") from error
    if len(data) != count:
        raise BaseError(f"{path} has grown shorter since it was looked at: fetch it again")
    return data
