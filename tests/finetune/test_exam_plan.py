"""Who sits the exam and what the time is shared out for."""

from __future__ import annotations

from itertools import product

import pytest
from homespun_finetune.exam_plan import BARE_HOLES, FEW_HOLES, Contestants, ExamPlan, Part, Role
from homespun_finetune.settings import EvaluateSettings

PARTS: tuple[Part, ...] = ("new", "general", "drift", "typing", "verbatim")
ALL = [Contestants(*flags) for flags in product((False, True), repeat=3)]


def test_each_is_asked_what_the_decision_needs_of_it() -> None:
    first = Contestants(generic=False, incumbent=False, candidate=True)
    assert first.roles == ("base", "copy", "candidate")
    assert (first.ground, first.against) == ("base", "base")
    nightly = Contestants(generic=True, incumbent=True, candidate=True)
    assert nightly.roles == ("generic", "base", "copy", "incumbent", "candidate")
    assert (nightly.ground, nightly.against) == ("generic", "incumbent")
    completing = [role for role in nightly.roles if nightly.completes(role)]
    assert completing == ["copy", "incumbent", "candidate"]
    assert [role for role in nightly.roles if nightly.takes(role, "typing")] == [
        *("incumbent", "candidate")
    ]
    for part in ("general", "drift", "verbatim"):
        assert [role for role in nightly.roles if nightly.takes(role, part)] == [  # type: ignore[arg-type]
            *("generic", "candidate")
        ]


def test_where_nothing_is_decided_all_that_are_served_complete() -> None:
    looked_at = Contestants(generic=True, incumbent=True, candidate=False)
    completing = [role for role in looked_at.roles if looked_at.completes(role)]
    assert completing == ["generic", "copy", "incumbent"]


@pytest.mark.parametrize("contestants", ALL)
def test_the_parts_of_all_come_to_the_time(contestants: Contestants) -> None:
    plan = ExamPlan(1000, contestants, EvaluateSettings())
    shared = sum(
        plan.share(part) * contestants.weight(role, part)
        for part in PARTS
        for role in contestants.roles
    )
    assert shared == pytest.approx(1000)


@pytest.mark.parametrize("contestants", ALL)
def test_what_is_affordable_fits_into_the_time_for_holes(contestants: Contestants) -> None:
    settings = EvaluateSettings()
    plan, ground = ExamPlan(1000, contestants, settings), contestants.ground
    holes = plan.affordable(2.0)
    unit = 2.0 / contestants.weight(ground, "new")
    spent = sum(contestants.weight(role, "new") * unit for role in contestants.roles) * holes
    spent += BARE_HOLES * unit if contestants.generic else 0
    assert 0.97 * settings.holes * 1000 < spent <= settings.holes * 1000


def test_the_gate_s_minimum_is_always_tried() -> None:
    contestants = Contestants(generic=True, incumbent=True, candidate=True)
    assert ExamPlan(10, contestants, EvaluateSettings()).affordable(5.0) == FEW_HOLES


@pytest.mark.parametrize(("minutes", "least"), [(15, 60), (45, 150)])
def test_a_first_run_of_half_a_billion_parameters_completes_enough(
    minutes: int, least: int
) -> None:
    """768 tokens a hole at 620 a second, and a pass over the answer."""
    contestants = Contestants(generic=False, incumbent=False, candidate=True)
    plan = ExamPlan(0.3 * 60 * minutes, contestants, EvaluateSettings())
    assert plan.affordable(768 / 620 + 0.15) >= least


def test_roles_that_never_sit_weigh_nothing() -> None:
    contestants = Contestants(generic=True, incumbent=False, candidate=True)
    bare: Role = "base"
    assert contestants.is_bare(bare)
    assert not any(contestants.weight(bare, part) for part in PARTS)
