"""A base in one GGUF file, as llama.cpp and Ollama keep models: weights, config, vocabulary.

Whoever trains or serves sees plain weights, made of the file's blocks when they are loaded; what is
quantized in it is nobody's concern but the reader's (homespun_model.gguf). Knows no other format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.bases.base_files import ggufs_in, hash_begun, one_line
from homespun_model.bases.safetensors_folder import quieten
from homespun_model.errors import BaseError
from homespun_model.gguf.config import config_of
from homespun_model.gguf.header import Header, read_header
from homespun_model.gguf.vocabulary import tokenizer_of
from homespun_model.gguf.weights import Place, places_of, tensors_of

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_NAMES = ("general.name", "general.basename")


@dataclass(frozen=True, slots=True)
class GgufFile:
    """``ModelFiles`` in one file."""

    path: Path
    header: Header
    """Without its fields, of which nothing else is of use."""
    config: Mapping[str, Any]
    tokenizer: Tokenizer = field(compare=False)
    places: Mapping[str, Place]
    names: tuple[str, ...]
    hashed: Callable[[], str] = field(compare=False)

    @classmethod
    def at(cls, path: Path) -> GgufFile:
        """The model in the file at ``path``. BaseError for one that is not whole or not known."""
        hashed = hash_begun([path])
        header = read_header(path)
        config = config_of(header)
        tokenizer = tokenizer_of(path, header.fields, config["vocab_size"])
        said = (str(header.fields.get(key, "")).replace(" ", "-") for key in _NAMES)
        names = (path.name, *said, *([path.parent.name] if _is_alone(path) else []))
        places = places_of(header, config)
        return cls(path, header.without_fields(), config, tokenizer, places, names, hashed)

    @property
    def beside(self) -> Path | None:
        return self.path.parent if _is_alone(self.path) else None

    def weights_hash(self) -> str:
        return self.hashed()

    def parameters(self) -> int:
        return sum(math.prod(place.shape) for place in self.places.values())

    def tensors(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        return tensors_of(self.header, self.places, dtype)

    def model(self, dtype: torch.dtype) -> PreTrainedModel:
        try:
            model: Any = self._without_weights(dtype)
            model.load_state_dict(self.tensors(dtype), strict=False, assign=True)
            model.tie_weights()
        except BaseError:
            raise
        except Exception as error:  # whatever the libraries make of a strange config
            raise self._refusal(one_line(error)) from error
        if missing := [name for name, weight in model.named_parameters() if weight.is_meta]:
            raise self._refusal(f"transformers wants {missing[0]} too")
        loaded: PreTrainedModel = model.eval()
        return loaded

    def _without_weights(self, dtype: torch.dtype) -> Any:
        """transformers' model, its weights not even made up."""
        import accelerate
        import transformers

        quieten(transformers)
        automatic: Any = transformers.AutoModelForCausalLM
        rest = {key: value for key, value in self.config.items() if key != "model_type"}
        config = transformers.AutoConfig.for_model(self.config["model_type"], **rest)
        with accelerate.init_empty_weights(include_buffers=False):
            return automatic.from_config(config, dtype=dtype, attn_implementation="sdpa")

    def _refusal(self, why: str) -> BaseError:
        return BaseError(f"base {str(self.path)!r} does not load: {why}")


def _is_alone(path: Path) -> bool:
    """Whether notes in its folder can only be of this file."""
    return ggufs_in(path.parent) == [path]
