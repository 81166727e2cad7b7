"""Adapters beside one base: what each adds is computed anew for every token, and nothing is copied.

Several adapters of a large base share its weights, and a swap costs reading a few megabytes. Which
of them a pass is made with is a matter of the thread that makes it: the base is never changed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from homespun_model.engines.lora import Factors, not_loaded, read_lora
from homespun_model.engines.transformers_engine import TransformersEngine

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel


@dataclass(frozen=True, slots=True)
class _Transposed:
    """Factors as a row wants them: three quarters less time than as they are stored."""

    down: Tensor
    """(inputs, rank)"""
    up: Tensor
    """(rank, outputs)"""


class _Pass(threading.local):
    """What is added in the pass that this thread makes, by the name of the module."""

    added: Mapping[str, _Transposed] = {}


_pass = _Pass()


def share(model: PreTrainedModel) -> PreTrainedModel:
    """Make a base ready for adapters beside it; without one it computes what it did."""
    for name, module in _linear_layers(model).items():
        module.register_forward_hook(partial(_add, name))
    return model


class UnmergedLoraEngine(TransformersEngine):
    """The forward pass of a shared base with one adapter."""

    def __init__(self, shared: PreTrainedModel, folder: Path) -> None:
        super().__init__(shared)
        self._added = _read(shared, folder)

    @property
    def size(self) -> int:
        """``Engine.size``: the adapter's."""
        return sum(part.down.nbytes + part.up.nbytes for part in self._added.values())

    def batch(self, rows: Tensor, keep: int, cache: DynamicCache | None = None) -> Tensor:
        """``TransformersEngine.batch``, with what the adapter adds."""
        _pass.added = self._added
        try:
            return super().batch(rows, keep, cache)
        finally:
            _pass.added = {}


def _read(model: PreTrainedModel, folder: Path) -> dict[str, _Transposed]:
    shapes = {name: weight.shape for name, weight in model.named_parameters()}
    lora, products = read_lora(folder, shapes), _linear_layers(model)
    if odd := sorted(lora.keys() - products.keys()):
        raise not_loaded(folder, f"{odd[0]} is no product in the base")
    return {name: _transposed(factors, model) for name, factors in lora.items()}


def _transposed(factors: Factors, model: PreTrainedModel) -> _Transposed:
    parts = (part.t().contiguous() for part in (factors.down, factors.up))
    return _Transposed(*(part.to(model.device, model.dtype) for part in parts))


def _linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    return {name: part for name, part in model.named_modules() if isinstance(part, nn.Linear)}


def _add(name: str, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    """To the output, which nobody has seen yet, in place: it is large where a prompt is read."""
    if (added := _pass.added.get(name)) is not None:
        x = inputs[0]
        thin = x.reshape(-1, x.shape[-1]).mm(added.down)
        output.view(-1, output.shape[-1]).addmm_(thin, added.up)
