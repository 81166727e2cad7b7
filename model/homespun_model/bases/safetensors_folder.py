"""A base saved as transformers saves it: a folder with config.json, tokenizer.json, safetensors.

Weights are safetensors and nothing else, and no code that lies beside them is ever run. torch and
transformers are imported when weights are loaded, not before. Knows no other format.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.bases.base_files import (
    hash_of,
    loaded_files,
    one_line,
    read_config,
    weight_files,
)
from homespun_model.bases.tokenizer import read_tokenizer
from homespun_model.errors import BaseError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class SafetensorsFolder:
    """``ModelFiles`` in a folder."""

    path: Path
    config: Mapping[str, Any]
    tokenizer: Tokenizer = field(compare=False)
    hashed: tuple[Path, ...]

    @classmethod
    def at(cls, folder: Path) -> SafetensorsFolder:
        """The model saved in ``folder``. BaseError for what is missing, unsafe or unreadable."""
        config = read_config(folder)
        hashed = tuple(weight_files(folder))
        return cls(folder, config, read_tokenizer(folder), hashed)

    @property
    def beside(self) -> Path:
        return self.path

    @property
    def names(self) -> tuple[str, ...]:
        return self.path.name, str(self.config.get("_name_or_path", ""))

    def weights_hash(self) -> str:
        return hash_of(list(self.hashed))

    def parameters(self) -> int:
        """Numbers in the files that load, of which only the headers are read."""
        from safetensors import safe_open

        total = 0
        with self._loading():
            for path in loaded_files(self.path):
                with safe_open(path, framework="numpy") as file:
                    shapes = (file.get_slice(name).get_shape() for name in file.keys())  # noqa: SIM118
                    total += sum(map(math.prod, shapes))
        return total

    def tensors(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """By the names in the files, transformers' own but for some old ones."""
        from safetensors import safe_open

        found = {}
        with self._loading():
            for path in loaded_files(self.path):
                with safe_open(path, framework="pt") as file:
                    for name in file.keys():  # noqa: SIM118
                        found[name] = file.get_tensor(name).to(dtype)
        self._check_finite(found.items())
        return found

    def model(self, dtype: torch.dtype) -> PreTrainedModel:
        import transformers

        quieten(transformers)
        with self._loading():
            loading: Any = transformers.AutoModelForCausalLM.from_pretrained(
                self.path,
                dtype=dtype,
                attn_implementation="sdpa",  # the config cannot ask for a kernel from elsewhere
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
        model: PreTrainedModel = loading[0]  # from_pretrained has put it into evaluation mode
        if missing := sorted(loading[1]["missing_keys"]):  # transformers makes up what is missing
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise self._refusal(f"its weights lack {missing[0]}{more}: save or download it again")
        self._check_finite(model.named_parameters())
        return model

    def _check_finite(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
        for name, tensor in tensors:
            if not _is_finite(tensor):
                raise self._refusal(
                    f"{name} holds values that are no numbers: save or download it again"
                )

    @contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except BaseError:
            raise
        except Exception as error:  # whatever the libraries make of a broken folder
            raise self._refusal(_why(error)) from error

    def _refusal(self, why: str) -> BaseError:
        return BaseError(f"base {str(self.path)!r} does not load: {why}")


def _is_finite(tensor: torch.Tensor) -> bool:
    """What is not shows in a sum, which is quick; a sum may grow too large all the same."""
    import torch

    if tensor.sum(dtype=torch.float32).isfinite():
        return True
    return bool(tensor.isfinite().all())


def quieten(transformers: Any) -> None:
    """Let transformers say nothing of its own: what is wrong is one line."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity(logging.CRITICAL)


def _why(error: Exception) -> str:
    """What stopped transformers, where its own words would lead astray."""
    if "trust_remote_code" in str(error):
        return "it needs code of its own, which is never run here: choose another base"
    if "ignore_mismatched_sizes" in str(error):
        return "its weights do not have the shapes that its config.json says"
    return one_line(error)
