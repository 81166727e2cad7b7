"""One contestant before the holes of new code: at each it is asked all that it is asked there.

How many holes that are is decided before their answers are known, and only the clock ends a sitting
sooner: an exam that ended once its interval looks decided would flatter. Knows no other contestant.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from homespun_corpus.mining.sample import Sample

from homespun_finetune.answered_before import AnsweredBefore
from homespun_finetune.holdout import Answerer, ServedModel, answered, completed, hole_id
from homespun_finetune.metrics import HoleResult, SimulatedLine
from homespun_finetune.progress import Turn
from homespun_finetune.typing_simulation import line_of, simulate_line

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Asked:
    """What a contestant is asked, and the seconds that it may take.

    ``whole``: completions to be written to their end, of the first holes; None for no completion at
    all. ``lines``: lines to type, at most.
    """

    whole: int | None
    lines: int
    seconds_for_holes: float = math.inf
    seconds_for_typing: float = math.inf


@dataclass
class Sitting:
    """Answers in the order of the holes, and the seconds they took."""

    asked: Asked
    before: AnsweredBefore = field(default_factory=AnsweredBefore)
    results: list[HoleResult] = field(default_factory=list)
    lines: list[SimulatedLine] = field(default_factory=list)
    on_holes: float = 0.0
    on_typing: float = 0.0

    def ask(self, answering: Answerer, holes: Sequence[Sample], turn: Turn) -> None:
        """These holes, as far as there is time; the model has just read what stands at each when a
        line is typed there."""
        telling = turn.within(math.inf)
        for hole in holes:
            if self.on_holes >= self.asked.seconds_for_holes:
                return
            telling()
            result, seconds = self._answered(answering, hole)
            self.results.append(result)
            self.on_holes += seconds
            if isinstance(answering, ServedModel):
                self._type(answering, hole, telling)

    def _answered(self, answering: Answerer, hole: Sample) -> tuple[HoleResult, float]:
        if self.asked.whole is None:
            return self.before.answer(hole, "scored", lambda: answered(answering, hole))
        whole = len(self.results) < self.asked.whole

        def ask() -> HoleResult:
            result = answered(answering, hole)
            return replace(result, completion=completed(answering, hole, whole=whole))

        return self.before.answer(hole, f"completed{', whole' if whole else ''}", ask)

    def _type(self, served: ServedModel, hole: Sample, telling: Callable[[], bool]) -> None:
        """The hole's line, unless the clock ends it half-way: then it does not count."""
        begun, left = time.monotonic(), self.asked.seconds_for_typing - self.on_typing
        if len(self.lines) == self.asked.lines or left <= 0:
            return
        if (line := line_of(hole, hole_id(hole))) is None:
            return
        typed, seconds = self.before.line(
            hole,
            lambda: simulate_line(
                served, line, lambda: telling() and time.monotonic() - begun < left
            ),
        )
        if typed is not None:
            self.lines.append(typed)
        self.on_typing += seconds
