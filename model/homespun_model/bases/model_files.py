"""What a base is made from: a folder of safetensors or one GGUF file, looked at in one way.

Engines read configs and weights through this border, so that none of them knows of formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel


class ModelFiles(Protocol):
    """A model that was found and looked at; weights are read on demand.

    Whatever cannot be read is a BaseError of one line.
    """

    @property
    def path(self) -> Path:
        """The folder or the file."""
        ...

    @property
    def beside(self) -> Path | None:
        """The folder whose notes (its FIM format, its publisher's name) are of this model; None
        where they may be of another."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, as far as it says so itself: enough to guess its FIM format by."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """What transformers keeps in a ``config.json``."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """Its own, before anything is forbidden in it."""
        ...

    def weights_hash(self) -> str:
        """sha256 of the files that hold its weights."""
        ...

    def parameters(self) -> int:
        """Numbers in what loads."""
        ...

    def tensors(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """The weights by transformers' names, in ``dtype``, all of them finite.

        They may be views of a file, which may be written to: copy what is kept.
        """
        ...

    def model(self, dtype: torch.dtype) -> PreTrainedModel:
        """transformers' model with these weights, on the CPU, in evaluation mode."""
        ...
