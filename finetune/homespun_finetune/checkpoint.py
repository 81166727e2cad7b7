"""A training run on disk, so that one that was killed goes on where it was, to the same result.

One safetensors file holds it all: adapter, best adapter, the optimizer's moments, the random
numbers' state, and as JSON in its header where the run was and the budget that was measured once.
Nothing is pickled. Knows neither data nor model; a file that is not whole is as good as none.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import TrainerCallback, TrainerControl, TrainerState

from homespun_finetune.early_stopping import EarlyStopping

EVERY = 60.0  # seconds between two checkpoints: what a kill may cost
FILE = "training.safetensors"
SCHEMA = 1
_SCHEDULE = {
    *("base_lrs", "last_epoch", "lr_lambdas", "_step_count", "_last_lr"),
    *("_is_initial", "_get_lr_called_within_step"),
}  # what torch's schedule takes as its own state
_OF_GROUPS = ("base_lrs", "_last_lr", "lr_lambdas")  # that hold one for each group of weights
GROUPS = 2  # transformers': the weights that decay, and the others
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # AdamW's, of each weight
MOST = 1 << 40  # of any number in a checkpoint

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """``about``: JSON; ``tensors``: by "adapter.", "best.", "optimizer.…" and "random"."""

    about: dict[str, Any]
    tensors: Tensors

    @property
    def step(self) -> int:
        return int(self.about["step"])

    def part(self, name: str) -> Tensors:
        """The tensors of one part, by their names in it."""
        prefix = f"{name}."
        return {
            key.removeprefix(prefix): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(prefix)
        }

    def is_sound(self) -> bool:
        """Whether it says what a run goes on from; one from elsewhere may say anything."""
        try:
            said = _is_said(self.about)
        except (AttributeError, KeyError, TypeError, ValueError):
            return False
        return said and _is_random_state(self.tensors.get("random"))

    def fits(self, model: PeftModel) -> bool:
        """Whether it is of an adapter such as the model has."""
        own = get_peft_model_state_dict(model, save_embedding_layers=False)
        shapes = {name: tensor.shape for name, tensor in own.items()}
        best = {name: tensor.shape for name, tensor in self.part("best").items()}
        there = {name: tensor.shape for name, tensor in self.part("adapter").items()}
        schedule = self.about.get("schedule", {})
        groups = {len(schedule[key]) for key in _OF_GROUPS if key in schedule}
        states = there == shapes and best in ({}, shapes)
        return states and groups <= {GROUPS} and _are_moments_of(model, self.part("optimizer"))


def _is_said(about: dict[str, Any]) -> bool:
    """KeyError and the like for what has another form."""
    points = [*about["points"], *([about["best"]] if about["best"] else [])]
    fixed, schedule = about["fixed"], about["schedule"]
    seconds, speed, precision = fixed["budget"]
    rates = [rate for key in ("_last_lr", "base_lrs") for rate in schedule.get(key, ())]
    counts = [about["step"], fixed["micro"], *(point["step"] for point in points)]
    counts += [schedule.get(key, 0) for key in ("last_epoch", "_step_count")]
    numbers = [about["seconds"], seconds, speed, *rates]
    numbers += [number for point in points for number in point.values()]
    return (
        all(isinstance(n, int) and 0 <= n < MOST for n in counts)
        and all(isinstance(n, int | float) and 0 <= n < MOST for n in numbers)
        and all(point.keys() == {"step", "seconds", "loss"} for point in points)
        and schedule.keys() <= _SCHEDULE
        and isinstance(schedule["_last_lr"], list)
        and not any(schedule.get("lr_lambdas", ()))
        and precision in ("fp32", "bf16")
        and min(fixed["micro"], seconds, speed) > 0
    )


def _are_moments_of(model: PeftModel, found: Tensors) -> bool:
    """Whether they are of weights that are trained: all of each, and of no other."""
    shapes = [weights.shape for weights in model.parameters() if weights.requires_grad]
    numbers = {name.partition(".")[0] for name in found}
    if found.keys() != {f"{number}.{name}" for number in numbers for name in _MOMENTS}:
        return False
    known = numbers <= {str(number) for number in range(len(shapes))}
    there = ([found[f"{n}.{name}"].shape for n in numbers] for name in _MOMENTS if name != "step")
    return known and not any(Counter(each) - Counter(shapes) for each in there)


def _is_random_state(found: torch.Tensor | None) -> bool:
    state = torch.get_rng_state()
    return found is not None and (found.dtype, found.shape) == (state.dtype, state.shape)


def read(folder: Path) -> Checkpoint | None:
    """The checkpoint in ``folder``; None where there is none that can be read."""
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError, RecursionError):
        return None
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        return None
    return Checkpoint(about, tensors)


def write(folder: Path, about: dict[str, Any], tensors: Tensors) -> bool:
    """Put a checkpoint in the place of the last one, at once; False where the disk takes none."""
    new = folder / f".{FILE}"
    try:
        save_file(tensors, new, metadata={"about": json.dumps(about | {"schema": SCHEMA})})
        new.replace(folder / FILE)
    except (OSError, SafetensorError):  # a run goes on without; what it cannot do without says so
        return False
    return True


class Checkpointer(TrainerCallback):
    """Writes a checkpoint at the start and every minute; puts one that it is given back first.

    Comes after ``stopping`` among the callbacks, whose state it keeps. ``fixed``: what the run
    decided before its first step and must not decide anew.
    """

    def __init__(
        self,
        folder: Path,
        model: PeftModel,
        stopping: EarlyStopping,
        fixed: dict[str, Any],
        found: Checkpoint | None,
    ) -> None:
        self._folder = folder
        self._model = model
        self._stopping = stopping
        self._fixed = fixed
        self._found = found
        self._random: torch.Tensor | None = None
        self._written = time.monotonic()

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, control  # transformers hands out more than is needed here
        if self._found is None:
            if state.is_world_process_zero:
                self._write(0, kwargs["optimizer"], kwargs["lr_scheduler"])
            return
        set_peft_model_state_dict(self._model, self._found.part("adapter"))
        _put_moments(kwargs["optimizer"], self._found)
        kwargs["lr_scheduler"].load_state_dict(self._found.about["schedule"])
        state.global_step = self._found.step
        self._random = self._found.tensors["random"]

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Only now: starting to read data has used random numbers as well."""
        if self._random is not None:
            torch.set_rng_state(self._random)
            self._random = None

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, control
        if state.is_world_process_zero and time.monotonic() - self._written >= EVERY:
            self._write(state.global_step, kwargs["optimizer"], kwargs["lr_scheduler"])

    def _write(self, step: int, optimizer: Any, schedule: Any) -> None:
        about, best = self._stopping.state()
        tensors = {f"best.{name}": tensor for name, tensor in best.items()}
        adapter = get_peft_model_state_dict(self._model, save_embedding_layers=False)
        tensors |= {f"adapter.{name}": tensor.detach() for name, tensor in adapter.items()}
        tensors |= _moments(optimizer)
        tensors["random"] = torch.get_rng_state()
        about |= {"step": step, "fixed": self._fixed, "schedule": schedule.state_dict()}
        write(self._folder, about, {name: t.cpu().contiguous() for name, t in tensors.items()})
        self._written = time.monotonic()


def _moments(optimizer: Any) -> Tensors:
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{number}.{name}": tensor
        for number, moments in state.items()
        for name, tensor in moments.items()
    }


def _put_moments(optimizer: Any, found: Checkpoint) -> None:
    """Into an optimizer that was made for the same adapter; its rates follow the schedule."""
    state: dict[int, Tensors] = {}
    for name, tensor in found.part("optimizer").items():
        number, moment = name.split(".", 1)
        state.setdefault(int(number), {})[moment] = tensor
    groups = optimizer.state_dict()["param_groups"]
    for group, rate in zip(groups, found.about["schedule"]["_last_lr"], strict=True):
        group["lr"] = rate
    optimizer.load_state_dict({"state": state, "param_groups": groups})
