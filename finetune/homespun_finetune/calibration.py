"""From which probability on an adapter's suggestions are shown: validation code, typed again.

At one cursor in each line the adapter is asked as an editor asks it. Showing what is right saves
keys, showing what is wrong costs some, and the threshold is the one that would have saved most;
few answers move it little from where it was fitted to the base. A language with enough answers
has a threshold of its own, drawn in the same way to that of all. Knows no training and no test.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homespun_corpus.mining.sample import Sample
from homespun_model.decoding.shown_from import LEAST, MOST, ShownFrom

from homespun_finetune.holdout import hole_id
from homespun_finetune.typing_simulation import WORTH_A_KEY, line_of, saved, suggested

if TYPE_CHECKING:
    from homespun_finetune.holdout import ServedModel

THRESHOLDS = (LEAST, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, MOST)
DISMISSING = 3
"""Keys that a wrong suggestion costs, the glance included: the base's threshold was chosen so (LOG
E-026)."""
FIRMNESS = 30.0
"""Keys that a threshold has to save to move by a factor of e: over 100 requests the starter loses
about so many there (LOG E-026)."""
FEWEST = 12
"""Answers below which nothing moves."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``keys``: what showing it saves, below zero where it is wrong. ``logprob``: of its first
    line; nothing that may not be shown is likely."""

    language: str
    logprob: float
    keys: int


def answers(
    served: ServedModel, holes: Iterable[Sample], in_time: Callable[[], bool], seed: int
) -> Iterator[Answer]:
    """One for each hole that a line begins with, as long as there is time. ``served`` shows
    whatever has ``LEAST``."""
    for hole in holes:
        if (line := line_of(hole, hole_id(hole))) is None:
            continue
        if not in_time():
            return
        typed = random.Random(f"{seed} {line.id}").randrange(len(line.text))
        text, logprob = suggested(served, line, typed)
        keys = _keys(text, line.text[typed:])
        yield Answer(line.place.language or "", logprob if text else -math.inf, keys)


def calibrated(found: Sequence[Answer], likely: float) -> ShownFrom:
    """The thresholds, where ``likely`` was fitted to the base."""
    if len(found) < FEWEST:
        return ShownFrom(likely)
    best = _best(found, likely)
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in found:
        groups[answer.language].append(answer)
    each = {name: _best(some, best) for name, some in groups.items() if len(some) >= FEWEST}
    return ShownFrom(best, {name: own for name, own in sorted(each.items()) if own != best})


def _best(found: Sequence[Answer], near: float) -> float:
    """The threshold that saves most; ``near`` is always one of those that are tried."""

    def worth(threshold: float) -> float:
        shown = sum(a.keys for a in found if a.logprob >= math.log(threshold))
        return shown - FIRMNESS * math.log(threshold / near) ** 2

    return max((near, *THRESHOLDS), key=worth)


def _keys(shown: str, left: str) -> int:
    """What a person saves who is shown this where ``left`` is to be typed."""
    if not shown.strip():
        return 0
    right = saved(shown, left)
    return -DISMISSING if not right else right if right >= WORTH_A_KEY else 0
