"""One table of figures, on the screen, on the page and in a job's summary."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from homespun_finetune import show, summary
from homespun_finetune.figures import rows
from homespun_finetune.metrics import Metrics
from rich.console import Console

UNTYPED = Metrics(0.9, 0.25, 0.1, 0.5, 0.5, 0.4, 0.0, 0.0, 0.0, 40, 20, 12, 0)
TYPED = Metrics(0.8, 0.5, 0.2, 0.6, 0.6, 0.5, 0.1, 0.2, 0.3, 40, 20, 12, 9)
SCORED = Metrics(0.7, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30, 0, 0, 0)


def metrics(**models: Metrics) -> Mapping[str, Any]:
    return {"incumbent": None} | {role: model.to_json() for role, model in models.items()}


def test_what_was_not_measured_is_a_dash_and_not_a_zero() -> None:
    found = dict(rows(metrics(candidate=TYPED, base=UNTYPED)))
    assert found[""] == ["base", "adapter"]
    assert found["typing accepted"] == ["-", "20.0%"]
    assert found["first line exact"] == ["25.0%", "50.0%"]


def test_a_model_that_only_scored_has_bits_and_no_shares() -> None:
    found = dict(rows(metrics(generic=TYPED, base=SCORED)))
    assert found[""] == ["base", "generic"]
    assert found["bits per byte (less is better)"] == ["0.700", "0.800"]
    for share in ("first line exact", "edit similarity", "of these completed"):
        assert found[share][0] == "-" != found[share][1]


def test_a_row_that_nobody_was_measured_in_is_left_out() -> None:
    assert "lines typed again" not in dict(rows(metrics(base=UNTYPED)))
    assert rows(metrics()) == []


def test_the_screen_says_nothing_where_nothing_was_measured() -> None:
    out = io.StringIO()
    show.table(Console(file=out), {})
    assert out.getvalue() == ""


def test_the_summary_of_a_job_has_the_same_table() -> None:
    run = {
        "decision": "undecided",
        "repository": "team/[repo]",
        "reasons": ["7 typed lines <b>"],
        "metrics": metrics(base=UNTYPED, candidate=TYPED),
        "counts": {"functions": 3, "kept": 2},
        "seconds": {"mine": 1.0},
        "base": "starter",
    }
    page = summary.page(run)
    assert "**Not enough evidence:** the adapter is not served." in page
    assert "| typing accepted | - | 20.0% |" in page
    assert "|---|---|---|" in page
    assert "<b>" not in page and r"team/\[repo\]" in page
    assert "|---" not in summary.page(run | {"metrics": {}})
