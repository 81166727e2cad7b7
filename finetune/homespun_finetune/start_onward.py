"""A fresh adapter that begins as the base's generic one, widened to the run's rank.

The first forward pass is that of base and generic adapter exactly: the new rows of A are random, as
in any fresh adapter, and the new columns of B are zero. All of it is trained. Knows no training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from homespun_model.bases.plain_lora import WEIGHTS
from homespun_model.engines.lora import read_lora
from safetensors.torch import save_file
from torch import Size

from homespun_finetune.adapter import PREFIX
from homespun_finetune.errors import TrainingError
from homespun_finetune.settings import TrainSettings


def widen(generic: Path, shapes: Mapping[str, Size], settings: TrainSettings, folder: Path) -> None:
    """Write the adapter to begin from into ``folder``; ``shapes``: of the base's weights.

    StoreError where it cannot be read, TrainingError where its rank is larger than the run's.
    """
    scale, chance = settings.alpha / settings.rank, torch.Generator().manual_seed(settings.seed)
    state = {}
    for name, factors in read_lora(generic, shapes).items():
        more, (outputs, inputs) = settings.rank - len(factors.down), shapes[f"{name}.weight"]
        if more < 0:
            raise TrainingError(f"the generic adapter's rank is above {settings.rank}")
        fresh = (2 * torch.rand(more, inputs, generator=chance) - 1) / math.sqrt(inputs)
        up = factors.up / scale
        state[f"{PREFIX}{name}.lora_A.weight"] = torch.cat([factors.down, fresh])
        state[f"{PREFIX}{name}.lora_B.weight"] = torch.cat([up, up.new_zeros(outputs, more)], 1)
    save_file(state, folder / WEIGHTS)
