"""A fresh adapter beside the base's generic one, which stays as it is.

While it is trained the generic adapter is a part of the base's weights. What is stored are both, by
concatenating their ranks: one plain adapter over the bare base. Knows no training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.engines.lora import Lora, read_lora
from safetensors.torch import load_file, save_file
from torch import Size

from homespun_finetune.adapter import PREFIX
from homespun_finetune.settings import TrainSettings


def narrowed(settings: TrainSettings, generic: Path) -> TrainSettings:
    """What is left of the rank beside the generic adapter, at the same scale; at least 1."""
    taken = json.loads((generic / CONFIG).read_text(encoding="utf-8"))["r"]
    rank = max(1, settings.rank - taken)
    return replace(settings, rank=rank, alpha=settings.alpha * rank // settings.rank)


def join(generic: Path, folder: Path, shapes: Mapping[str, Size]) -> None:
    """Make one adapter of the generic one and of that in ``folder``, there; ``shapes``: of the
    base's weights."""
    before: Lora = read_lora(generic, shapes)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    state, scale = load_file(folder / WEIGHTS), config["lora_alpha"] / config["r"]
    rank = config["r"] + len(next(iter(before.values())).down)
    for name, factors in before.items():
        down, up = (f"{PREFIX}{name}.lora_{letter}.weight" for letter in "AB")
        state[down] = torch.cat([factors.down, state[down].float()])
        state[up] = torch.cat([factors.up / scale, state[up].float()], 1).contiguous()
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
    config |= {"r": rank, "lora_alpha": scale * rank}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
