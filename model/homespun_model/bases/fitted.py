"""What was fitted to a base by measuring, as data: how far to trust copies, what to show, to draft.

``fitted.json`` beside this module holds a row for each base that was measured; one that nobody
measured takes the row of the nearest in size. Knows no weights.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Fitted:
    """Numbers that fit one base, or one like it."""

    base: str
    """Which one they were measured on."""
    parameters: int
    trust: tuple[float, ...]
    """What copies have of the probability, by the length of the longest match, from none to
    MAX_MATCH tokens and more: what made held-out code most likely (``cache_lm``)."""
    likely: float
    """A suggestion is shown, in whole lines, as far as it is right with this probability by its own
    count; where its first line is not, nothing is."""
    draft_cost: float
    """What a draft adds to a pass over a single token, as a share of that, on two cores."""
    token_cost: float
    """What each token of a draft adds."""


def fitted_to(parameters: int) -> Fitted:
    """What was fitted to the base that is nearest in size."""
    size = math.log(max(1, parameters))
    return min(_rows(), key=lambda row: abs(math.log(row.parameters) - size))


@cache
def _rows() -> tuple[Fitted, ...]:
    text = resources.files(__package__).joinpath("fitted.json").read_text(encoding="utf-8")
    return tuple(Fitted(**row | {"trust": tuple(row["trust"])}) for row in json.loads(text))


SMALL = fitted_to(1)
"""Fitted to the smallest base."""
