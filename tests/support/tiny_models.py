"""Tiny random base models of several families, complete folders with a real tokenizer.

Random weights, wide enough that greedy decoding wanders through the vocabulary instead of repeating
one token. The tokenizer is a real byte-level BPE, trained here on a few lines of code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from homespun_model.bases.families import STARTER, FimFormat, by_name
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    GemmaConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
    Starcoder2Config,
)

CODE = """\
def area(width: float, height: float) -> float:
    \"\"\"The area of a rectangle.\"\"\"
    if width < 0 or height < 0:
        raise ValueError("a side is negative")
    return width * height


class Shelf:
    def __init__(self, books):
        self.books = list(books)

    def find(self, title):
        for book in self.books:
            if book.title == title:
                return book
        return None

function total(items) {
  return items.reduce((sum, item) => sum + item.price, 0);
}
"""
VOCABULARY = 400  # before the sentinels
CONTEXT = 512
SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,
}
# The four architectures that the project promises to work with, each with its family's sentinels.
CONFIGS: dict[str, type[PretrainedConfig]] = {
    "starter": Qwen3Config,
    "qwen2.5-coder": Qwen2Config,
    "starcoder2": Starcoder2Config,
    "codegemma": GemmaConfig,
}


def tiny_tokenizer(family: FimFormat, *, special: bool = True) -> Tokenizer:
    """A byte-level BPE with the family's sentinels first; ``special``: as Qwen2.5 does not mark."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    sentinels = [AddedToken(name, special=special, normalized=False) for name in family.sentinels()]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([CODE], trainer)
    if special:
        tokenizer.add_special_tokens(sentinels)
    else:
        tokenizer.add_tokens(sentinels)
    return tokenizer


def tiny_base(
    folder: Path, name: str = "starter", *, seed: int = 0, mark: bool = True, head: int = 16
) -> Path:
    """Save a tiny model of a family in ``folder``; ``mark``: with its fim_format.json; ``head``: a
    head's width, where the family has one."""
    family = STARTER if name == "starter" else by_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer(family, special=name != "qwen2.5-coder")
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(_config(name, tokenizer, family, head))
    model.save_pretrained(folder)
    if mark:
        (folder / "fim_format.json").write_text(family.to_json(), encoding="utf-8")
    return folder


def change_config(folder: Path, **changes: object) -> None:
    """Edit a saved ``config.json``."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def _config(name: str, tokenizer: Tokenizer, family: FimFormat, head: int) -> PretrainedConfig:
    shape = dict(SHAPE)
    if name in ("starter", "codegemma"):
        shape["head_dim"] = head
    end = tokenizer.token_to_id(family.end)
    return CONFIGS[name](
        vocab_size=tokenizer.get_vocab_size(),
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        tie_word_embeddings=True,
        **shape,
    )
