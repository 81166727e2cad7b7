"""How good a completion is: text against text, and the arithmetic over many holes.

Pure functions over strings and numbers. Knows no models, no repositories and no decisions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

WRONG_SHOWN_COST = 1
"""Characters that a wrong suggestion costs: it is there for about as long as a key takes."""
_WORD = re.compile(r"[^\W\d]\w*")
_KEYWORDS = frozenset(
    _WORD.findall(
        """and as assert async await break case catch class const continue def default defer del do
        elif else enum except export extends false finally fn for from func function global go if
        impl implements import in interface is lambda let loop match mod mut new nil none nonlocal
        not null or package pass private protected pub public raise range return select self static
        struct super switch this throw trait true try type undefined use var void where while with
        yield"""
    )
)


@dataclass(frozen=True, slots=True)
class HoleResult:
    """One model's answer at one held-out hole."""

    hole: str
    """Identifies the hole; equal for the same hole under another model."""
    file: str
    """The file it was cut from: holes of one file are not independent evidence."""
    language: str
    kind: str
    characters: int
    """Length of the true middle."""
    bits: float
    """Information the model needs for the true middle: less is better."""
    bytes: int
    completion: Completion | None = None
    """None where there was time only for the bits."""


@dataclass(frozen=True, slots=True)
class SimulatedLine:
    """What one line came to under one model."""

    line: str
    """Identifies the line; equal for the same line under another model."""
    file: str
    language: str
    characters: int
    accepted: int
    """Characters that were not typed."""
    dismissed: int
    """Suggestions that were shown and wrong."""
    asked: int

    @property
    def saved(self) -> int:
        """Characters, less what wrong suggestions cost; below zero where they cost more."""
        return self.accepted - WRONG_SHOWN_COST * self.dismissed


@dataclass(frozen=True, slots=True)
class Completion:
    """How a suggestion compares with what was really written; shares lie between 0 and 1."""

    text: str
    exact_line: bool
    exact_match: bool
    edit_similarity: float | None
    """None where the suggestion was ended as soon as it could not be right any more."""
    identifier_f1: float | None
    """None there, and where the true middle names nothing."""
    ends_itself: bool | None
    """None there."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one model over many holes, as ``--json`` prints them."""

    bits_per_byte: float
    exact_line: float
    exact_match: float
    edit_similarity: float
    identifier_f1: float
    ends_itself: float
    typing_balance: float
    """Share of the characters of typed lines that was saved, below zero where wrong suggestions
    cost more than right ones saved."""
    typing_accepted: float
    """The same without that cost."""
    wrong_shown: float
    """Wrong suggestions shown, a typed line."""
    holes: int
    completions: int
    """Of the holes, how many were also completed; exact lines and middles are shares of these."""
    whole_completions: int
    """Of these, how many were written to their end; the other three figures are over them."""
    lines: int
    """Lines that were typed again."""

    @property
    def typing_saved(self) -> float:
        """The balance as a share: who loses by suggestions turns them off."""
        return max(0.0, self.typing_balance)

    def to_json(self) -> dict[str, float | int]:
        """Without ``whole_completions``, of which the settings say how many there are at most."""
        found = asdict(self) | {"typing_saved": self.typing_saved}
        del found["whole_completions"]
        return {
            key: round(value, 6) if isinstance(value, float) else value
            for key, value in found.items()
        }


def compare(suggestion: str, truth: str, *, ends_itself: bool | None) -> Completion:
    """Judge one suggestion against the middle that was really there.

    ``ends_itself``: None for a suggestion that was not let come to its end.
    """
    whole = ends_itself is not None
    return Completion(
        text=suggestion,
        exact_line=first_line(suggestion) == first_line(truth),
        exact_match=suggestion.rstrip() == truth.rstrip(),
        edit_similarity=edit_similarity(suggestion, truth) if whole else None,
        identifier_f1=identifier_f1(suggestion, truth) if whole else None,
        ends_itself=ends_itself,
    )


