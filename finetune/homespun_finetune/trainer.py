"""transformers' Trainer, with our loss and with batches in the order in which they were planned.

A step's loss is the weighted mean over all of its tokens, into however many parts the step is cut:
one after the other where memory is short (gradient accumulation), or one for each process. Knows no
clock and no validation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from homespun_model.bases.memory import give_back
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, Trainer, TrainingArguments

from homespun_finetune.budget import Precision
from homespun_finetune.loss import Batch
from homespun_finetune.settings import TrainSettings


class WeightedTrainer(Trainer):
    """A step of one process, of several, or in several parts: the same loss and gradient."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.remove_callback(PrinterCallback)  # standard output is for --json
        self.loss_is_scaled_for_ga = True

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LambdaLR:
        """By ``share_of_peak``: with transformers' own rates the first step changes nothing."""
        if self.lr_scheduler is None:
            optimizer = optimizer or self.optimizer
            assert optimizer is not None
            warm = int(self.args.warmup_steps)
            rates = partial(share_of_peak, warm=warm, steps=num_training_steps)
            self.lr_scheduler = LambdaLR(optimizer, rates)
        return self.lr_scheduler

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], torch.Tensor]:
        """The parts of a step, and the weight of all of its tokens in all processes."""
        parts, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        weight = torch.stack([part["weights"].sum() for part in parts]).sum().to(device)
        return parts, cast(torch.Tensor, self.accelerator.reduce(weight, "sum"))

    def compute_loss(
        self,
        model: Any,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """A part's share of the step's loss. Gradients of processes are averaged, hence their n."""
        mean = model(**inputs)
        if num_items_in_batch is None:
            return (mean, {}) if return_outputs else mean
        share = inputs["weights"].sum() / num_items_in_batch * self.accelerator.num_processes
        return (mean * share, {}) if return_outputs else mean * share

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """A part of a step, after which memory is given back: parts are cut where it is short."""
        loss = super().training_step(*args, **kwargs)
        if self.args.gradient_accumulation_steps > 1:
            give_back()
        return loss


def share_of_peak(step: int, *, warm: int, steps: int) -> float:
    """Of the peak rate, at a step from 0 on: up for ``warm`` steps, then down along a cosine.

    No step is idle: a large base has four of them in ten minutes of two cores.
    """
    if step < warm:
        return (step + 1) / (warm + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


@dataclass(frozen=True, slots=True)
class StepLayout:
    """How many steps, and how the samples of one are shared out."""

    steps: int
    batch: int
    """Samples a step, over all processes."""
    micro: int
    """Samples that a process holds at a time."""
    processes: int = 1


def arguments(
    settings: TrainSettings,
    layout: StepLayout,
    *,
    rate: float,
    precision: Precision,
    work: Path,
    device: str,
) -> TrainingArguments:
    """``rate``: at its peak; ``work`` is theirs."""
    return TrainingArguments(
        output_dir=str(work),
        max_steps=layout.steps,
        per_device_train_batch_size=layout.micro,
        gradient_accumulation_steps=layout.batch // (layout.micro * layout.processes),
        train_sampling_strategy="sequential",
        learning_rate=rate,
        warmup_steps=max(1, round(settings.warmup * layout.steps)),
        weight_decay=settings.weight_decay,
        adam_beta2=0.99,  # a run is a few hundred steps: 0.999 would remember all of it
        max_grad_norm=settings.clip,
        bf16=precision == "bf16",
        use_cpu=device == "cpu",
        seed=settings.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
