"""Whether a candidate replaces what is served: a pure function of what was measured.

Superiority on bits per byte, non-inferiority on the exactness of the first line, and a minimum of
evidence. Too little evidence is its own outcome, never a pass. Knows no models and no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from homespun_finetune.metrics import HoleResult, Interval, bootstrap_ratio

Outcome = Literal["published", "refused", "undecided"]


@dataclass(frozen=True, slots=True)
class GateRules:
    """The bounds, kept in the manifest beside the decision they led to."""

    min_holes: int = 30
    """Held-out holes below which nothing is decided: an interval over fewer means little."""
    min_files: int = 3
    """Files these must come from: one file's holes share its names and its author."""
    exact_line_margin: float = 0.02
    """The share of exact first lines may drop by this much: a few dozen completions cannot
    resolve less, and bits per byte has already shown a gain."""

    def to_json(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured of a candidate against what it would replace, on the same holes."""

    against: Literal["base", "incumbent"]
    holes: int
    files: int
    gain: Interval | None
    """Bits per byte saved; None without a hole."""
    exact_line: Interval | None
    """Change in the share of exact first lines; None without a completion."""
    weaker_split: bool = False
    """True where the incumbent was tested on newer code than its training, and this run was not."""

    def to_json(self) -> dict[str, object]:
        return {
            "against": self.against,
            "holes": self.holes,
            "files": self.files,
            "gain": self.gain.to_json() if self.gain else None,
            "exact_line": self.exact_line.to_json() if self.exact_line else None,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    reasons: tuple[str, ...]


def weigh(
    before: Sequence[HoleResult],
    after: Sequence[HoleResult],
    *,
    against: Literal["base", "incumbent"],
    seed: int = 0,
    weaker_split: bool = False,
) -> Evidence:
    """Pair two models' results hole by hole; holes that only one of them has are left out."""
    answers = {result.hole: result for result in after}
    pairs = [(old, answers[old.hole]) for old in before if old.hole in answers]
    lines = [
        (old, float(new.completion.exact_line) - float(old.completion.exact_line))
        for old, new in pairs
        if old.completion is not None and new.completion is not None
    ]
    return Evidence(
        against=against,
        holes=len(pairs),
        files=len({old.file for old, _ in pairs}),
        gain=_interval(
            [old.bits - new.bits for old, new in pairs],
            [old.bytes for old, _ in pairs],
            [old.file for old, _ in pairs],
            seed,
        ),
        exact_line=_interval(
            [change for _, change in lines], [1] * len(lines), [old.file for old, _ in lines], seed
        ),
        weaker_split=weaker_split,
    )


def decide(evidence: Evidence, rules: GateRules = GateRules()) -> Decision:
    """Published only if surely better and not noticeably worse; refused if surely worse."""
    gain, line = evidence.gain, evidence.exact_line
    if evidence.holes < rules.min_holes or evidence.files < rules.min_files or gain is None:
        return Decision("undecided", (_too_few(evidence, rules),))
    if evidence.weaker_split:
        return Decision("undecided", (_WEAKER_SPLIT,))
    worse = [_line_reason(line, "fewer")] if line is not None and line.high < 0 else []
    if gain.high < 0:
        worse.insert(0, _gain_reason(evidence, gain, "worse than"))
    if worse:
        return Decision("refused", tuple(worse))
    doubts = [] if gain.low > 0 else [_gain_reason(evidence, gain, "not surely better than")]
    if line is None or line.value < -rules.exact_line_margin:
        doubts.append(_line_reason(line, "fewer, though perhaps by chance,"))
    if doubts:
        return Decision("undecided", tuple(doubts))
    return Decision(
        "published", (_gain_reason(evidence, gain, "better than"), _line_reason(line, "change in"))
    )


_WEAKER_SPLIT = (
    "the published adapter was tested on code newer than its training and this run could not be "
    "(no history to split by): fetch the full history, then run again"
)


def _too_few(evidence: Evidence, rules: GateRules) -> str:
    return (
        f"not enough held-out code: {evidence.holes} holes in {evidence.files} files, "
        f"at least {rules.min_holes} in {rules.min_files} are needed to decide"
    )


def _gain_reason(evidence: Evidence, gain: Interval, verdict: str) -> str:
    return (
        f"{verdict} the {evidence.against}: {gain.value:+.3f} bits per byte saved "
        f"(95% interval {gain.low:+.3f} to {gain.high:+.3f}; "
        f"{evidence.holes} held-out holes in {evidence.files} files)"
    )


def _line_reason(line: Interval | None, verdict: str) -> str:
    if line is None:
        return "no completion was measured: give --minutes more"
    return (
        f"{verdict} exact first lines: {100 * line.value:+.1f} points "
        f"(95% interval {100 * line.low:+.1f} to {100 * line.high:+.1f})"
    )


def _interval(
    differences: list[float], weights: Sequence[int], clusters: list[str], seed: int
) -> Interval | None:
    if not differences:
        return None
    return bootstrap_ratio(
        np.asarray(differences, dtype=float), np.asarray(weights, dtype=float), clusters, seed=seed
    )
