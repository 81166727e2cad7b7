"""An adapter merged into a base's weights: as fast as the base, for as much memory again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, no_grad

from homespun_model.engines.lora import not_loaded, read_lora

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def merged(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """``model`` with the adapter in ``folder`` merged into its weights; StoreError if it cannot.

    If it cannot, the model is spoilt.
    """
    weights = dict(model.named_parameters())
    with no_grad():
        for name, whole in _merged(weights, folder):
            weights[name].copy_(whole)
    return model


def merged_weights(weights: Mapping[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """``merged`` for float32 weights by name, of which the changed ones are new."""
    return {**weights, **dict(_merged(weights, folder))}


def _merged(weights: Mapping[str, Tensor], folder: Path) -> Iterator[tuple[str, Tensor]]:
    shapes = {name: weight.shape for name, weight in weights.items()}
    lora = read_lora(folder, shapes)
    for module, factors in lora.items():
        weight = weights[name := f"{module}.weight"]
        whole = weight + factors.product().to(weight.device)
        if not whole.isfinite().all():
            raise not_loaded(folder, "its weights hold values that are no numbers")
        yield name, whole
