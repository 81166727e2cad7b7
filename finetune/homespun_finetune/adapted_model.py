"""The base with its adapter and its loss on the machine's device, as it is before the first step.

Knows neither samples nor time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from homespun_finetune import processes
from homespun_finetune.adapter import go_on_from, lora
from homespun_finetune.budget import Precision, best_device, best_precision
from homespun_finetune.loss import PackedLoss, WeightedLoss, loss_of
from homespun_finetune.settings import TrainSettings, learning_rate_for


@dataclass(frozen=True, slots=True)
class AdaptedModel:
    """``weighted_loss`` is of ``model``; both are on ``device``, to be run in ``precision``."""

    model: PeftModel
    weighted_loss: WeightedLoss | PackedLoss
    device: str
    precision: Precision


def prepare(model: PreTrainedModel, settings: TrainSettings, start: Path | None) -> AdaptedModel:
    """A fresh adapter on the base, or the one in ``start``; the processes of a run meet here.

    The seed is set first: a fresh adapter is random. Raises TrainingError where ``start`` holds no
    adapter of this shape.
    """
    torch.manual_seed(settings.seed)
    device = best_device()
    processes.join(device)
    adapted = lora(_on(device, model), settings)
    if start is not None:
        go_on_from(adapted, start)
    precision = best_precision(device)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return AdaptedModel(adapted, loss_of(adapted, dtype), device, precision)


def onward(model: PreTrainedModel, settings: TrainSettings) -> TrainSettings:
    """For a training that sets out from a generic adapter: there is little way left to go."""
    if settings.learning_rate is not None:
        return settings
    return replace(settings, learning_rate=settings.onward_rate * _usual_rate(model))


def peak_rate(model: PreTrainedModel, settings: TrainSettings, *, refreshing: bool) -> float:
    """The learning rate at the top of the schedule, lower where an adapter is gone on from."""
    rate = settings.learning_rate or _usual_rate(model)
    return rate * (settings.refresh_rate if refreshing else 1.0)


def _usual_rate(model: PreTrainedModel) -> float:
    return learning_rate_for(model.config.get_text_config().hidden_size)


def _on(device: str, model: PreTrainedModel) -> PreTrainedModel:
    return cast(PreTrainedModel, cast(torch.nn.Module, model).to(device))
