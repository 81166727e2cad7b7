"""A dense decoder out of a base's files: shape and weights, or None for what is anything else.

In 8 bits it comes out of the user's cache once it was packed. What is not exactly as expected is
left to transformers: to load, or to say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from homespun_model.bases.base import Base
from homespun_model.engines import packed_files
from homespun_model.engines.dense_shape import HEAD, Shape
from homespun_model.engines.packed_weights import EMBEDDED, Packed, made_as, pack
from homespun_model.engines.stored_rows import StoredRows
from homespun_model.errors import BaseError

Weights = dict[str, Tensor]
"""By the names that transformers gives them, of one precision; maybe views of a file."""


def read_dense(base: Base, dtype: torch.dtype) -> tuple[Shape, Weights] | None:
    """The base in ``dtype``, None unless it is a dense decoder and whole."""
    try:
        shape = Shape.of(base.config)
        weights = fitting(shape, base.tensors(dtype)) if shape else None
    except BaseError:
        return None
    return (shape, weights) if shape and weights is not None else None


def read_packed(base: Base) -> tuple[Shape, Packed, StoredRows | None] | None:
    """The base in 8 bits, and its embedding where that can stay on the disk; None unless it is a
    dense decoder and whole."""
    if (shape := Shape.of(base.config)) is None:
        return None
    made = base.weights_hash, made_as(shape)
    if (packed := packed_files.find(*made)) is None:
        if (found := read_dense(base, torch.bfloat16)) is None:
            return None
        packed = pack(*found)
        packed_files.keep(*made, packed)
    return shape, packed, packed_files.rows(*made, EMBEDDED)


def fitting(shape: Shape, stored: Mapping[str, Tensor]) -> Weights | None:
    """Of ``stored`` what the shape has; None if that is not all there, or of another size."""
    sizes = shape.weights()
    if not stored.keys() >= sizes.keys() or (shape.tied and HEAD in stored):
        return None
    weights = {name: stored[name] for name in sizes}
    same = all(tuple(weights[name].shape) == size for name, size in sizes.items())
    return weights if same else None
