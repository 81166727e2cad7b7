"""Tiny random Llama, Qwen2 and Qwen3 models of many shapes, as folders of a base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from homespun_model.bases.base import Base, load_base
from tiny_models import SHAPE, tiny_base
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
# By what they show: an architecture, and what is unusual about its shape.
SHAPES: dict[str, tuple[type[PretrainedConfig], dict[str, Any]]] = {
    "qwen2": (Qwen2Config, {"tie_word_embeddings": True}),
    "qwen2 untied, one key head": (Qwen2Config, {"num_key_value_heads": 1}),
    "qwen3": (Qwen3Config, {"head_dim": 32, "tie_word_embeddings": True}),
    "qwen3 with biases": (Qwen3Config, {"head_dim": 16, "attention_bias": True}),
    "llama": (LlamaConfig, {"rope_parameters": LLAMA3}),
    "llama with biases": (
        LlamaConfig,
        {"attention_bias": True, "mlp_bias": True, "num_key_value_heads": 4},
    ),
}


def dense_model(name: str, seed: int = 0) -> PreTrainedModel:
    """A model of ``SHAPES`` whose biases and norms are random too."""
    kind, changes = SHAPES[name]
    shape = SHAPE | {"vocab_size": 420, "pad_token_id": None}
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(kind(**shape | changes)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 1:
                weight.add_(0.3 * torch.randn(weight.shape))
    found: PreTrainedModel = model
    return found


def dense_base(folder: Path, name: str, dtype: torch.dtype = torch.float32, **how: Any) -> Base:
    """That model in ``dtype``, saved with the options of transformers' ``save_pretrained``."""
    tiny_base(folder)
    (folder / "model.safetensors").unlink()
    dense_model(name).to(dtype).save_pretrained(folder, **how)
    return load_base(str(folder))
