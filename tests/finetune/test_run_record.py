"""What a run says when there is nothing to decide on."""

from __future__ import annotations

import pytest
from homespun_finetune.outcome import Seconds
from homespun_finetune.refresh import TrainingPlan
from homespun_finetune.run_record import RunRecord


@pytest.mark.parametrize(
    ("held_out", "why"),
    [(0, "too few files and too little history"), (23, "of 23 held-out functions none is both")],
)
def test_why_there_is_no_code_to_measure_on(held_out: int, why: str) -> None:
    record = RunRecord("team/work", "starter", {"held_out": held_out}, Seconds())
    outcome = record.nothing_to_do(TrainingPlan(()))
    assert outcome.decision == "undecided"
    assert why in outcome.reasons[0]
