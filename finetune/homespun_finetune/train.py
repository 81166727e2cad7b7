"""LoRA on a base: transformers' Trainer with our loss, our batches and our clock.

What is learned is the middle and its end, and the prompt at a lower weight. The state with the
lowest validation loss, which looks at middles only, becomes the adapter, not the last one. Knows
no repositories, no store and no gate.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from transformers import PreTrainedModel, TrainerCallback

from homespun_finetune import checkpoint, processes
from homespun_finetune.adapter import go_on_from, lora
from homespun_finetune.batches import EncodedSample, Plan, collate, plan, take
from homespun_finetune.budget import TokenBudget, best_device, measure
from homespun_finetune.early_stopping import EarlyStopping, Point
from homespun_finetune.errors import RunUsageError, TrainingError
from homespun_finetune.loss import Batch, WeightedLoss
from homespun_finetune.memory import free_memory, kept_for_backward, micro_batch
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings, learning_rate_for
from homespun_finetune.trainer import WeightedTrainer, arguments

TIMED_BATCHES = 3  # full batches timed for the budget, after one that nobody times
FORWARD_SHARE = 1 / 3  # of a training step's cost, for a batch that is only looked at


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids that batches need: what fills up a batch, and what ends a middle."""

    pad: int
    end: int


@dataclass(frozen=True, slots=True)
class Trained:
    """An adapter in memory, and how it came to be."""

    model: PeftModel
    budget: TokenBudget
    learning_rate: float
    samples: int
    steps: int
    """Planned; fewer were made if ``stopped`` is not "schedule"."""
    tokens: int
    best_step: int
    stopped: str
    points: tuple[Point, ...]
    resumed_at: int | None
    """The step at which a run that was killed went on."""

    def to_json(self) -> dict[str, Any]:
        return {
            "budget": self.budget.to_json(),
            "learning_rate": self.learning_rate,
            "samples": self.samples,
            "steps": self.steps,
            "tokens": self.tokens,
            "best_step": self.best_step,
            "stopped": self.stopped,
            "points": [point.to_json() for point in self.points],
            "resumed_at": self.resumed_at,
        }


@dataclass(frozen=True, slots=True)
class _Terms:
    """What is decided once, before the first step, by what the machine can do just then."""

    budget: TokenBudget
    micro: int
    """Samples that a process holds at a time."""

    def to_json(self) -> dict[str, Any]:
        budget = self.budget
        spoken = [budget.seconds, budget.tokens_per_second, budget.precision]
        return {"budget": spoken, "micro": self.micro}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> _Terms:
        return cls(TokenBudget(*value["budget"]), int(value["micro"]))


def fine_tune(
    model: PreTrainedModel,
    training: Iterable[EncodedSample],
    validation: Sequence[EncodedSample],
    settings: TrainSettings,
    *,
    tokens: Tokens,
    seconds: float,
    work: Path,
    stage: Stage,
    start: Path | None = None,
    kept: Path | None = None,
) -> Trained:
    """Train a LoRA adapter on ``model`` within ``seconds``, timing included.

    ``training`` is read as far as the time will reach. ``work`` is a folder for transformers;
    nothing in it is needed afterwards. ``start`` holds the adapter to go on from. ``kept`` is where
    checkpoints are written; one that is there already is gone on from, with the budget that was
    measured then. Raises TrainingError where there is nothing to learn from, or where no state of
    the adapter has a finite loss; RunUsageError where there is no time to.
    """
    begun = time.monotonic()
    torch.manual_seed(settings.seed)
    device = best_device()
    processes.join(device)
    adapted = lora(_on(device, model), settings)
    if start is not None:
        go_on_from(adapted, start)
    weighted_loss = WeightedLoss(adapted)
    source = iter(training)
    examples = list(islice(source, settings.batch_size * (TIMED_BATCHES + 1)))
    if not examples:
        raise TrainingError("no training sample fits the base's context: choose a larger base")
    collator = partial(
        collate,
        pad_id=tokens.pad,
        end_id=tokens.end,
        end_weight=settings.end_weight,
        prompt_weight=settings.prompt_weight,
    )
    found = checkpoint.read(kept) if kept else None
    if found:
        terms = _Terms.from_json(found.about["fixed"])
    else:
        left = seconds - (time.monotonic() - begun)
        terms = _terms(weighted_loss, examples, settings, collator, seconds=left, device=device)
    budget = terms.budget
    training_tokens = budget.tokens * (1 - settings.validation_share)
    examples += take(source, training_tokens - sum(map(len, examples)))
    steps = _plan(examples, settings).within(training_tokens)
    base_rate = learning_rate_for(model.config.get_text_config().hidden_size)
    rate = (settings.learning_rate or base_rate) * (settings.refresh_rate if start else 1.0)
    stopping = EarlyStopping(
        weighted_loss,
        adapted,
        on_middles(_affordable(validation, budget, settings), settings.batch_size, tokens),
        seconds=budget.seconds,
        precision=budget.precision,
        steps=len(steps.batches),
        settings=settings,
        stage=stage,
    )
    callbacks: list[TrainerCallback] = [stopping]
    if found:
        stopping.restore(found.about, found.part("best"))
    if kept:
        callbacks.append(checkpoint.Checkpointer(kept, adapted, stopping, terms.to_json(), found))
    begin = found.step if found else 0
    if begin < len(steps.batches):
        WeightedTrainer(
            weighted_loss,
            arguments(
                settings,
                steps=len(steps.batches),
                batch=len(steps.batches[0]),
                micro=terms.micro,
                rate=rate,
                precision=budget.precision,
                work=work,
                device=device,
                processes=processes.count(),
            ),
            data_collator=collator,
            train_dataset=cast(Any, [examples[i] for b in steps.batches[begin:] for i in b]),
            callbacks=callbacks,
        ).train()
    best = stopping.restore_best()
    return Trained(
        model=adapted,
        budget=budget,
        learning_rate=rate,
        samples=len({i for batch in steps.batches for i in batch}),
        steps=len(steps.batches),
        tokens=sum(steps.tokens),
        best_step=best,
        stopped=stopping.stopped,
        points=tuple(stopping.points),
        resumed_at=begin if found else None,
    )


