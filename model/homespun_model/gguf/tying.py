"""Whether a model's head is its embedding, though a file holds both.

Some files hold the embedding of a tied model twice, the second time finer, for the head. Untied,
that would cost a quarter of a small model's memory, and its embedding would be the coarser of two.
Knows nothing else of a model.
"""

from __future__ import annotations

import numpy as np

from homespun_model.gguf.architectures import EMBEDDING, HEAD
from homespun_model.gguf.dequantize import is_readable, numbers
from homespun_model.gguf.header import Header, StoredTensor

SAMPLED_ROWS = 64


def tied_embedding(header: Header) -> str | None:
    """The tensor that is embedding and head in one, the finer of two; None where they differ."""
    embedding, head = header.tensors[EMBEDDING], header.tensors.get(HEAD)
    if head is None:
        return EMBEDDING
    readable = is_readable(embedding.kind) and is_readable(head.kind)
    if head.shape != embedding.shape or not readable or not _are_one(header, embedding, head):
        return None
    return HEAD if head.bits > embedding.bits else EMBEDDING


def _are_one(header: Header, one: StoredTensor, other: StoredTensor) -> bool:
    """Whether rows all over two matrices differ by no more than quantizing makes them.

    Each bit less doubles that; with eight, it is below a hundredth. Those of a head that was
    learnt by itself differ by more than their own length.
    """
    bits = min(one.bits, other.bits, 8.0)
    a, b = (_rows(header, tensor) for tensor in (one, other))
    return bool(np.linalg.norm(a - b) <= 2 ** (2 - bits) * np.linalg.norm(a))


def _rows(header: Header, matrix: StoredTensor) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Some rows, evenly spread, one after another."""
    count, width = matrix.shape
    step = max(1, count // SAMPLED_ROWS)
    firsts = range(0, count, step)
    return np.concatenate([numbers(header.path, matrix, row * width, width) for row in firsts])
