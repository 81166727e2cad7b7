"""transformers' own forward pass, the one for every architecture on every device."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from transformers import (
    DynamicCache,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2ForCausalLM,
    Qwen3ForCausalLM,
)
from transformers.cache_utils import DynamicLayer

from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.dense_layers import parts_of
from homespun_model.engines.dense_loading import fitting
from homespun_model.engines.dense_shape import Shape
from homespun_model.engines.engine import CachedSequence, Engine

_DENSE = (LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM)


def engine_for(model: PreTrainedModel) -> Engine:
    """The quickest forward pass of a model in memory; later changes to it may go unseen."""
    return dense_engine_for(model) or TransformersEngine(model)


def dense_engine_for(model: PreTrainedModel) -> DenseCpuEngine | None:
    """The model's own forward pass without modules, on a copy of its weights; None where that does
    not compute the same, or is too large for copies."""
    if type(model) not in _DENSE or model.device.type != "cpu":
        return None
    shape = Shape.of(model.config.to_dict())
    if shape is None or not shape.is_small():
        return None
    stored = {name: weight.detach() for name, weight in model.named_parameters()}
    # An adapter that is not merged and a low precision have other names or types.
    if stored.keys() != shape.weights().keys():
        return None
    weights = fitting(shape, stored)
    if weights is None or any(weight.dtype != torch.float32 for weight in weights.values()):
        return None
    return DenseCpuEngine(shape, parts_of(shape, weights))


class TransformersEngine:
    """transformers' forward pass of ``model``."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        # Logits of positions that nobody reads are the larger part of a small model's work.
        self._can_keep = "logits_to_keep" in inspect.signature(model.forward).parameters

    @property
    def size(self) -> int:
        """``Engine.size``."""
        return sum(weight.nbytes for weight in self._model.parameters())

    @property
    def vocabulary(self) -> int:
        """``Engine.vocabulary``."""
        return int(self._model.config.get_text_config().vocab_size)

    def begin(self) -> CachedSequence:
        """A reading of nothing yet."""
        return _TransformersSequence(self)

    def batch(
        self, rows: torch.Tensor, keep: int, cache: DynamicCache | None = None
    ) -> torch.Tensor:
        """``Engine.batch``, behind what ``cache`` has read."""
        # transformers takes 0 for all of them.
        options = {"logits_to_keep": max(1, keep)} if self._can_keep else {}
        out = self._model(
            input_ids=rows.to(self._model.device),
            past_key_values=cache,
            use_cache=cache is not None,
            **options,
        )
        logits: torch.Tensor = out.logits[:, out.logits.shape[1] - keep :].float()
        return logits


class _TransformersSequence:
    def __init__(self, engine: TransformersEngine) -> None:
        self._engine = engine
        # Without a config every layer keeps all it sees, sliding ones too: it can be cut back.
        self._cache = DynamicCache()

    def run(self, ids: Sequence[int], keep: int) -> torch.Tensor:
        return self._engine.batch(torch.tensor([list(ids)]), keep, self._cache)[0]

    def cut(self, length: int) -> None:
        if (held := self._cache.get_seq_length()) > length:
            self._cache.crop(length - held)

    def size(self) -> int:
        return sum(
            int(tensor.nbytes)
            for layer in self._cache.layers
            if isinstance(layer, DynamicLayer)
            for tensor in (layer.keys, layer.values)
            if tensor is not None
        )
