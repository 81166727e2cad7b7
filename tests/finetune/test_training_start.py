"""A training begins soon: timing keeps to its time, and memory to what was told."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterator

import pytest
import torch
from homespun_finetune import budget, memory
from homespun_finetune.adapted_model import prepare
from homespun_finetune.budget import best_precision, tokens_per_second
from homespun_finetune.early_stopping import EarlyStopping
from homespun_finetune.progress import Stage
from homespun_model.bases import processor
from homespun_model.bases.memory import GIB, holds_bf16, needed, step_memory
from rich.console import Console
from tiny_training import QUICK, tiny_model
from transformers import TrainerControl, TrainerState, TrainingArguments

Batch = dict[str, torch.Tensor]


def batches(count: int) -> Iterator[Batch]:
    for _ in range(count):
        yield {"input_ids": torch.zeros(2, 50, dtype=torch.long)}


def slow(seconds: list[float]) -> tuple[list[float], object]:
    """A step that takes these times, one after the other."""
    left = list(seconds)

    def step(_: Batch) -> None:
        time.sleep(left.pop(0))

    return left, step


def test_timing_stops_before_a_batch_that_would_be_late() -> None:
    left, step = slow([0.1] * 20)
    tokens_per_second(step, batches(20), seconds=0.35)  # type: ignore[arg-type]
    assert 16 <= len(left) <= 18


def test_the_first_batch_only_warms_up() -> None:
    _, step = slow([0.3, 0.1, 0.1])
    speed = tokens_per_second(step, batches(3), seconds=10)  # type: ignore[arg-type]
    assert speed == pytest.approx(1000, rel=0.2)


def test_where_there_is_time_for_one_batch_that_one_counts() -> None:
    left, step = slow([0.2, 0.2])
    speed = tokens_per_second(step, batches(2), seconds=0.1)  # type: ignore[arg-type]
    assert len(left) == 1 and speed == pytest.approx(500, rel=0.2)


@pytest.mark.parametrize(("made_for", "precision"), [(True, "bf16"), (False, "fp32")])
def test_the_processor_decides_the_precision_and_no_clock(
    made_for: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "has_bf16", lambda: made_for)
    assert best_precision("cpu") == precision


def test_what_the_processor_says_is_what_torch_finds() -> None:
    processor.has_bf16.cache_clear()
    found = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert processor.has_bf16() == found


def test_a_step_keeps_no_more_than_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _device: 100 * GIB)
    for parameters in (6_000_000, 500_000_000):
        room = memory.room_for_step("cpu", parameters)
        assert room == step_memory(parameters) < needed(parameters).train
    monkeypatch.setattr(memory, "free_memory", lambda _device: 2 * GIB)
    assert memory.room_for_step("cpu", 500_000_000) == GIB, "half of what is free, if that is less"


def test_frozen_weights_of_a_small_base_stay_as_they_are() -> None:
    assert not holds_bf16(6_000_000)
    assert holds_bf16(500_000_000) == processor.has_bf16()


def test_a_step_in_parts_tells_of_each() -> None:
    notes: list[float] = []

    class Noting(Stage):
        def update(self, done: float, note: str = "") -> None:
            assert note.endswith("left")
            notes.append(done)

    stopping = EarlyStopping(
        prepare(tiny_model(), QUICK, None),
        [],
        budget.TokenBudget(100.0, 1.0, "fp32"),
        steps=4,
        validations=0,
        settings=QUICK,
        stage=Noting("training", Console(quiet=True)),
    )
    arguments = TrainingArguments(gradient_accumulation_steps=2, use_cpu=True)
    state, control = TrainerState(max_steps=4), TrainerControl()
    for step in range(2):
        stopping.on_substep_end(arguments, state, control)
        state.global_step = step + 1
        stopping.on_step_end(arguments, state, control)
    assert notes == [0.125, 0.25, 0.375, 0.5]


def test_counting_what_a_pass_keeps_keeps_nothing_of_it() -> None:
    """An output that its node saves, as of a sigmoid, and a hook that hands it back hold each
    other for ever."""
    found: list[weakref.ref[torch.Tensor]] = []

    def forward() -> torch.Tensor:
        output = torch.ones(1000, requires_grad=True).sigmoid()
        found.append(weakref.ref(output))
        return output.sum()

    assert memory.kept_for_backward(forward, torch.nn.Module()) == 4000
    gc.collect()
    assert found[0]() is None
