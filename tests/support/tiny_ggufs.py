"""Tiny random models in GGUF files, written with ggml's own package as llama.cpp's converter does.

The names of tensors are that package's; so is what numbers become in a block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import tiny_models
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from homespun_model.bases.families import by_name
from tiny_models import tiny_tokenizer
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

FAMILY = by_name("qwen2.5-coder")
SHAPE = tiny_models.SHAPE | {"tie_word_embeddings": True}
# What sets each architecture apart, and its fields in a file.
KINDS: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "qwen2": ({}, {}),
    "qwen3": ({"head_dim": 32}, {"attention.key_length": 32, "attention.value_length": 32}),
    "llama": ({"attention_bias": True, "mlp_bias": True}, {"rope.dimension_count": 16}),
    "granite": (
        {
            "embedding_multiplier": 12.0,
            "residual_multiplier": 0.22,
            "attention_multiplier": 0.0078125,
            "logits_scaling": 8.0,
        },
        {
            "embedding_scale": 12.0,
            "residual_scale": 0.22,
            "attention.scale": 0.0078125,
            "logit_scale": 8.0,
        },
    ),
    "starcoder2": ({}, {}),
}
_INTERLEAVED = ("llama", "granite")
F32 = GGMLQuantizationType.F32


def tiny_model(kind: str, *, rows: int, seed: int = 0, **changes: Any) -> PreTrainedModel:
    """A random model of an architecture, with biases and norms that are not the usual ones."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, vocab_size=rows, **SHAPE | KINDS[kind][0] | changes)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 1:
                weight.add_(torch.randn_like(weight) * 0.1)
    loaded: PreTrainedModel = model.eval()
    return loaded


def tiny_gguf(path: Path, kind: str = "qwen2", **options: Any) -> Path:
    """A file with a random model of an architecture and a tokenizer of FAMILY's."""
    tokenizer = tiny_tokenizer(FAMILY)
    seed = options.pop("seed", 0)
    return write_gguf(path, tiny_model(kind, rows=len(tokens_of(tokenizer)), seed=seed), **options)


def write_gguf(
    path: Path,
    model: PreTrainedModel,
    *,
    tokenizer: Tokenizer | None = None,
    blocks: GGMLQuantizationType = F32,
    fields: Mapping[str, Any] | None = None,
    tensors: Mapping[str, np.ndarray[Any, Any]] | None = None,
) -> Path:
    """The model and a tokenizer in a file. ``fields`` and ``tensors`` are put in beside or instead
    of what is its own, None leaves one out; matrices are stored in ``blocks``."""
    kind = model.config.model_type
    writer = GGUFWriter(path, kind)
    own = model_fields(model) | tokenizer_fields(tokenizer or tiny_tokenizer(FAMILY))
    for name, value in (own | dict(fields or {})).items():
        if value is not None:
            _add(writer, name, value)
    stored = stored_tensors(model) | dict(tensors or {})
    for name, tensor in stored.items():
        if tensor is not None:
            block = blocks if tensor.ndim > 1 else F32
            data = gguf.quants.quantize(np.ascontiguousarray(tensor), block)
            writer.add_tensor(name, data, raw_dtype=block)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def model_fields(model: PreTrainedModel) -> dict[str, Any]:
    """What the file says of the model's shape."""
    config = model.config
    kind = config.model_type
    epsilon = "layer_norm_epsilon" if kind == "starcoder2" else "layer_norm_rms_epsilon"
    said = {
        "block_count": config.num_hidden_layers,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "context_length": config.max_position_embeddings,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "rope.freq_base": float(config.rope_parameters["rope_theta"]),
        f"attention.{epsilon}": getattr(config, "rms_norm_eps", None) or config.norm_epsilon,
    }
    return {f"{kind}.{name}": value for name, value in (said | KINDS[kind][1]).items()}


def tokenizer_fields(tokenizer: Tokenizer, words: str = "gpt-2") -> dict[str, Any]:
    """What the file says of the tokenizer."""
    described = json.loads(tokenizer.to_str())
    added = {entry["id"]: entry["special"] for entry in described["added_tokens"]}
    kinds = {None: TokenType.NORMAL, True: TokenType.CONTROL, False: TokenType.USER_DEFINED}
    tokens = tokens_of(tokenizer)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": words,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [int(kinds[added.get(n)]) for n in range(len(tokens))],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in described["model"]["merges"]],
    }


def tokens_of(tokenizer: Tokenizer) -> list[str]:
    """Every token, by id."""
    return [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]


def stored_tensors(model: PreTrainedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The model's tensors by ggml's names and in its order of rows."""
    config = model.config
    architecture = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}[config.model_type]
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    stored = {}
    for name, weight in model.named_parameters():
        data = weight.detach().numpy()
        of = heads.get(name.split(".")[-2])
        if of and config.model_type in _INTERLEAVED:
            halves = data.reshape(of, 2, len(data) // of // 2, *data.shape[1:])
            data = halves.swapaxes(1, 2).reshape(data.shape)
        stored[names.get_name(name, try_suffixes=(".weight", ".bias"))] = data
    return stored


def _add(writer: GGUFWriter, name: str, value: Any) -> None:
    if isinstance(value, list):
        writer.add_array(name, value)
    elif isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        writer.add_uint32(name, value)
    elif isinstance(value, float):
        writer.add_float32(name, value)
    else:
        writer.add_string(name, value)
