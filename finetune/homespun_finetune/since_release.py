"""How much of the held-out code is newer than the base.

Older code the base may have been trained on, and then it is no surprise to any of the models. So
newer holes are asked first, and how many there are is told. Knows no models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from homespun_corpus.mining.sample import Sample


@dataclass(frozen=True, slots=True)
class SinceRelease:
    """``released``: when the base came out. ``times``: of commits, in seconds since 1970; a
    commit that is not there may be of any time."""

    released: date
    times: Mapping[str, int]

    def is_newer(self, hole: Sample) -> bool:
        """Whether the function first appeared on a later day than the base."""
        time = self.times.get(hole.commit)
        return time is not None and datetime.fromtimestamp(time, UTC).date() > self.released

    def newer_first(self, holes: Iterable[Sample]) -> list[Sample]:
        """The same holes; those that are newer, and the others, each in the order they had."""
        return sorted(holes, key=lambda hole: not self.is_newer(hole))

    def share(self, holes: Sequence[Sample]) -> NewerShare:
        """How many are newer."""
        return NewerShare(self.released, sum(map(self.is_newer, holes)), len(holes))


@dataclass(frozen=True, slots=True)
class NewerShare:
    """``newer`` of ``holes`` are newer than the base."""

    released: date
    newer: int
    holes: int

    def __str__(self) -> str:
        """One line for people."""
        said = f"{self.newer} of {self.holes} holes are newer than the base ({self.released})"
        if self.newer == self.holes:
            return said
        return f"{said}: it may have been trained on the others"

    def to_json(self) -> dict[str, Any]:
        return {"released": str(self.released), "newer": self.newer, "holes": self.holes}
