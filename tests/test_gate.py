"""The gate: three outcomes, each with the reason a person needs."""

from __future__ import annotations

import numpy as np
import pytest
from homespun_finetune.gate import Decision, Evidence, GateRules, decide, weigh
from homespun_finetune.metrics import HoleResult, Interval, compare

BETTER = Interval(0.2, 0.1, 0.3)
UNSURE = Interval(0.02, -0.05, 0.1)
WORSE = Interval(-0.2, -0.3, -0.1)
SAME_LINES = Interval(0.0, -0.05, 0.05)


def decision(
    gain: Interval | None = BETTER,
    line: Interval | None = SAME_LINES,
    holes: int = 100,
    files: int = 10,
    weaker: bool = False,
) -> Decision:
    return decide(Evidence("base", holes, files, gain, line, weaker))


def test_surely_better_is_published() -> None:
    assert decision().outcome == "published"
    assert "+0.200 bits per byte" in decision().reasons[0]


def test_surely_worse_is_refused() -> None:
    assert decision(WORSE).outcome == "refused"


def test_an_interval_around_zero_decides_nothing() -> None:
    assert decision(UNSURE).outcome == "undecided"


@pytest.mark.parametrize(("holes", "files"), [(29, 10), (100, 2), (0, 0)])
def test_too_little_evidence_is_never_a_pass_nor_a_refusal(holes: int, files: int) -> None:
    for gain in (BETTER, WORSE):
        undecided = decision(gain, holes=holes, files=files)
        assert undecided.outcome == "undecided"
        assert f"{holes} holes in {files} files" in undecided.reasons[0]


def test_no_hole_at_all() -> None:
    assert decision(None, None, 0, 0).outcome == "undecided"


def test_better_bits_do_not_excuse_fewer_exact_lines() -> None:
    assert decision(line=Interval(-0.1, -0.15, -0.05)).outcome == "refused"
    assert decision(line=Interval(-0.1, -0.2, 0.01)).outcome == "undecided"


def test_first_lines_may_drop_within_the_margin() -> None:
    margin = GateRules().exact_line_margin
    assert decision(line=Interval(-margin, -0.1, 0.1)).outcome == "published"
    assert decision(line=Interval(-margin - 0.001, -0.1, 0.1)).outcome == "undecided"


def test_without_completions_nothing_is_published() -> None:
    assert decision(line=None).outcome == "undecided"


def test_a_weaker_split_never_replaces() -> None:
    assert decision(weaker=True).outcome == "undecided"
    assert "full history" in decision(weaker=True).reasons[0]


def results(bits: list[float], text: str) -> list[HoleResult]:
    judged = compare(text, "right()", shown=True, ends_itself=True)
    return [
        HoleResult(str(n), f"{n % 10}.py", "python", "line", 7, bit, 7, judged)
        for n, bit in enumerate(bits)
    ]


def test_evidence_pairs_the_same_holes() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 60)
    before = results([20 + x for x in noise], "wrong")
    after = results([13 + x for x in noise], "right()")
    evidence = weigh(before, after[:50], against="incumbent")
    assert evidence.holes == 50
    assert evidence.files == 10
    assert evidence.gain is not None and evidence.exact_line is not None
    assert evidence.gain.value == pytest.approx(1.0)
    assert evidence.gain.low == pytest.approx(1.0)
    assert evidence.exact_line.value == 1
    published = decide(evidence)
    assert published.outcome == "published"
    assert "incumbent" in published.reasons[0]


def test_a_candidate_equal_to_what_it_replaces_is_not_published() -> None:
    same = results([10.0] * 60, "right()")
    assert decide(weigh(same, same, against="incumbent")).outcome == "undecided"
