"""A model slower than the typing is asked when the typing rests; a faster one at once."""

from __future__ import annotations

import pytest
from homespun_server.adaptive_delay import LATE, LONGEST, PAUSE, AdaptiveDelay

URI = "file:///a.py"


def typing(gap: float, *, latency: float | None, letters: int = 10) -> tuple[AdaptiveDelay, float]:
    """A document in which a letter came every ``gap`` seconds; when the last one did."""
    pace, now = AdaptiveDelay(), 100.0
    for _ in range(letters):
        now += gap
        pace.typed(URI, now)
    if latency is not None:
        pace.computed(latency)
    return pace, now


def test_a_fast_model_is_asked_at_once() -> None:
    pace, now = typing(0.12, latency=0.05)
    assert pace.wait(URI, now) == 0


def test_a_slow_model_is_asked_when_the_next_letter_is_late() -> None:
    pace, now = typing(0.1, latency=0.9)
    assert pace.wait(URI, now) == pytest.approx(0.1 * LATE)
    assert pace.wait(URI, now + 0.1) == pytest.approx(0.1 * (LATE - 1))  # an editor that debounced
    assert pace.wait(URI, now + 0.2) == 0


@pytest.mark.parametrize("gap", [0.01, 0.1, 0.3, 0.9])
@pytest.mark.parametrize("latency", [0.02, 0.15, 0.35, 5.0])
def test_no_wait_is_longer_than_the_model_or_too_long(gap: float, latency: float) -> None:
    pace, now = typing(gap, latency=latency)
    assert 0 <= pace.wait(URI, now) <= min(latency, LONGEST)


def test_nothing_known_is_no_reason_to_wait() -> None:
    assert AdaptiveDelay().wait(URI, 1.0) == 0
    assert typing(0.1, latency=None)[0].wait(URI, 101.0) == 0
    pace, now = typing(0.1, latency=1.0, letters=1)
    assert pace.wait(URI, now) == 0


def test_thinking_is_not_slow_typing() -> None:
    pace, now = typing(0.1, latency=1.0)
    pace.typed(URI, now + PAUSE + 5)
    assert pace.wait(URI, now + PAUSE + 5) == pytest.approx(0.1 * LATE)


def test_a_stopped_answer_says_only_that_the_model_is_not_faster() -> None:
    pace, now = typing(0.1, latency=0.05)
    for _ in range(20):
        pace.computed(0.5, whole=False)  # every answer is superseded before it is there
    assert pace.wait(URI, now) > 0
    for _ in range(20):
        pace.computed(0.01)
    pace.computed(0.001, whole=False)
    assert pace.wait(URI, now) == 0


def test_a_closed_document_is_forgotten() -> None:
    pace, now = typing(0.1, latency=1.0)
    pace.forget(URI)
    assert pace.wait(URI, now) == 0
