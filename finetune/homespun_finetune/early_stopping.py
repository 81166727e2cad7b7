"""Watches a training run: tells people, validates now and then, remembers the best state, stops.

A callback of transformers' Trainer. Knows no data beyond the validation batches it is given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from homespun_finetune.adapted_model import AdaptedModel
from homespun_finetune.budget import TokenBudget, autocast
from homespun_finetune.errors import TrainingError
from homespun_finetune.loss import Batch
from homespun_finetune.processes import any_of
from homespun_finetune.progress import Stage, clock
from homespun_finetune.settings import TrainSettings

_NOT_A_NUMBER = "the loss is not a number: lower train.learning_rate"
OVERTIME = 1.15  # of the planned seconds: a machine that became slower stops here


@dataclass(frozen=True, slots=True)
class Point:
    """Validation at one moment of a run; the loss is that of middles without their ends."""

    step: int
    seconds: float
    loss: float

    def to_json(self) -> dict[str, float]:
        return {key: round(value, 4) for key, value in asdict(self).items()}


class EarlyStopping(TrainerCallback):
    """``stopped`` is "schedule", "validation" (no gain any more) or "time"."""

    def __init__(
        self,
        adapted: AdaptedModel,
        validation: Sequence[Batch],
        budget: TokenBudget,
        *,
        steps: int,
        validations: int,
        settings: TrainSettings,
        stage: Stage,
    ) -> None:
        self.stopped = "schedule"
        self.points: list[Point] = []
        self._weighted_loss = adapted.weighted_loss
        self._model = adapted.model
        self._precision = budget.precision
        self._validation = validation
        self._begun = time.monotonic()
        self._spent_before = 0.0
        self._seconds = budget.seconds
        self._stage = stage
        self._patience = settings.patience
        self._moments = {round(steps * n / validations) for n in range(1, validations + 1)}
        self._last = self._parts = 0
        self._best: dict[str, torch.Tensor] = {}
        self._best_point: Point | None = None

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """The state before the first step is a candidate too: an adapter that changes nothing."""
        if not self.points:
            self._validate(0)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        del args, kwargs  # transformers hands out more than is needed here
        step, spent = state.global_step, self.spent
        self._last, self._parts = step, 0
        if step in self._moments:
            self._validate(step)
        self._tell(step, state.max_steps)
        if self._hopeless():
            self.stopped = "validation"
        elif any_of(self._is_late(spent), self._device()) and step < state.max_steps:
            self.stopped = "time"
        control.should_training_stop |= self.stopped != "schedule"
        return control

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """One of the parts that a step is made of where memory or a large base asks for it."""
        del control, kwargs
        self._parts += 1
        self._tell(
            state.global_step + self._parts / args.gradient_accumulation_steps, state.max_steps
        )

    def _tell(self, done: float, steps: int) -> None:
        left = max(0.0, self.spent / done * (steps - done))
        note = f"loss {self.points[-1].loss:.3f}, " if self.points else ""
        self._stage.update(done / steps, f"{note}{clock(left)} left")

    def restore_best(self) -> int:
        """Put the best state back into the model; its step. Without validation that is the last."""
        if not self._validation:
            if not all(weights.isfinite().all() for weights in self._trained()):
                raise TrainingError(_NOT_A_NUMBER)
            return self._last
        if self._best_point is None:
            raise TrainingError(_NOT_A_NUMBER)
        set_peft_model_state_dict(self._model, self._best)
        return self._best_point.step

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """What ``restore`` needs: JSON, and the best adapter so far."""
        best = asdict(self._best_point) if self._best_point else None
        points = [asdict(point) for point in self.points]
        return {"points": points, "best": best, "seconds": self.spent}, self._best

    def restore(self, state: dict[str, Any], best: dict[str, torch.Tensor]) -> None:
        """Go on as the watch of a run that was killed, before training begins."""
        self.points = [Point(**point) for point in state["points"]]
        self._best_point = Point(**state["best"]) if state["best"] else None
        self._best = best
        self._last = int(state["step"])
        self._spent_before = float(state["seconds"])

    @property
    def made(self) -> int:
        """Steps made so far, by earlier processes too."""
        return self._last

    @property
    def spent(self) -> float:
        """Seconds so far, of earlier processes too."""
        return self._spent_before + time.monotonic() - self._begun

    def _trained(self) -> Iterator[torch.Tensor]:
        return (weights for weights in self._model.parameters() if weights.requires_grad)

    def _is_late(self, spent: float) -> bool:
        return spent > self._seconds * OVERTIME

    def _device(self) -> torch.device:
        return next(self._model.parameters()).device

    def _validate(self, step: int) -> None:
        """Mean loss over the tokens that count in the validation batches."""
        if not self._validation:
            return
        device = self._device()
        self._weighted_loss.eval()
        with torch.no_grad(), autocast(self._precision, device.type):
            losses = [
                (float(batch["weights"].sum()), float(self._weighted_loss(**_to(batch, device))))
                for batch in self._validation
            ]
        self._weighted_loss.train()
        loss = sum(n * value for n, value in losses) / sum(n for n, _ in losses)
        point = Point(step, self.spent, loss)
        self.points.append(point)
        if math.isfinite(loss) and (self._best_point is None or loss < self._best_point.loss):
            self._best_point = point
            state = get_peft_model_state_dict(self._model, save_embedding_layers=False)
            self._best = {name: tensor.detach().clone() for name, tensor in state.items()}

    def _hopeless(self) -> bool:
        """Several validations since the best one."""
        if self._best_point is None or len(self.points) <= self._patience:
            return False
        return all(p.step > self._best_point.step for p in self.points[-self._patience :])


def _to(batch: Batch, device: torch.device) -> Batch:
    return {name: tensor.to(device) for name, tensor in batch.items()}
