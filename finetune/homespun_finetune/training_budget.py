"""What this machine can do for a training, found out once, before its first step.

A sample's forward pass says how many of them memory holds at a time, and a few batches, timed, how
many tokens the time is good for. That takes a small share of the time and says what it does. A
checkpoint keeps both, so that a run that goes on decides nothing anew. Knows neither steps nor
validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from homespun_finetune import processes
from homespun_finetune.adapted_model import AdaptedModel
from homespun_finetune.batches import EncodedSample
from homespun_finetune.budget import Deadline, TokenBudget, autocast, tokens_per_second
from homespun_finetune.errors import RunUsageError, TrainingError
from homespun_finetune.loss import Batch
from homespun_finetune.memory import kept_for_backward, micro_batch, room_for_step
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings
from homespun_finetune.training_data import Collator, planned

TIMED_BATCHES = 3  # full batches timed for the budget at most, after one that nobody times
TRIAL_SHARE = 0.03  # of the time, for the trial


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """What is decided once, by what the machine can do just then."""

    time: TokenBudget
    micro: int
    """Samples that a process holds at a time."""

    def to_json(self) -> dict[str, Any]:
        spoken = [self.time.seconds, self.time.tokens_per_second, self.time.precision]
        return {"budget": spoken, "micro": self.micro}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrainingBudget:
        return cls(TokenBudget(*value["budget"]), int(value["micro"]))


def first_samples(samples: Iterator[EncodedSample], settings: TrainSettings) -> list[EncodedSample]:
    """As many as a trial asks for, fewer if there are fewer; TrainingError where there is none."""
    first = list(islice(samples, settings.batch_size * (TIMED_BATCHES + 1)))
    if not first:
        raise TrainingError("no training sample fits the base's context: choose a larger base")
    return first


@dataclass(frozen=True, slots=True)
class BudgetTrial:
    """The first samples of a training, tried on its model: gradients are dropped, nothing steps."""

    adapted: AdaptedModel
    samples: Sequence[EncodedSample]
    settings: TrainSettings
    collator: Collator

    def within(self, seconds: float, stage: Stage) -> TrainingBudget:
        """What ``seconds`` are good for, the trial included, on this machine.

        RunUsageError where they are too short for one batch, or where the processes cannot share
        one.
        """
        size = self._step_size()
        if seconds > 0:  # timing is not free either
            deadline, trial = Deadline(seconds), Deadline(TRIAL_SHARE * seconds)
            self.adapted.weighted_loss.train()
            stage.tell("reading the longest sample, to see how many fit into memory")
            micro = self._micro(size // processes.count())
            stage.tell(f"timing batches of {micro} samples in {self.adapted.precision}")
            speed = self._speed(micro, trial.left())
            time = TokenBudget(max(0.0, deadline.left()), speed, self.adapted.precision)
            time = processes.agree(time, self.adapted.device)
            if time.tokens >= sum(map(len, self.samples[:size])):
                return TrainingBudget(time, micro)
        raise RunUsageError("no time is left to train after mining and measuring: raise --minutes")

    def _step_size(self) -> int:
        """Samples a step, over all processes."""
        size = min(self.settings.batch_size, len(self.samples))
        if size % processes.count():
            raise RunUsageError(
                f"{size} samples a step cannot be shared by {processes.count()} processes: "
                "start 2 or 4"
            )
        return size

    def _micro(self, share: int) -> int:
        """How many of a process's ``share`` of a step memory holds, by the longest sample."""
        longest = self._batch([max(self.samples, key=len)])
        device = self.adapted.device
        with autocast(self.adapted.precision, device):
            kept = kept_for_backward(
                lambda: self.adapted.weighted_loss(**longest), self.adapted.model
            )
        parameters = self.adapted.model.num_parameters()
        return micro_batch(share, kept, room_for_step(device, parameters) // _sharing(device))

    def _speed(self, micro: int, seconds: float) -> float:
        """Tokens a second of steps in parts of ``micro`` samples."""
        batches = (
            self._batch([self.samples[i] for i in step[begin : begin + micro]])
            for step in planned(self.samples, self.settings).batches[: TIMED_BATCHES + 1]
            for begin in range(0, len(step), micro)
        )
        with autocast(self.adapted.precision, self.adapted.device):
            return tokens_per_second(self._forward_backward, batches, seconds=seconds)

    def _forward_backward(self, batch: Batch) -> None:
        self.adapted.weighted_loss(**batch).backward()
        self.adapted.weighted_loss.zero_grad(set_to_none=True)

    def _batch(self, samples: Sequence[EncodedSample]) -> Batch:
        batch = self.collator(samples)
        return {name: tensor.to(self.adapted.device) for name, tensor in batch.items()}


def _sharing(device: str) -> int:
    """How many processes share the device's memory."""
    return 1 if device == "cuda" else processes.count()