def _terms(
    weighted_loss: WeightedLoss,
    examples: Sequence[EncodedSample],
    settings: TrainSettings,
    collator: partial[Batch],
    *,
    seconds: float,
    device: str,
) -> _Terms:
    """See what a sample needs, and time a few batches. The adapter stays as it is.

    RunUsageError where the time left is too short for one batch.
    """
    size = min(settings.batch_size, len(examples))
    if size % processes.count():
        raise RunUsageError(
            f"{size} samples a step cannot be shared by {processes.count()} processes: start 2 or 4"
        )
    if seconds > 0:  # timing is not free either
        begun = time.monotonic()
        weighted_loss.train()
        longest = collator([max(examples, key=len)])
        one = {name: tensor.to(device) for name, tensor in longest.items()}
        share = size // processes.count()
        micro = micro_batch(
            share,
            kept_for_backward(lambda: weighted_loss(**one)),
            free_memory(device) // _sharing(device),
        )
        left = seconds - (time.monotonic() - begun)
        budget = _measure(
            weighted_loss, examples, settings, collator, micro, seconds=left, device=device
        )
        budget = processes.agree(budget, device)
        if budget.tokens >= sum(map(len, examples[:size])):
            return _Terms(budget, micro)
    raise RunUsageError("no time is left to train after mining and measuring: raise --minutes")


def _sharing(device: str) -> int:
    """How many processes share the device's memory."""
    return 1 if device == "cuda" else processes.count()


def _measure(
    weighted_loss: WeightedLoss,
    examples: Sequence[EncodedSample],
    settings: TrainSettings,
    collator: partial[Batch],
    micro: int,
    *,
    seconds: float,
    device: str,
) -> TokenBudget:
    """Time a few batches: gradients are dropped, nothing steps."""

    def step(batch: Batch) -> None:
        weighted_loss(**batch).backward()
        weighted_loss.zero_grad(set_to_none=True)

    batches = [
        {name: tensor.to(device) for name, tensor in collator([examples[i] for i in part]).items()}
        for batch in _plan(examples, settings).batches[: TIMED_BATCHES + 1]
        for part in [batch[i : i + micro] for i in range(0, len(batch), micro)]
    ]
    return measure(step, batches, seconds=seconds, device=device)


def _on(device: str, model: PreTrainedModel) -> PreTrainedModel:
    return cast(PreTrainedModel, cast(torch.nn.Module, model).to(device))


def _plan(examples: Sequence[EncodedSample], settings: TrainSettings) -> Plan:
    return plan(
        [len(example) for example in examples],
        batch_size=settings.batch_size,
        passes=settings.passes,
        seed=settings.seed,
    )


def _affordable(
    validation: Sequence[EncodedSample], budget: TokenBudget, settings: TrainSettings
) -> list[EncodedSample]:
    """As many as ``validation_share`` of the budget pays for."""
    tokens = budget.tokens * settings.validation_share / settings.validations / FORWARD_SHARE
    return take(iter(validation[: settings.validation_samples]), tokens)


def on_middles(examples: Sequence[EncodedSample], size: int, tokens: Tokens) -> list[Batch]:
    """Batches in which the middles count, and neither prompts nor ends.

    What counts is what is written. A base that was taught to end often unlearns some of that at
    once: with ends, the best state would be the first one, whatever is learnt of middles
    (LOG E-032).
    """
    asked = sorted((e for e in examples if len(e) > e.start + 1), key=len)
    batches = (asked[i : i + size] for i in range(0, len(asked), size))
    return [
        collate(batch, pad_id=tokens.pad, end_id=tokens.end, end_weight=0.0) for batch in batches
    ]
