"""LoRA on a base: transformers' Trainer with our loss, our batches and our clock.

Prepare the model, find out what the time is good for, run the loop. What is learned is the middle
and its end, and the prompt at a lower weight. The state with the lowest validation loss, which
looks at middles only, becomes the adapter, not the last one. Knows no repositories, no store and no
gate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from peft import PeftModel
from transformers import PreTrainedModel, TrainerCallback

from homespun_finetune import checkpoint, processes
from homespun_finetune.adapted_model import AdaptedModel, peak_rate, prepare
from homespun_finetune.budget import Deadline, TokenBudget
from homespun_finetune.checkpoint import Checkpoint, Checkpointer
from homespun_finetune.early_stopping import EarlyStopping, Point
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings
from homespun_finetune.trainer import StepLayout, WeightedTrainer, arguments
from homespun_finetune.training_budget import BudgetTrial, TrainingBudget, first_samples
from homespun_finetune.training_data import Collator, TrainingData, TrainingSchedule, schedule


@dataclass(frozen=True, slots=True)
class TrainingFolders:
    """Where a training reads and writes."""

    work: Path
    """transformers' own; nothing in it is needed afterwards."""
    start: Path | None = None
    """The adapter to go on from; None for a fresh one."""
    kept: Path | None = None
    """Of checkpoints. One that is there already is gone on from, with the budget that was measured
    then."""
    fresh: bool = False
    """Whether what is gone on from is where a fresh one begins: at the full rate."""

    def unfinished(self) -> Checkpoint | None:
        """What an earlier run left, killed before its end."""
        return checkpoint.read(self.kept) if self.kept else None


@dataclass(frozen=True, slots=True)
class Trained:
    """An adapter in memory, and how it came to be."""

    model: PeftModel | None
    """None once its adapter is written: its memory is wanted for what comes next."""
    budget: TokenBudget
    learning_rate: float
    samples: int
    """That were read at least once."""
    steps: int
    """Planned; fewer were ``made`` if ``stopped`` is not "schedule"."""
    made: int
    tokens: int
    """That were read, by the steps that were made."""
    seconds: float
    """Of the steps that were made, by earlier processes too, and of validation."""
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
            "made": self.made,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 1),
            "best_step": self.best_step,
            "stopped": self.stopped,
            "points": [point.to_json() for point in self.points],
            "resumed_at": self.resumed_at,
        }


def fine_tune(
    model: PreTrainedModel,
    data: TrainingData,
    settings: TrainSettings,
    folders: TrainingFolders,
    *,
    seconds: float,
    stage: Stage,
) -> Trained:
    """Train a LoRA adapter on ``model`` within ``seconds``, timing included.

    Raises TrainingError where there is nothing to learn from, or where no state of the adapter has
    a finite loss; RunUsageError where there is no time to.
    """
    deadline = Deadline(seconds)
    adapted = prepare(model, settings, folders.start)
    refreshing = folders.start is not None and not folders.fresh
    rate = peak_rate(model, settings, refreshing=refreshing)
    samples, collator = iter(data.training), data.collator(settings)
    first = first_samples(samples, settings)
    found = folders.unfinished()
    if found and not found.fits(adapted.model):
        found = None
    if found:
        budget = TrainingBudget.from_json(found.about["fixed"])
    else:
        budget = BudgetTrial(adapted, first, settings, collator).within(deadline.left(), stage)
    planned = schedule(data, first, samples, budget.time, settings, micro=budget.micro)
    stage.tell(planned.said(data.count))
    loop = TrainingLoop(adapted, settings, budget, planned, rate, found)
    return loop.run(collator, folders, stage)


@dataclass(frozen=True, slots=True)
class TrainingLoop:
    """Everything that is decided before the first step."""

    adapted: AdaptedModel
    settings: TrainSettings
    budget: TrainingBudget
    schedule: TrainingSchedule
    rate: float
    """At its peak."""
    found: Checkpoint | None
    """Where to go on; None to begin."""

    @property
    def begin(self) -> int:
        """Steps that were made already."""
        return self.found.step if self.found else 0

    def run(self, collator: Collator, folders: TrainingFolders, stage: Stage) -> Trained:
        """Make the steps, unless all were made already, and put the best state into the model."""
        stopping = self._stopping(stage)
        callbacks: list[TrainerCallback] = [stopping]
        if folders.kept:
            callbacks.append(self._checkpointer(folders.kept, stopping))
        if self.begin < len(self.schedule):
            self._trainer(collator, callbacks, folders.work).train()
        return self._trained(stopping)

    def _stopping(self, stage: Stage) -> EarlyStopping:
        stopping = EarlyStopping(
            self.adapted,
            self.schedule.validation,
            self.budget.time,
            steps=len(self.schedule),
            validations=self.schedule.validations,
            settings=self.settings,
            stage=stage,
        )
        if self.found:
            stopping.restore(self.found.about, self.found.part("best"))
        return stopping

    def _checkpointer(self, folder: Path, stopping: EarlyStopping) -> Checkpointer:
        model, fixed = self.adapted.model, self.budget.to_json()
        return Checkpointer(folder, model, stopping, fixed, self.found)

    def _trainer(
        self, collator: Collator, callbacks: list[TrainerCallback], work: Path
    ) -> WeightedTrainer:
        batch, count = self.schedule.batch_size, processes.count()
        layout = StepLayout(
            steps=len(self.schedule),
            batch=batch,
            micro=math.gcd(self.budget.micro, batch // count),
            processes=count,
        )
        return WeightedTrainer(
            self.adapted.weighted_loss,
            arguments(
                self.settings,
                layout,
                rate=self.rate,
                precision=self.budget.time.precision,
                work=work,
                device=self.adapted.device,
            ),
            data_collator=collator,
            train_dataset=cast(Any, self.schedule.after(self.begin)),
            callbacks=callbacks,
        )

    def _trained(self, stopping: EarlyStopping) -> Trained:
        samples, tokens = self.schedule.read(stopping.made)
        return Trained(
            model=self.adapted.model,
            best_step=stopping.restore_best(),
            budget=self.budget.time,
            learning_rate=self.rate,
            samples=samples,
            steps=len(self.schedule),
            made=stopping.made,
            tokens=tokens,
            seconds=stopping.spent,
            stopped=stopping.stopped,
            points=tuple(stopping.points),
            resumed_at=self.begin if self.found else None,
        )
