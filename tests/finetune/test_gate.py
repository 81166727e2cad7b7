"""The gate: three outcomes, each with the reason a person needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from homespun_finetune.evidence import Comparison, Evidence, weigh
from homespun_finetune.gate import Decision, GateRules, decide
from homespun_finetune.memorization import Memorization
from homespun_finetune.metrics import HoleResult, Interval, compare

BETTER = Interval(0.2, 0.1, 0.3)
UNSURE = Interval(0.02, -0.05, 0.1)
WORSE = Interval(-0.2, -0.3, -0.1)
SAME = Interval(0.0, -0.05, 0.05)
FINE = Comparison(100, 10, BETTER, SAME, SAME)
RIVALS = {"generic": FINE, "copy": FINE}
EVIDENCE = Evidence("base", FINE, RIVALS, SAME, 40, SAME, None, Memorization(100, 0, 12, ()))


def decision(**changes: object) -> Decision:
    """The verdict on sound evidence with something changed; ``main_`` changes what it is about."""
    main = {name.removeprefix("main_"): value for name, value in changes.items() if "main_" in name}
    rest = {name: value for name, value in changes.items() if "main_" not in name}
    return decide(replace(EVIDENCE, main=replace(FINE, **main), **rest))  # type: ignore[arg-type]


def test_surely_better_is_published_with_every_figure() -> None:
    published = decision()
    assert published.outcome == "published"
    assert "+0.200 bits per byte" in published.reasons[0]
    told = " ".join(published.reasons)
    for part in ("exact first lines", "exact middles", "typing saved", "n-gram", "memorization"):
        assert part in told
    assert {check.verdict for check in published.checks} == {"passed"}


def test_surely_worse_is_refused() -> None:
    refused = decision(main_gain=WORSE)
    assert refused.outcome == "refused"
    assert refused.reasons[0].startswith("worse than the base: -0.200")


def test_an_interval_around_zero_decides_nothing() -> None:
    assert decision(main_gain=UNSURE).outcome == "undecided"


@pytest.mark.parametrize(("holes", "files"), [(29, 10), (100, 2), (0, 0)])
def test_too_little_evidence_is_never_a_pass_nor_a_refusal(holes: int, files: int) -> None:
    for gain in (BETTER, WORSE):
        undecided = decision(main_gain=gain, main_holes=holes, main_files=files)
        assert undecided.outcome == "undecided"
        assert f"{holes} holes in {files} files" in undecided.reasons[0]


def test_no_hole_at_all() -> None:
    assert decision(main_gain=None, main_holes=0, main_files=0).outcome == "undecided"


@pytest.mark.parametrize("what", ["main_exact_line", "main_exact_match", "typing"])
def test_better_bits_do_not_excuse_worse_suggestions(what: str) -> None:
    assert decision(**{what: Interval(-0.1, -0.15, -0.05)}).outcome == "refused"
    assert decision(**{what: Interval(-0.1, -0.2, 0.01)}).outcome == "undecided"
    assert decision(**{what: None}).outcome == "undecided"


def test_one_hole_is_no_sign_and_two_are_a_doubt() -> None:
    """Of thirty holes one is more than the margin: whichever way it falls, it says nothing."""
    one, two = Interval(-1 / 30, -0.1, 0.0), Interval(-2 / 30, -1 / 6, 0.0)
    few = replace(FINE, holes=30, exact_line=one, exact_match=one)
    assert decide(replace(EVIDENCE, main=few)).outcome == "published"
    fewer = replace(few, exact_line=two)
    assert decide(replace(EVIDENCE, main=fewer)).outcome == "undecided"


@pytest.mark.parametrize(
    ("what", "margin"),
    [
        ("main_exact_line", GateRules().exact_line_margin),
        ("main_exact_match", GateRules().exact_match_margin),
        ("typing", GateRules().typing_margin),
    ],
)
def test_shares_may_drop_within_their_margins(what: str, margin: float) -> None:
    assert decision(**{what: Interval(-margin, -0.1, -0.001)}).outcome == "published"
    drop, sure, unsure = -margin - 0.001, margin + 0.01, 4 * margin
    assert decision(**{what: Interval(drop, drop - sure, drop + sure)}).outcome == "undecided"
    # Less than a standard error: nothing was seen, and bits per byte have shown a gain.
    assert decision(**{what: Interval(drop, drop - unsure, drop + unsure)}).outcome == "published"


@pytest.mark.parametrize(
    ("rival", "name"),
    [
        ("base", "the base"),
        ("generic", "the generic adapter"),
        ("copy", "the n-gram baseline"),
    ],
)
def test_every_baseline_has_to_be_beaten(rival: str, name: str) -> None:
    for gain, outcome in ((WORSE, "refused"), (UNSURE, "undecided")):
        beaten = decision(rivals=RIVALS | {rival: replace(FINE, gain=gain)})
        assert beaten.outcome == outcome
        assert name in beaten.reasons[0]


def test_against_an_incumbent_the_base_has_to_be_beaten_too() -> None:
    rivals = RIVALS | {"base": replace(FINE, gain=WORSE)}
    assert decision(against="incumbent").outcome == "published"
    assert decision(against="incumbent", rivals=rivals).outcome == "refused"


def test_the_n_gram_baseline_must_not_complete_more_lines() -> None:
    rivals = RIVALS | {"copy": replace(FINE, exact_line=Interval(-0.2, -0.3, -0.1))}
    refused = decision(rivals=rivals)
    assert refused.outcome == "refused"
    assert "n-gram" in refused.reasons[0]


def test_code_in_general_is_kept_within_a_bound() -> None:
    bound = GateRules().general_margin
    assert decision(general=Interval(bound + 0.1, bound + 0.05, 1)).outcome == "refused"
    assert decision(general=Interval(bound + 0.01, 0.0, 1)).outcome == "undecided"
    assert decision(general=Interval(bound, 0.0, 1)).outcome == "published"
    assert decision(general=None).outcome == "published"


def test_an_adapter_that_lost_its_way_in_other_languages_is_refused() -> None:
    bound = GateRules().drift_margin
    assert decision(drift=bound).outcome == "published"
    refused = decision(drift=bound + 0.01)
    assert refused.outcome == "refused"
    assert "the team's languages" in refused.reasons[0]


def test_what_comes_back_by_heart_refuses() -> None:
    assert decision(verbatim=Memorization(100, 3, 50, ())).outcome == "refused"
    assert decision(verbatim=Memorization(100, 2, 50, ())).outcome == "published"
    assert decision(verbatim=Memorization(10, 1, 50, ())).outcome == "published"
    assert decision(verbatim=None).outcome == "published"


def test_a_weaker_split_never_replaces() -> None:
    undecided = decision(weaker_split=True)
    assert undecided.outcome == "undecided"
    assert "full history" in undecided.reasons[0]


def results(bits: list[float], text: str) -> list[HoleResult]:
    judged = compare(text, "right()", ends_itself=True)
    return [
        HoleResult(str(n), f"{n % 10}.py", "python", "line", 7, bit, 7, judged)
        for n, bit in enumerate(bits)
    ]


def test_evidence_pairs_the_same_holes() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 60)
    before = results([20 + x for x in noise], "wrong")
    after = results([13 + x for x in noise], "right()")
    found = weigh(before, after[:50])
    assert (found.holes, found.files) == (50, 10)
    assert found.gain is not None and found.exact_line is not None and found.exact_match is not None
    assert found.gain.value == pytest.approx(1.0)
    assert found.gain.low == pytest.approx(1.0)
    assert found.exact_line.value == found.exact_match.value == 1
    assert decide(replace(EVIDENCE, main=found)).outcome == "published"


def test_a_candidate_equal_to_what_it_replaces_is_not_published() -> None:
    same = results([10.0] * 60, "right()")
    assert decide(replace(EVIDENCE, main=weigh(same, same))).outcome == "undecided"
