"""Small Qwen3 models as plain data: their shape and their weights, read without transformers.

Importing transformers takes longer than everything else between a start and the first suggestion.
What is not exactly as expected here is None, and left to transformers: to load, or to say what is
wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from homespun_model.bases.memory import is_small
from homespun_model.errors import BaseError

if TYPE_CHECKING:
    from homespun_model.bases.base import Base

EMBEDDING, NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"

Weights = Mapping[str, Tensor]
"""By the names that transformers gives them, float32."""

# What a config must say for ``Qwen3CpuEngine`` to compute the same.
_PLAIN = {"model_type": "qwen3", "hidden_act": "silu", "attention_bias": False}
_SIZES = {
    "vocabulary": "vocab_size",
    "hidden": "hidden_size",
    "inner": "intermediate_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "key_heads": "num_key_value_heads",
    "width": "head_dim",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells one Qwen3 from another, beside the weights."""

    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    width: int
    """Of a head."""
    eps: float
    """What keeps a norm from dividing by nothing."""
    theta: float
    """How slowly the last pair of a head turns with the place."""
    tied: bool
    """The head has no weights of its own but the embedding's."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape | None:
        """The shape that a ``config.json`` tells, None if it tells of anything else."""
        sizes: dict[str, Any] = {name: config.get(key) for name, key in _SIZES.items()}
        rope, tied = config.get("rope_parameters"), config.get("tie_word_embeddings")
        if not (
            all(config.get(key) == value for key, value in _PLAIN.items())
            and config.get("quantization_config") is None
            and all(isinstance(size, int) and size > 0 for size in sizes.values())
            and isinstance(rope, dict)
            and rope.keys() == {"rope_type", "rope_theta"}
            and rope["rope_type"] == "default"
            and isinstance(tied, bool)
        ):
            return None
        numbers: dict[str, Any] = {
            "eps": config.get("rms_norm_eps"),
            "theta": rope["rope_theta"],
        }
        if not all(map(_is_positive, numbers.values())):
            return None
        shape = cls(**sizes, **numbers, tied=tied)
        return shape if shape._holds_together(config.get("layer_types")) else None

    def weights(self) -> dict[str, tuple[int, ...]]:
        """The size of each of its weights, by name."""
        layer = {
            "input_layernorm": (self.hidden,),
            "self_attn.q_proj": (self.heads * self.width, self.hidden),
            "self_attn.k_proj": (self.key_heads * self.width, self.hidden),
            "self_attn.v_proj": (self.key_heads * self.width, self.hidden),
            "self_attn.o_proj": (self.hidden, self.heads * self.width),
            "self_attn.q_norm": (self.width,),
            "self_attn.k_norm": (self.width,),
            "post_attention_layernorm": (self.hidden,),
            "mlp.gate_proj": (self.inner, self.hidden),
            "mlp.up_proj": (self.inner, self.hidden),
            "mlp.down_proj": (self.hidden, self.inner),
        }
        sizes = {EMBEDDING: (self.vocabulary, self.hidden), NORM: (self.hidden,)}
        if not self.tied:
            sizes[HEAD] = (self.vocabulary, self.hidden)
        for number in range(self.layers):
            sizes |= {f"model.layers.{number}.{name}.weight": size for name, size in layer.items()}
        return sizes

    def is_small(self) -> bool:
        """Whether ``Qwen3CpuEngine`` pays."""
        return is_small(sum(map(math.prod, self.weights().values())))

    def _holds_together(self, kinds: object) -> bool:
        return (
            kinds == ["full_attention"] * self.layers
            and self.heads % self.key_heads == 0
            and self.width % 2 == 0
        )


def read(base: Base) -> tuple[Shape, Weights] | None:
    """The weights of a base, None unless it is a small Qwen3 and whole."""
    shape = Shape.of(base.config)
    if shape is None or not shape.is_small():
        return None
    try:
        weights = base.tensors(torch.float32)
    except BaseError:
        return None
    sizes = shape.weights()
    if shape.tied and HEAD in weights:
        return None
    whole = all(name in weights and weights[name].shape == sizes[name] for name in sizes)
    return (shape, {name: weights[name] for name in sizes}) if whole else None


def _is_positive(number: object) -> bool:
    return isinstance(number, int | float) and 0 < number < math.inf
