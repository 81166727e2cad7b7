"""A base's forward pass, with an adapter or none.

Into a small base an adapter is merged, which takes a copy of its weights; beside a large one it
stays as it is, and all forward passes of that base have one copy of its weights between them.

On the CPU, Llama, Qwen2 and Qwen3 of any size are read from their files, and transformers, whose
import takes seconds, stays out; everything else is loaded through it. Of these a large one is held
in 8 bits where the processor has products for it, which is faster than bf16 for one row and for
many and says nearly the same (LOG E-054), else in bf16, else in float32.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import torch

from homespun_model.bases.memory import holds_bf16, is_small, must_fit
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.dense_layers import parts_of
from homespun_model.engines.dense_loading import read_dense, read_packed
from homespun_model.engines.int8_products import has_int8_products
from homespun_model.engines.lora_merged import merged, merged_weights
from homespun_model.engines.packed_weights import packed_parts

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from homespun_model.bases.base import Base
    from homespun_model.engines.engine import Engine

# As long as one forward pass of theirs is in use.
_shared: WeakValueDictionary[tuple[str, str], DenseCpuEngine | PreTrainedModel] = (
    WeakValueDictionary()
)
_one_at_a_time = threading.Lock()


def load_engine(base: Base, adapter: Path | None = None, *, device: str = "cpu") -> Engine:
    """The base on ``device``, with the adapter in a folder.

    BaseError or StoreError if that cannot be.
    """
    if device == "cpu":
        must_fit(base.id, base.parameters)
    return (_merged if is_small(base.parameters) else _beside)(base, adapter, device)


def _merged(base: Base, adapter: Path | None, device: str) -> Engine:
    if device == "cpu" and (found := read_dense(base, torch.float32)) is not None:
        shape, weights = found
        whole = merged_weights(weights, adapter) if adapter else weights
        return DenseCpuEngine(shape, parts_of(shape, whole))
    model = base.load_model(device=device)
    from homespun_model.engines.transformers_engine import engine_for

    return engine_for(merged(model, adapter) if adapter else model)


def _beside(base: Base, adapter: Path | None, device: str) -> Engine:
    key = (base.weights_hash, device)
    with _one_at_a_time:
        if (shared := _shared.get(key)) is None:
            shared = _shared[key] = _to_share(base, device)
    if isinstance(shared, DenseCpuEngine):
        return shared.beside(adapter) if adapter else shared
    from homespun_model.engines.lora_unmerged import UnmergedLoraEngine
    from homespun_model.engines.transformers_engine import TransformersEngine

    return UnmergedLoraEngine(shared, adapter) if adapter else TransformersEngine(shared)


def _to_share(base: Base, device: str) -> DenseCpuEngine | PreTrainedModel:
    if device == "cpu" and has_int8_products() and (packed := read_packed(base)) is not None:
        return DenseCpuEngine(packed[0], packed_parts(*packed))
    dtype = torch.bfloat16 if device == "cpu" and holds_bf16(base.parameters) else torch.float32
    if device == "cpu" and (found := read_dense(base, dtype)) is not None:
        return DenseCpuEngine(found[0], parts_of(*found))
    model = base.load_model(dtype, device)
    from homespun_model.engines.lora_unmerged import share

    return share(model)
