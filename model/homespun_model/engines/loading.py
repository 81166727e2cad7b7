"""A base's forward pass, with an adapter or none.

Into a small base an adapter is merged, which takes a copy of its weights; beside a large one it
stays as it is, and all forward passes of that base have one copy of its weights between them.

The starter and other small Qwen3 models are read from their files on the CPU, and transformers,
whose import takes seconds, stays out; everything else is loaded through it.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import torch

from homespun_model.bases.memory import holds_bf16, is_small
from homespun_model.engines import qwen3_weights
from homespun_model.engines.lora_merged import merged, merged_weights
from homespun_model.engines.qwen3_cpu import Qwen3CpuEngine

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from homespun_model.bases.base import Base
    from homespun_model.engines.engine import Engine

# As long as one forward pass of theirs is in use.
_shared: WeakValueDictionary[tuple[str, str], PreTrainedModel] = WeakValueDictionary()
_one_at_a_time = threading.Lock()


def load_engine(base: Base, adapter: Path | None = None, *, device: str = "cpu") -> Engine:
    """The base on ``device``, with the adapter in a folder.

    BaseError or StoreError if that cannot be.
    """
    if not is_small(base.parameters):
        return _unmerged(base, adapter, device)
    if device == "cpu" and (found := qwen3_weights.read(base)) is not None:
        shape, weights = found
        return Qwen3CpuEngine(shape, merged_weights(weights, adapter) if adapter else weights)
    from homespun_model.engines.transformers_engine import engine_for

    model = base.load_model(device=device)
    return engine_for(merged(model, adapter) if adapter else model)


def _unmerged(base: Base, adapter: Path | None, device: str) -> Engine:
    from homespun_model.engines.lora_unmerged import UnmergedLoraEngine, share
    from homespun_model.engines.transformers_engine import TransformersEngine

    key = (base.weights_hash, device)
    with _one_at_a_time:
        if (model := _shared.get(key)) is None:
            model = _shared[key] = share(base.load_model(_dtype(base, device), device))
    return UnmergedLoraEngine(model, adapter) if adapter else TransformersEngine(model)


def _dtype(base: Base, device: str) -> torch.dtype:
    return torch.bfloat16 if device == "cpu" and holds_bf16(base.parameters) else torch.float32
