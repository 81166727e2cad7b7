"""A dense decoder out of a base's files: shape and weights, or None for what is anything else.

What is not exactly as expected is left to transformers: to load, or to say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from torch import Tensor

from homespun_model.bases.base import Base
from homespun_model.bases.base_files import read_config
from homespun_model.engines.base_tensors import tensors_of
from homespun_model.engines.dense_shape import HEAD, Shape
from homespun_model.errors import BaseError

Weights = dict[str, Tensor]
"""By the names that transformers gives them, of one precision; maybe views of a file."""


def read_dense(base: Base, dtype: torch.dtype) -> tuple[Shape, Weights] | None:
    """The base in ``dtype``, None unless it is a dense decoder and whole."""
    try:
        shape = Shape.of(read_config(base.directory))
        if shape is None:
            return None
        stored = tensors_of(base.directory, dtype)
    except (OSError, ValueError, SafetensorError, BaseError):
        return None
    weights = fitting(shape, stored)
    return (
        (shape, weights) if weights is not None and all(map(_is_finite, stored.values())) else None
    )


def fitting(shape: Shape, stored: Mapping[str, Tensor]) -> Weights | None:
    """Of ``stored`` what the shape has; None if that is not all there, or of another size."""
    sizes = shape.weights()
    if not stored.keys() >= sizes.keys() or (shape.tied and HEAD in stored):
        return None
    weights = {name: stored[name] for name in sizes}
    same = all(tuple(weights[name].shape) == size for name, size in sizes.items())
    return weights if same else None


def _is_finite(tensor: Tensor) -> bool:
    """What is not shows in a sum, which is quick; a sum may grow too large all the same."""
    if tensor.sum(dtype=torch.float32).isfinite():
        return True
    return bool(tensor.isfinite().all())
