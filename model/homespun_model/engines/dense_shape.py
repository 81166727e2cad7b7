"""What tells one dense decoder from another, beside its weights: Llama, Qwen2 and Qwen3.

They are one architecture but for biases, a norm of queries and keys, and how places are told. What
a ``config.json`` says of anything else is None, and left to transformers: to load, or to say what
is wrong with it. Knows no files and no arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from homespun_model.bases.base import MAX_CONTEXT
from homespun_model.bases.memory import is_small

EMBEDDING, NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"

_SIZES = {
    "vocabulary": "vocab_size",
    "hidden": "hidden_size",
    "inner": "intermediate_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "key_heads": "num_key_value_heads",
    "width": "head_dim",
}
_DEFAULT_ROPE = {"rope_type", "rope_theta"}
_LLAMA3 = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")


@dataclass(frozen=True, slots=True)
class Rope:
    """How places are told: each pair of a head is turned by its frequency times the place."""

    theta: float
    """How slowly the last pair turns."""
    stretched: tuple[float, float, float, float] | None = None
    """Of Llama 3: factor, its low and high bounds, and the context before it was stretched."""

    def frequencies(self, width: int) -> Tensor:
        """Of the pairs of a head, (width / 2,), float32."""
        plain = 1.0 / self.theta ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
        if self.stretched is None:
            return plain
        factor, low, high, context = self.stretched
        turns = context * plain / (2 * math.pi)  # in the context of old
        smooth = ((turns - low) / (high - low)).clamp(0, 1)  # 0: slow, stretched; 1: left alone
        return (1 - smooth) * plain / factor + smooth * plain

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Rope | None:
        """What a config says, in today's words or those of transformers 4; None: another kind."""
        said = config.get("rope_parameters", config.get("rope_scaling")) or {}
        if not isinstance(said, Mapping):
            return None
        rope: dict[str, Any] = {"rope_theta": config.get("rope_theta"), **said}
        kind = rope.setdefault("rope_type", rope.pop("type", "default"))
        expected = _DEFAULT_ROPE | set(_LLAMA3 if kind == "llama3" else ())
        numbers = [value for key, value in rope.items() if key != "rope_type"]
        if kind not in ("default", "llama3") or rope.keys() != expected:
            return None
        if not all(map(_is_positive, numbers)):
            return None
        factor, low, high, context = (rope.get(key, 0) for key in _LLAMA3)
        if kind == "llama3" and low >= high:
            return None
        return cls(rope["rope_theta"], (factor, low, high, context) if kind == "llama3" else None)


@dataclass(frozen=True, slots=True)
class Biases:
    """Which products have one."""

    qkv: bool
    out: bool
    mlp: bool

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Biases | None:
        """As the model's type has it; None where the config does not say yes or no."""
        kind = config.get("model_type")
        attention = kind == "qwen2" or config.get("attention_bias", False)
        mlp = config.get("mlp_bias", False) if kind == "llama" else False
        if not (isinstance(attention, bool) and isinstance(mlp, bool)):
            return None
        return cls(qkv=attention, out=attention and kind != "qwen2", mlp=mlp)


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes in numbers, not bytes."""

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
    rope: Rope
    biases: Biases
    qk_norm: bool
    """Queries and keys are normed, head by head."""
    tied: bool
    """The head has no weights of its own but the embedding's."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape | None:
        """The shape that a ``config.json`` tells, None if it tells of anything else."""
        kind, tied = config.get("model_type"), config.get("tie_word_embeddings", False)
        rope, biases, sizes = Rope.of(config), Biases.of(config), _sizes(config)
        eps: Any = config.get("rms_norm_eps")
        if rope is None or biases is None or sizes is None:
            return None
        if not (
            kind in ("llama", "qwen2", "qwen3")
            and config.get("hidden_act") == "silu"
            and config.get("quantization_config") is None
            and _is_positive(eps)
            and isinstance(tied, bool)
            and _sees_all(config)
        ):
            return None
        return cls(**sizes, eps=eps, rope=rope, biases=biases, qk_norm=kind == "qwen3", tied=tied)

    def weights(self) -> dict[str, tuple[int, ...]]:
        """The size of each of its weights, by the name that transformers gives it."""
        layer = self._layer()
        sizes: dict[str, tuple[int, ...]] = {
            EMBEDDING: (self.vocabulary, self.hidden),
            NORM: (self.hidden,),
        }
        if not self.tied:
            sizes[HEAD] = (self.vocabulary, self.hidden)
        for number in range(self.layers):
            sizes |= {f"model.layers.{number}.{name}": size for name, size in layer.items()}
        return sizes

    def is_small(self) -> bool:
        """Whether adapters are merged into copies of such a model."""
        return is_small(sum(map(math.prod, self.weights().values())))

    def _layer(self) -> dict[str, tuple[int, ...]]:
        queries, keys = self.heads * self.width, self.key_heads * self.width
        products = {
            "self_attn.q_proj": (queries, self.hidden, self.biases.qkv),
            "self_attn.k_proj": (keys, self.hidden, self.biases.qkv),
            "self_attn.v_proj": (keys, self.hidden, self.biases.qkv),
            "self_attn.o_proj": (self.hidden, queries, self.biases.out),
            "mlp.gate_proj": (self.inner, self.hidden, self.biases.mlp),
            "mlp.up_proj": (self.inner, self.hidden, self.biases.mlp),
            "mlp.down_proj": (self.hidden, self.inner, self.biases.mlp),
        }
        sizes: dict[str, tuple[int, ...]] = {
            "input_layernorm.weight": (self.hidden,),
            "post_attention_layernorm.weight": (self.hidden,),
        }
        for name, (outputs, inputs, biased) in products.items():
            sizes[f"{name}.weight"] = (outputs, inputs)
            sizes |= {f"{name}.bias": (outputs,)} if biased else {}
        if self.qk_norm:
            sizes |= {f"self_attn.{name}_norm.weight": (self.width,) for name in "qk"}
        return sizes


def _sizes(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """By name, those that follow from others filled in; None unless they hold together."""
    sizes: dict[str, Any] = {name: config.get(key) for name, key in _SIZES.items()}
    if sizes["key_heads"] is None:
        sizes["key_heads"] = sizes["heads"]
    whole = {name: size for name, size in sizes.items() if name != "width"}
    if not all(isinstance(size, int) and size > 0 for size in whole.values()):
        return None
    if sizes["width"] is None and config.get("model_type") != "qwen3":  # there it is always said
        sizes["width"] = sizes["hidden"] // sizes["heads"]
    width = sizes["width"]
    fits = isinstance(width, int) and width > 0 and width % 2 == 0
    return sizes if fits and sizes["heads"] % sizes["key_heads"] == 0 else None


def _sees_all(config: Mapping[str, Any]) -> bool:
    """Whether every layer looks back as far as any prompt here goes."""
    kinds, window = config.get("layer_types"), config.get("sliding_window")
    if kinds is None:
        narrow = bool(config.get("use_sliding_window", False))
    elif isinstance(kinds, list) and len(kinds) == config["num_hidden_layers"]:
        narrow = kinds != ["full_attention"] * len(kinds)
    else:
        return False
    return not narrow or (isinstance(window, int) and window >= MAX_CONTEXT)


def _is_positive(number: object) -> bool:
    return isinstance(number, int | float) and 0 < number < math.inf
