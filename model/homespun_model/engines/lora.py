"""What an adapter adds to a base: two thin matrices for some of its weights, read without peft.

Plain LoRA in peft's own files and nothing else: what is not exactly as expected is refused in one
line. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Size, Tensor

from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.errors import StoreError

_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class Factors:
    """What is added to one weight W (outputs, inputs): B · A, as Hu et al. (arXiv:2106.09685) have
    it."""

    down: Tensor
    """A, (rank, inputs)"""
    up: Tensor
    """alpha / rank · B, (outputs, rank)"""

    def product(self) -> Tensor:
        """(outputs, inputs)"""
        return self.up @ self.down

    def count(self) -> int:
        """Numbers in both."""
        return self.down.numel() + self.up.numel()


Lora = Mapping[str, Factors]
"""By the name of the module, such as ``model.layers.0.mlp.up_proj``."""


def read_lora(folder: Path, shapes: Mapping[str, Size]) -> dict[str, Factors]:
    """The adapter in ``folder``, float32; ``shapes``: of the base's weights, by name.

    StoreError unless it is plain LoRA that fits them.
    """
    try:
        rank, alpha = _rank_and_alpha(folder / CONFIG)
        return {
            name: _fitting(down, up, _shape(shapes, f"{name}.weight"), rank, alpha)
            for name, (down, up) in _factors(folder / WEIGHTS).items()
        }
    except (OSError, ValueError, SafetensorError) as error:
        raise not_loaded(folder, error) from error


def not_loaded(folder: Path, reason: object) -> StoreError:
    """What is raised for the adapter in ``folder``, in one line."""
    return StoreError(f"adapter {folder.name} does not load: {' '.join(str(reason).split())[:200]}")


def _rank_and_alpha(file: Path) -> tuple[int, float]:
    config = json.loads(file.read_text(encoding="utf-8"))
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise ValueError(f"{CONFIG} says r={rank!r} and lora_alpha={alpha!r}")
    return rank, alpha


def _factors(file: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """The two matrices, (rank, inputs) and (outputs, rank), for each module."""
    stored = load(file.read_bytes())
    stems = [name.removesuffix(_DOWN) for name in stored if name.endswith(_DOWN)]
    found = {
        stem.removeprefix(_PREFIX): (stored.pop(stem + _DOWN), stored.pop(stem + _UP))
        for stem in stems
        if stem + _UP in stored
    }
    if stored or not found:
        odd = min(stored, default="nothing")
        raise ValueError(f"{WEIGHTS} holds {odd}: not plain LoRA")
    return found


def _shape(shapes: Mapping[str, Size], name: str) -> Size:
    if name not in shapes:
        raise ValueError(f"the base has no {name}")
    return shapes[name]


def _fitting(down: Tensor, up: Tensor, shape: Size, rank: int, alpha: float) -> Factors:
    if (down.shape, up.shape) != ((rank, shape[-1]), (shape[0], rank)):
        said = " and ".join(str(tuple(part)) for part in (down.shape, up.shape, shape))
        raise ValueError(f"factors and weights of shapes {said} do not fit with r={rank}")
    factors = Factors(down.float(), (alpha / rank) * up.float())
    if not (factors.down.isfinite().all() and factors.up.isfinite().all()):
        raise ValueError("its weights hold values that are no numbers")
    return factors
