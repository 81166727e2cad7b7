"""A base's forward pass, with an adapter merged in or none.

The starter and other small Qwen3 models are read from their files on the CPU, and transformers and
peft, whose import takes seconds, stay out; everything else is loaded through them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homespun_model import qwen3
from homespun_model.lean import LeanForward
from homespun_model.merge import merged, merged_weights

if TYPE_CHECKING:
    from homespun_model.base import Base
    from homespun_model.forward import Forward


def load_forward(base: Base, adapter: Path | None = None, *, device: str = "cpu") -> Forward:
    """The base on ``device``, with the adapter in a folder merged in.

    BaseError or StoreError if that cannot be.
    """
    if device == "cpu" and (found := qwen3.read(base.directory)) is not None:
        shape, weights = found
        return LeanForward(shape, merged_weights(weights, adapter) if adapter else weights)
    from homespun_model.plain import forward_of

    model = base.load_model(device=device)
    return forward_of(merged(model, adapter) if adapter else model)
