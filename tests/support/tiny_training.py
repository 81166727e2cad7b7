"""A tiny random model and samples that an adapter of it learns in a second."""

from __future__ import annotations

import random

import numpy as np
import torch
from homespun_finetune.batches import EncodedSample
from homespun_finetune.settings import TrainSettings
from homespun_finetune.training_data import Tokens
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

PAD, END, VOCABULARY = 0, 1, 48
TOKENS = Tokens(pad=PAD, end=END)
QUICK = TrainSettings(batch_size=4, passes=40, learning_rate=2e-2, dropout=0.0, validations=4)


def tiny_model(seed: int = 0) -> PreTrainedModel:
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        initializer_range=0.3,  # wide enough for an adapter to have something to work with
    )
    return Qwen3ForCausalLM(config).eval()


def examples(count: int, seed: int = 0) -> list[EncodedSample]:
    """Prompts of random ids; the middle repeats the prompt's last id twice, then ends."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        prompt = [rng.randrange(2, 12) for _ in range(rng.randrange(3, 9))]
        made.append(
            EncodedSample(np.array([*prompt, prompt[-1], prompt[-1], END]), start=len(prompt))
        )
    return made
