"""The weights of a base as plain tensors, read without transformers, whose import takes seconds.

Knows no model: names and sizes are checked by whoever asks.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from homespun_model.bases.base_files import loaded_files


def tensors_of(directory: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """The weights in a folder of safetensors, by the names that transformers gives them.

    Those that are stored in ``dtype`` are views of the file, which may be written to: copy what is
    kept. OSError, ValueError, SafetensorError or BaseError where they cannot be read.
    """
    found: dict[str, Tensor] = {}
    for file in loaded_files(directory):
        with safe_open(file, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118  # it is no mapping
                tensor = stored.get_tensor(name)
                if not tensor.is_floating_point():
                    raise ValueError(f"{name} holds {tensor.dtype}")
                found[name] = tensor.to(dtype)
    return found
