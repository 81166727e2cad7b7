"""A GGUF file's fields as the config that transformers would save for the same model.

Knows nothing of what the tensors hold, but whether the head is the embedding.
"""

from __future__ import annotations

import math
from typing import Any

from homespun_model.gguf.architectures import EMBEDDING, Architecture, architecture_in, unlike
from homespun_model.gguf.header import Header
from homespun_model.gguf.rope import rope_parameters
from homespun_model.gguf.tying import tied_embedding

_SIZES = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "max_position_embeddings": "context_length",
}
# What changes what a model computes, in a way that is not known of these kinds.
_CHANGES = (
    "expert_count",
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "use_parallel_residual",
)
_MULTIPLIERS = {
    "embedding_multiplier": "embedding_scale",
    "residual_multiplier": "residual_scale",
    "attention_multiplier": "attention.scale",
    "logits_scaling": "logit_scale",
}


def config_of(header: Header) -> dict[str, Any]:
    """What its ``config.json`` would hold. BaseError, one line, for a model that is not read."""
    kind = architecture_in(header)
    config: dict[str, Any] = {"model_type": kind.model_type, "vocab_size": _vocabulary(header)}
    config |= {key: _size(header, name) for key, name in _SIZES.items()}
    if config["num_hidden_layers"] > len(header.tensors):  # before anything of that length is made
        raise unlike(header, f"it cannot have {config['num_hidden_layers']} layers")
    heads = config["num_attention_heads"]
    config["num_key_value_heads"] = _size(header, "attention.head_count_kv", heads)
    config["head_dim"] = _head_width(header, config)
    config["rope_parameters"] = rope_parameters(header, config["head_dim"])
    config["max_position_embeddings"] = _reach(header, config["max_position_embeddings"])
    config["tie_word_embeddings"] = tied_embedding(header) is not None
    config["layer_types"] = ["full_attention"] * config["num_hidden_layers"]
    return config | _of_its_kind(header, kind) | _biases(header, kind) | _ends(header)


def _of_its_kind(header: Header, kind: Architecture) -> dict[str, Any]:
    changes = (*_CHANGES, *(() if kind.multipliers else _MULTIPLIERS.values()))
    if odd := [name for name in changes if header.model_field(name)]:
        raise unlike(header, f"it has a field {odd[0]}")
    if kind.plain:
        epsilon = _positive(header, "attention.layer_norm_epsilon")
        return {"hidden_act": "gelu_pytorch_tanh", "norm_epsilon": epsilon}
    special: dict[str, Any] = {
        "hidden_act": "silu",
        "rms_norm_eps": _positive(header, "attention.layer_norm_rms_epsilon"),
    }
    if kind.multipliers:
        special |= {key: _positive(header, name) for key, name in _MULTIPLIERS.items()}
    return special


def _biases(header: Header, kind: Architecture) -> dict[str, bool]:
    """What the config says of biases, by whether the first layer has them."""
    attention = "blk.0.attn_q.bias" in header.tensors
    if kind.plain:
        return {"use_bias": attention}
    if kind.biases is not None:
        return {}
    rest = {"mlp_bias": "blk.0.ffn_up.bias" in header.tensors} if kind.interleaved else {}
    return {"attention_bias": attention} | rest


def _ends(header: Header) -> dict[str, int]:
    """The tokens that begin and end a text, where the file names them."""
    said = {
        key: header.fields.get(f"tokenizer.ggml.{key}") for key in ("bos_token_id", "eos_token_id")
    }
    return {key: number for key, number in said.items() if isinstance(number, int)}


def _vocabulary(header: Header) -> int:
    """Rows of the embedding."""
    embedding = header.tensors.get(EMBEDDING)
    if embedding is None or len(embedding.shape) != 2:
        raise unlike(header, f"it holds no matrix {EMBEDDING}")
    return embedding.shape[0]


def _head_width(header: Header, config: dict[str, Any]) -> int:
    """Numbers of a query; BaseError where keys, values or what is turned have other widths."""
    if config["hidden_size"] % config["num_attention_heads"] == 0:
        usual = config["hidden_size"] // config["num_attention_heads"]
    else:
        usual = None
    width = _size(header, "attention.key_length", usual)
    for name in ("attention.value_length", "rope.dimension_count"):
        if _size(header, name, width) != width:
            raise unlike(header, f"its {name} is not the width of its heads, {width}")
    return width


def _reach(header: Header, length: int) -> int:
    """How far it looks back: within a sliding window there is nothing that slides."""
    window = header.model_field("attention.sliding_window", 0)
    return min(length, window) if isinstance(window, int) and window > 0 else length


def _size(header: Header, name: str, default: int | None = None) -> int:
    value = header.model_field(name, default)
    if not isinstance(value, int) or not 0 < value < 1 << 31:
        raise unlike(header, f"its {name} is {_shown(value)}")
    return value


def _positive(header: Header, name: str) -> float:
    value = header.model_field(name)
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise unlike(header, f"its {name} is {_shown(value)}")
    return float(value)


def _shown(value: object) -> str:
    return "missing" if value is None else str(value)[:40].replace("\n", " ")
