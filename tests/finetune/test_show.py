"""What people see at the end: chosen by rule, printable, and complete."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place
from homespun_finetune import show
from homespun_finetune.budget import TokenBudget
from homespun_finetune.holdout import hole_id
from homespun_finetune.metrics import HoleResult, compare, summarise
from homespun_finetune.outcome import Outcome
from homespun_finetune.train import Trained
from rich.console import Console

HOLE = Sample(
    repository="r",
    commit="c",
    blob_id="b",
    path="a.py",
    function="f",
    kind="line",
    novelty="new",
    start=0,
    end=4,
    place=Place("a.py", "python", "def f():\n    ", "\n"),
    middle="abcd",
)


def results(*texts: str) -> tuple[list[Sample], list[HoleResult]]:
    """One hole for each text that a model gave; the truth is always ``abcd``."""
    holes = [replace(HOLE, start=n, end=n + 4) for n in range(len(texts))]
    judged = [compare(text, "abcd", ends_itself=True) for text in texts]
    sheet = [
        HoleResult(hole_id(hole), "a.py", "python", "line", 4, 8.0, 4, completion)
        for hole, completion in zip(holes, judged, strict=True)
    ]
    return holes, sheet


def printed(draw: object) -> str:
    out = io.StringIO()
    draw(Console(file=out, width=100))  # type: ignore[operator]
    return out.getvalue()


def test_the_best_the_middle_and_the_worst_are_shown() -> None:
    holes, before = results("xxxx", "abcd", "abxx", "xxxx", "xxxx")
    _, after = results("abcd", "xxxx", "abxx", "xxxx", "abxx")
    pairs = show.choose(holes, before, after)
    assert [pair.why for pair in pairs] == ["most improved", "in the middle", "most worsened"]
    assert [round(pair.change, 2) for pair in pairs] == [1.0, 0.0, -1.0]
    assert pairs == show.choose(holes[::-1], before[::-1], after[::-1])


def test_few_holes_are_not_shown_twice() -> None:
    holes, sheet = results("xxxx")
    assert len(show.choose(holes, sheet, sheet)) == 1
    assert show.choose([], [], []) == []


def test_side_by_side_names_the_rule_and_the_texts() -> None:
    holes, before = results("xxxx", "yyyy")
    _, after = results("abcd", "yyyy")
    pairs = show.choose(holes, before, after)
    text = printed(lambda console: show.completions(console, pairs, summarise(after)))
    for part in ("most improved", "+100 points", "abcd", "xxxx", "a.py", "def f():", "2 completed"):
        assert part in text


def test_code_cannot_drive_the_terminal() -> None:
    holes, before = results("\x1b[31mred")
    pairs = show.choose(holes, before, before)
    text = printed(lambda console: show.completions(console, pairs, summarise(before)))
    assert "\x1b" not in text
    assert "red" in text


def test_names_of_files_cannot_drive_the_terminal_either() -> None:
    holes, before = results("x")
    holes = [replace(hole, path="a\x1b]0;owned\x07\n.py") for hole in holes]
    before = [
        replace(result, hole=hole_id(hole)) for hole, result in zip(holes, before, strict=True)
    ]
    pairs = show.choose(holes, before, before)
    text = printed(lambda console: show.completions(console, pairs, summarise(before)))
    assert "\x1b" not in text and "\x07" not in text
    assert "a�]0;owned��.py, " in text


def test_brackets_in_names_are_not_markup() -> None:
    outcome = Outcome("refused", "host/[bold]team", "starter", {}, reasons=("worse [red] than",))
    text = printed(lambda console: show.decision(console, outcome))
    assert "REFUSED" in text
    assert "[bold]team" in text
    assert "worse [red] than" in text


@pytest.mark.parametrize(
    ("stopped", "left", "count", "said"),
    [
        ("schedule", 50.0, 10, "0:50 of the time for training were not used: there was no more"),
        ("schedule", 50.0, 100, "too little for another step"),
        ("validation", 50.0, 100, "nothing more was gained"),
        ("schedule", 5.0, 10, None),
        ("time", 50.0, 10, None),
    ],
)
def test_time_that_training_did_not_need_is_told(
    stopped: str, left: float, count: int, said: str | None
) -> None:
    run = Trained(
        model=None,
        budget=TokenBudget(100.0, 10.0, "fp32"),
        learning_rate=1e-3,
        samples=8,
        steps=1,
        made=1,
        tokens=900,
        seconds=9.0,
        best_step=1,
        stopped=stopped,
        points=(),
        resumed_at=None,
    )
    found = show.unused(run, left, count)
    assert found is None if said is None else said in (found or "")