def first_line(text: str) -> str:
    """Up to the end of the first line that is not blank, without trailing blanks.

    Leading newlines count: a suggestion that forgets to break the line is not exact.
    """
    blank = len(text) - len(text.lstrip())
    end = text.find("\n", blank)
    return (text if end < 0 else text[:end]).rstrip()


def edit_similarity(left: str, right: str) -> float:
    """1 minus the Levenshtein distance as a share of the longer text; two empty texts are equal."""
    longest = max(len(left), len(right))
    return 1.0 - edit_distance(left, right) / longest if longest else 1.0


def edit_distance(left: str, right: str) -> int:
    """Levenshtein distance by bit vectors (Myers 1999, Hyyrö 2003): one step per character."""
    if not left:
        return len(right)
    positions: dict[str, int] = {}
    for index, character in enumerate(left):
        positions[character] = positions.get(character, 0) | (1 << index)
    mask, top = (1 << len(left)) - 1, 1 << (len(left) - 1)
    up, down, distance = mask, 0, len(left)
    for character in right:
        match = positions.get(character, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        rise, fall = down | ~(diagonal | up) & mask, up & diagonal
        distance += bool(rise & top) - bool(fall & top)
        rise, fall = (rise << 1 | 1) & mask, (fall << 1) & mask
        up, down = (fall | ~(diagonal | rise)) & mask, rise & diagonal
    return distance


def identifiers(text: str) -> Counter[str]:
    """The names in a piece of code with how often each stands there; common keywords left out."""
    return Counter(word for word in _WORD.findall(text) if word.lower() not in _KEYWORDS)


def identifier_f1(suggestion: str, truth: str) -> float | None:
    """Harmonic mean of precision and recall over names; None where the truth has none."""
    wanted, given = identifiers(truth), identifiers(suggestion)
    if not wanted:
        return None
    return 2 * (wanted & given).total() / (wanted.total() + given.total())


def summarise(results: Sequence[HoleResult], typed: Sequence[SimulatedLine] = ()) -> Metrics:
    """Figures over holes and typed lines. A share of nothing is 0, bits per byte of nothing too."""
    completions = [hole.completion for hole in results if hole.completion is not None]
    similar = [c.edit_similarity for c in completions if c.edit_similarity is not None]
    named = [c.identifier_f1 for c in completions if c.identifier_f1 is not None]
    characters = sum(line.characters for line in typed) or 1
    return Metrics(
        bits_per_byte=bits_per_byte(results),
        exact_line=_mean([c.exact_line for c in completions]),
        exact_match=_mean([c.exact_match for c in completions]),
        edit_similarity=_mean(similar),
        identifier_f1=_mean(named),
        ends_itself=_mean([c.ends_itself for c in completions if c.ends_itself is not None]),
        typing_balance=sum(line.saved for line in typed) / characters,
        typing_accepted=sum(line.accepted for line in typed) / characters,
        wrong_shown=_mean([line.dismissed for line in typed]),
        holes=len(results),
        completions=len(completions),
        whole_completions=len(similar),
        lines=len(typed),
    )


def bits_per_byte(results: Sequence[HoleResult]) -> float:
    """Bits over bytes of all middles together: a long middle weighs as much as it is long."""
    total = sum(result.bytes for result in results)
    return sum(result.bits for result in results) / total if total else 0.0


def bits_of(nats: float) -> float:
    return nats / log(2)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference with its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        return {key: round(value, 6) for key, value in asdict(self).items()}


def bootstrap_ratio(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> Interval:
    """``sum(numerators) / sum(denominators)`` with a 95% percentile interval over whole clusters.

    All three are one entry a hole. Whole files are drawn, never single holes: two holes of one file
    share its names and its author. With one cluster the interval is as wide as it gets: it is a
    point, which says nothing, so callers ask for several clusters before believing it.
    """
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    tops = np.bincount(index, weights=numerators, minlength=len(names))
    bottoms = np.bincount(index, weights=denominators, minlength=len(names))
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(names), size=(resamples, len(names)))  # (resamples, clusters)
    ratios = tops[draws].sum(axis=1) / bottoms[draws].sum(axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Interval(float(tops.sum() / bottoms.sum()), float(low), float(high))
