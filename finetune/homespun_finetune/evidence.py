"""What was measured of a candidate, paired with what it would replace and what it has to beat.

Differences come with intervals over whole files. Knows no bounds and no decision: the gate does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from homespun_finetune.exam_plan import Role
from homespun_finetune.memorization import Memorization
from homespun_finetune.metrics import (
    HoleResult,
    Interval,
    SimulatedLine,
    bits_per_byte,
    bootstrap_ratio,
)

if TYPE_CHECKING:
    from homespun_finetune.sheets import Sheets


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate against one other model on the holes that both have; above zero is better."""

    holes: int
    files: int
    gain: Interval | None
    """Bits per byte saved; None without a hole."""
    exact_line: Interval | None
    """Change in the share of exact first lines; None without a completion."""
    exact_match: Interval | None
    """The same for whole middles."""

    def to_json(self) -> dict[str, Any]:
        return {
            "holes": self.holes,
            "files": self.files,
            "gain": _json(self.gain),
            "exact_line": _json(self.exact_line),
            "exact_match": _json(self.exact_match),
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """``main``: against what would be replaced. ``rivals``: against everything else, by name, but
    for a bare base beside its generic adapter."""

    against: Role
    main: Comparison
    rivals: Mapping[str, Comparison]
    typing: Interval | None
    """Change in the share of typing saved; None where no line was typed."""
    lines: int
    general: Interval | None
    """Bits per byte lost on code in general, against what a repository without an adapter of its
    own is served; None where there is none."""
    drift: float | None
    """Bits per byte that the candidate needs more than that for what that itself writes in the
    team's other languages; None where there is no such language."""
    verbatim: Memorization | None
    """None where no training function was long enough to be asked for."""
    weaker_split: bool = False
    """True where the incumbent was tested on newer code than its training, and this run was not."""

    def to_json(self) -> dict[str, Any]:
        return {
            "against": self.against,
            **self.main.to_json(),
            "rivals": {name: rival.to_json() for name, rival in self.rivals.items()},
            "typing_saved": _json(self.typing),
            "lines": self.lines,
            "general_lost": _json(self.general),
            "drift": self.drift if self.drift is None else round(self.drift, 6),
            "verbatim": self.verbatim.to_json() if self.verbatim else None,
            "weaker_split": self.weaker_split,
        }


def gather(sheets: Sheets, *, seed: int = 0, weaker_split: bool = False) -> Evidence:
    """All there is to say about the candidate of an exam that all models sat."""
    results, typed = sheets.results(), sheets.typed()
    against, ground = sheets.contestants.against, sheets.contestants.ground
    general, drift = sheets.results("general"), sheets.results("drift")
    candidate = results["candidate"]
    no_rivals = {"candidate", against, *filter(sheets.contestants.is_bare, results)}
    rivals = [role for role in results if role not in no_rivals]
    return Evidence(
        against=against,
        main=weigh(results[against], candidate, seed=seed),
        rivals={role: weigh(results[role], candidate, seed=seed) for role in rivals},
        typing=_typing(typed[against], typed["candidate"], seed),
        lines=len(typed["candidate"]),
        general=weigh(general["candidate"], general[ground], seed=seed).gain if general else None,
        drift=_more(drift[ground], drift["candidate"]) if drift else None,
        verbatim=sheets.verbatim(),
        weaker_split=weaker_split,
    )


def weigh(
    before: Sequence[HoleResult], after: Sequence[HoleResult], *, seed: int = 0
) -> Comparison:
    """Pair two models' results hole by hole; holes that only one of them has are left out."""
    answers = {result.hole: result for result in after}
    pairs = [(old, answers[old.hole]) for old in before if old.hole in answers]
    gains = [old.bits - new.bits for old, new in pairs]
    files = [old.file for old, _ in pairs]
    return Comparison(
        holes=len(pairs),
        files=len(set(files)),
        gain=_interval(gains, [old.bytes for old, _ in pairs], files, seed),
        exact_line=_change(pairs, lambda c: c.exact_line, seed),
        exact_match=_change(pairs, lambda c: c.exact_match, seed),
    )


def _change(
    pairs: Sequence[tuple[HoleResult, HoleResult]], of: Callable[[Any], bool], seed: int
) -> Interval | None:
    done = [
        (old.file, float(of(new.completion)) - float(of(old.completion)))
        for old, new in pairs
        if old.completion is not None and new.completion is not None
    ]
    changes, files = [change for _, change in done], [file for file, _ in done]
    return _interval(changes, [1] * len(done), files, seed)


def _typing(
    before: Sequence[SimulatedLine], after: Sequence[SimulatedLine], seed: int
) -> Interval | None:
    changes = [new.saved - old.saved for old, new in zip(before, after, strict=True)]
    lengths, files = [line.characters for line in before], [line.file for line in before]
    return _interval(changes, lengths, files, seed)


def _more(before: Sequence[HoleResult], after: Sequence[HoleResult]) -> float | None:
    """How many bits per byte more; pages are few, so there is no interval over them."""
    return bits_per_byte(after) - bits_per_byte(before) if before else None


def _interval(
    differences: Sequence[float], weights: Sequence[int], clusters: Sequence[str], seed: int
) -> Interval | None:
    if not differences:
        return None
    return bootstrap_ratio(
        np.asarray(differences, dtype=float), np.asarray(weights, dtype=float), clusters, seed=seed
    )


def _json(interval: Interval | None) -> dict[str, float] | None:
    return interval.to_json() if interval else None
