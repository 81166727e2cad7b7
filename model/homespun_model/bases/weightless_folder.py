"""A base without its weights: a folder with config.json and tokenizer.json, for asking a server.

Enough to build prompts, to read answers and to find a repository's adapters in a store: 11 MB where
the weights have gigabytes. Computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from homespun_model.bases.base_files import ggufs_in, hash_of, read_config
from homespun_model.bases.tokenizer import TOKENIZER_FILE, read_tokenizer
from homespun_model.errors import BaseError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class WeightlessFolder:
    """``ModelFiles`` of which only what needs no weights can be had."""

    path: Path
    config: Mapping[str, Any]
    tokenizer: Tokenizer = field(compare=False)

    @classmethod
    def at(cls, folder: Path) -> WeightlessFolder | None:
        """What is in ``folder``; None where there are weights. BaseError for what is unreadable."""
        if any(folder.glob("*.safetensors")) or ggufs_in(folder):
            return None
        return cls(folder, read_config(folder), read_tokenizer(folder))

    @property
    def beside(self) -> Path:
        return self.path

    @property
    def names(self) -> tuple[str, ...]:
        return self.path.name, str(self.config.get("_name_or_path", ""))

    def weights_hash(self) -> str:
        """Of the tokenizer: there are none, and no two vocabularies are taken for one."""
        return hash_of([self.path / TOKENIZER_FILE])

    def parameters(self) -> int:
        """About: what a dense decoder of this shape has."""
        wide, deep, inner, words = (
            int(self.config.get(key) or 0)
            for key in ("hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size")
        )
        return wide * words + deep * wide * (3 * inner + 4 * wide)

    def tensors(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        del dtype
        self._refuse()

    def model(self, dtype: torch.dtype) -> PreTrainedModel:
        del dtype
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BaseError(f"{self.path} holds no weights: it is good for --remote-base alone")
