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

from homespun_model.bases.memory import is_small
from homespun_model.engines import qwen3_weights
from homespun_model.engines.lora_merged import merged, merged_weights
from homespun_model.engines.qwen3_cpu import LeanForward

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from homespun_model.bases.base import Base
    from homespun_model.engines.engine import Forward

# As long as one forward pass of theirs is in use.
_shared: WeakValueDictionary[tuple[str, str], PreTrainedModel] = WeakValueDictionary()
_one_at_a_time = threading.Lock()


def load_forward(base: Base, adapter: Path | None = None, *, device: str = "cpu") -> Forward:
    """The base on ``device``, with the adapter in a folder.

    BaseError or StoreError if that cannot be.
    """
    if not is_small(base.parameters):
        return _beside(base, adapter, device)
    if device == "cpu" and (found := qwen3_weights.read(base.directory)) is not None:
        shape, weights = found
        return LeanForward(shape, merged_weights(weights, adapter) if adapter else weights)
    from homespun_model.engines.transformers_engine import forward_of

    model = base.load_model(device=device)
    return forward_of(merged(model, adapter) if adapter else model)


def _beside(base: Base, adapter: Path | None, device: str) -> Forward:
    from homespun_model.engines.lora_unmerged import AdaptedForward, share
    from homespun_model.engines.transformers_engine import PlainForward

    key = (base.weights_hash, device)
    with _one_at_a_time:
        if (model := _shared.get(key)) is None:
            model = _shared[key] = share(base.load_model(device=device))
    return AdaptedForward(model, adapter) if adapter else PlainForward(model)
