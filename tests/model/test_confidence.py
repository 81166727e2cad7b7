"""What is likely enough is kept, in whole lines, and never less than a line."""

from __future__ import annotations

import math

import pytest
from homespun_model.decoding.confidence import likely_lines, logprob, mean_logprob

LEAST = math.log(0.1)
TEXT = "a = 1\nb = 2\nc = 3"


def starts(*probabilities: float) -> list[tuple[int, float]]:
    """Two tokens a line: its beginning, and its last character with the line break."""
    starts = [0, 4, 6, 10, 12, 16]
    return [(start, math.log(p)) for start, p in zip(starts, probabilities, strict=True)]


def test_lines_are_kept_as_long_as_all_of_them_are_likely() -> None:
    assert likely_lines(TEXT, starts(0.9, 0.9, 0.9, 0.9, 0.9, 0.9), LEAST) == TEXT
    assert likely_lines(TEXT, starts(0.9, 0.9, 0.9, 0.9, 0.9, 0.1), LEAST) == "a = 1\nb = 2"
    assert likely_lines(TEXT, starts(0.4, 0.9, 0.2, 0.9, 1.0, 1.0), LEAST) == "a = 1"
    assert likely_lines(TEXT, starts(0.01, 0.9, 0.9, 0.9, 0.9, 0.9), LEAST) == "a = 1"
    assert likely_lines("", [], LEAST) == ""


def test_a_long_sure_rest_makes_no_first_line_likely() -> None:
    sure = [(0, math.log(0.05)), *((4 + i, -0.001) for i in range(30))]
    text = "a = 1" + "2" * 30
    assert mean_logprob(text, sure) > math.log(0.75)
    assert logprob(text, sure) < LEAST


def test_only_tokens_that_begin_in_a_text_count() -> None:
    found = starts(0.5, 0.5, 0.1, 0.1, 0.1, 0.1)
    assert logprob("a = 1", found) == pytest.approx(2 * math.log(0.5))
    assert mean_logprob("a = 1", found) == pytest.approx(math.log(0.5))
    assert logprob("", found) == mean_logprob("", found) == 0
