"""What is counted of suggestions: numbers and names of weights, no code and no paths."""

from __future__ import annotations

import math
from dataclasses import dataclass

STEP = 1.25  # from one bucket of latencies to the next: a percentile is right within an eighth
AFTER = (30.0, 300.0)  # seconds after which it is looked whether an accepted text still stands


@dataclass(frozen=True, slots=True)
class Served:
    """Who answered, where. ``revision``: None for the base, with its generic adapter or none."""

    repository: str | None
    language: str
    base: str
    engine: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and what became of it."""

    day: str
    served: Served
    seconds: float | None
    """From the request to the answer; None where what was asked for was not wanted any more."""
    has_text: bool
    """Whether the answer suggested something."""


@dataclass(slots=True)
class Fate:
    """A suggestion that somebody saw, in characters of its text."""

    day: str
    session: str
    served: Served
    length: int
    typed: int = 0
    """Written by hand, as it was suggested."""
    by_word: int = 0
    by_line: int = 0
    by_all: int = 0
    """Accepted with one key, what was left of it or all of it."""
    after_30s: int | None = None
    after_5m: int | None = None
    at_end: int | None = None
    """Of what was accepted, still there; None where that is not known yet, or was not reached."""

    @property
    def accepted(self) -> int:
        """Characters that came in by a key that accepts."""
        return self.by_word + self.by_line + self.by_all


def bucket(seconds: float) -> int:
    """Of a latency: each is a quarter longer than the one before, the first ends at 1 ms."""
    return max(0, math.ceil(math.log(max(1e3 * seconds, 1.0), STEP)))


def milliseconds(number: int) -> float:
    """Where a bucket ends."""
    return float(STEP**number)
