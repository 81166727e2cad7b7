"""What a run tells people: lines where there is no terminal, and never a long silence."""

from __future__ import annotations

import io
import time

import pytest
from homespun_finetune import progress
from homespun_finetune.progress import Reporter, Stage
from rich.console import Console


def reporter() -> tuple[Reporter, io.StringIO]:
    said = io.StringIO()
    return Reporter(Console(file=said, width=110)), said


def test_a_stage_says_its_line_again_where_a_step_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "SILENCE", 0.2)
    told, said = reporter()
    with told.stage("training") as stage:
        stage.update(0.25, "loss 1.500, 3:00 left")
        time.sleep(0.7)
    lines = said.getvalue().splitlines()
    assert lines[0] == "training …"
    again = [line for line in lines if line.startswith("training: 25% loss 1.500, 3:00 left (0:0")]
    assert 2 <= len(again) <= 4


def test_a_stage_that_said_nothing_yet_is_said_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENCE", 0.1)
    told, said = reporter()
    with told.stage("mining"):
        time.sleep(0.3)
    assert "mining: working (0:00 so far)" in said.getvalue()


def test_nothing_is_said_once_a_stage_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENCE", 0.1)
    told, said = reporter()
    with pytest.raises(KeyError), told.stage("mining"):
        raise KeyError
    before = said.getvalue()
    time.sleep(0.3)
    assert said.getvalue() == before


def test_what_is_told_is_said_at_once_and_what_is_updated_now_and_then() -> None:
    told, said = reporter()
    with told.stage("training") as stage:
        stage.tell("timing batches of 8 samples in bf16")
        for step in range(100):
            stage.update(step / 100, "loss 1.000, 0:10 left")
    assert said.getvalue().splitlines() == [
        "training …",
        "training: timing batches of 8 samples in bf16",
    ]


def test_a_note_with_brackets_is_said_as_it_is() -> None:
    said = io.StringIO()
    Stage("mining", Console(file=said, width=110)).tell("src/[id].ts")
    assert said.getvalue() == "mining: src/[id].ts\n"
