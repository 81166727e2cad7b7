"""Text against text, and arithmetic over holes, against slow or known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from homespun_finetune.metrics import (
    WRONG_SHOWN_COST,
    HoleResult,
    SimulatedLine,
    bootstrap_ratio,
    compare,
    edit_distance,
    edit_similarity,
    first_line,
    identifier_f1,
    summarise,
)
from hypothesis import given
from hypothesis import strategies as st

SHORT = st.text(alphabet="ab\n é", max_size=12)


def slow_distance(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


@given(SHORT, SHORT)
def test_edit_distance_is_levenshtein(left: str, right: str) -> None:
    assert edit_distance(left, right) == slow_distance(left, right)
    assert edit_similarity(left, right) == edit_similarity(right, left)


def test_edit_similarity_at_its_ends() -> None:
    assert edit_similarity("", "") == 1
    assert edit_similarity("abc", "") == 0
    assert edit_similarity("kitten", "sitting") == pytest.approx(1 - 3 / 7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = 2", "x = 1"),
        ("x = 1  ", "x = 1"),
        ("\n    return x\n", "\n    return x"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_first_line(text: str, expected: str) -> None:
    assert first_line(text) == expected


def test_a_forgotten_line_break_is_not_exact() -> None:
    assert not compare("return x", "\n    return x", ends_itself=True).exact_line


def test_exact_line_and_match_differ() -> None:
    judged = compare("a()\nb()", "a()\nc()\n", ends_itself=True)
    assert judged.exact_line
    assert not judged.exact_match
    assert compare("a()\nc()", "a()\nc()\n", ends_itself=True).exact_match


def test_identifier_f1() -> None:
    assert identifier_f1("return total + count", "return total") == pytest.approx(2 / 3)
    assert identifier_f1("x", "return (1, 2)") is None
    assert identifier_f1("", "größe") == 0
    assert identifier_f1("größe", "größe") == 1


def result(name: str, bits: float, text: str | None = None) -> HoleResult:
    truth = "total = 1"
    judged = None if text is None else compare(text, truth, ends_itself=True)
    return HoleResult(name, "a.py", "python", "line", len(truth), bits, 10, judged)


def typing(accepted: int, dismissed: int) -> SimulatedLine:
    return SimulatedLine("1", "a.py", "python", 20, accepted, dismissed, asked=9)


def test_summary() -> None:
    results = [result("1", 10, "total = 1"), result("2", 20, "nope"), result("3", 30)]
    metrics = summarise(
        results, [typing(accepted=12, dismissed=2), typing(accepted=0, dismissed=4)]
    )
    assert metrics.bits_per_byte == 2
    assert metrics.exact_line == metrics.exact_match == 0.5
    assert metrics.typing_balance == pytest.approx((12 - 6 * WRONG_SHOWN_COST) / 40)
    assert (metrics.typing_accepted, metrics.wrong_shown) == (12 / 40, 3)
    assert (metrics.holes, metrics.completions, metrics.lines) == (3, 2, 2)


def test_what_was_ended_once_it_was_wrong_has_no_similarity() -> None:
    """It would be that of a stump; whether it is exact is known."""
    ended = replace(result("1", 10), completion=compare("tot", "total = 1", ends_itself=None))
    metrics = summarise([result("2", 10, "total = 2"), ended])
    assert (metrics.completions, metrics.whole_completions) == (2, 1)
    assert metrics.exact_line == 0
    assert metrics.edit_similarity == edit_similarity("total = 2", "total = 1")
    assert (metrics.ends_itself, metrics.identifier_f1) == (1, 1)


def test_summary_of_nothing_and_of_harm() -> None:
    assert summarise([]).holes == 0
    harm = summarise([result("1", 10, "nope")], [typing(accepted=0, dismissed=5)])
    assert harm.typing_balance < 0
    assert harm.to_json()["typing_saved"] == 0


def test_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    """200 draws of 20 unlike files with 5 holes each: about 95 of 100 intervals hold 1."""
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        clusters = [str(n) for n in range(20) for _ in range(5)]
        values = np.repeat(rng.normal(1, 1, 20), 5) + rng.normal(0, 1, 100)
        interval = bootstrap_ratio(values, np.ones(100), clusters, seed=trial, resamples=1000)
        covered += interval.low <= 1 <= interval.high
    assert 175 <= covered <= 199


def test_bootstrap_draws_files_not_holes() -> None:
    values = np.repeat([0.0, 2.0], 50)
    interval = bootstrap_ratio(values, np.ones(100), ["a"] * 50 + ["b"] * 50)
    assert (interval.low, interval.value, interval.high) == (0, 1, 2)


def test_bootstrap_is_repeatable() -> None:
    values, ones, files = np.arange(30.0), np.ones(30), [str(n // 3) for n in range(30)]
    assert bootstrap_ratio(values, ones, files, seed=1) == bootstrap_ratio(
        values, ones, files, seed=1
    )
