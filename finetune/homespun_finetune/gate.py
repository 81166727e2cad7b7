"""Whether a candidate replaces what is served: a pure function of what was measured.

Superiority on bits per byte over what is replaced and over every baseline; non-inferiority on exact
lines, exact middles and typing saved; code in general and memorization within bounds; and a
minimum of evidence. Each is a check that passes, fails, or leaves a doubt. One failure refuses, one
doubt decides nothing: too little evidence is never a pass. Knows no models and no store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from homespun_finetune.evidence import Comparison, Evidence
from homespun_finetune.metrics import Interval

Outcome = Literal["published", "refused", "undecided"]
Verdict = Literal["passed", "doubtful", "failed"]


@dataclass(frozen=True, slots=True)
class GateRules:
    """The bounds, kept in the manifest beside the decision they led to."""

    min_holes: int = 30
    """Held-out holes below which nothing is decided: an interval over fewer means little."""
    min_files: int = 3
    """Files these must come from: one file's holes share its names and its author."""
    rivals: tuple[str, ...] = ("base", "generic", "copy")
    """What must be beaten beside what is replaced: an adapter that does not has no reason to be.
    The base without its context is none of them: with it, it does better, and is beaten anyway."""
    exact_line_margin: float = 0.02
    """The share of exact first lines may drop by this much: a few dozen completions cannot
    resolve less, and bits per byte has already shown a gain."""
    exact_match_margin: float = 0.02
    """The same for whole middles."""
    typing_margin: float = 0.05
    """The share of typing saved may drop by this much: minutes allow for a few dozen lines."""
    min_lines: int = 5
    """Lines typed again below which nothing is said of typing."""
    general_margin: float = 0.1
    """Bits per byte that may be lost on code in general."""
    drift_margin: float = 0.5
    """Bits per byte that what the base would write in the team's languages may cost more: some of
    this is what an adapter is for, so the bound catches only one that has lost its way."""
    verbatim_share: float = 0.02
    """Of the training functions probed, how many may be memorized; one always may."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"rivals": list(self.rivals)}


@dataclass(frozen=True, slots=True)
class Check:
    """One condition and what became of it, with its figures."""

    name: str
    verdict: Verdict
    said: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Decision:
    """``reasons``: what decided, the failures of a refusal, the doubts of an undecided run."""

    outcome: Outcome
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()

    def to_json(self) -> dict[str, Any]:
        checks = [check.to_json() for check in self.checks]
        return {"outcome": self.outcome, "reasons": list(self.reasons), "checks": checks}


def decide(evidence: Evidence, rules: GateRules = GateRules()) -> Decision:
    """Published only if every check passes; refused if one surely fails."""
    main = evidence.main
    if main.holes < rules.min_holes or main.files < rules.min_files or main.gain is None:
        return Decision("undecided", (_too_few(main, rules),))
    if evidence.weaker_split:
        return Decision("undecided", (_WEAKER_SPLIT,))
    checks = tuple(_checks(evidence, rules))
    failed = tuple(check.said for check in checks if check.verdict == "failed")
    if failed:
        return Decision("refused", failed, checks)
    doubts = tuple(check.said for check in checks if check.verdict == "doubtful")
    if doubts:
        return Decision("undecided", doubts, checks)
    return Decision("published", tuple(check.said for check in checks), checks)


def _checks(evidence: Evidence, rules: GateRules) -> Iterator[Check]:
    main = evidence.main
    yield _better(evidence.against, main)
    one = (1 + 1e-9) / main.holes  # of few it is more than the margin, and no sign of anything
    line_margin, match_margin = rules.exact_line_margin, rules.exact_match_margin
    yield _not_worse("exact first lines", main.exact_line, max(one, line_margin))
    yield _not_worse("exact middles", main.exact_match, max(one, match_margin))
    enough = evidence.lines >= rules.min_lines
    yield _not_worse("typing saved", evidence.typing if enough else None, rules.typing_margin)
    for name in rules.rivals:
        if name in evidence.rivals:
            rival = evidence.rivals[name]
            yield _better(name, rival)
            if name == "copy":
                margin = max(one, line_margin)
                key, said = "exact first lines, to copying", f"exact first lines, to {_NAMES[name]}"
                yield _not_worse(key, rival.exact_line, margin, said)
    yield _general(evidence.general, rules.general_margin)
    if evidence.drift is not None:
        yield _drift(evidence.drift, rules.drift_margin)
    yield _verbatim(evidence, rules.verbatim_share)


_NAMES = {
    "base": "the base",
    "generic": "the generic adapter",
    "incumbent": "the incumbent",
    "copy": "the n-gram baseline",
}
# In the names of checks, which manifests hold: they stay what they were.
_KEYS = _NAMES | {"copy": "copying from the repository"}
_WEAKER_SPLIT = (
    "the published adapter was tested on code newer than its training and this run could not be "
    "(no history to split by): fetch the full history, then run again"
)


def _too_few(main: Comparison, rules: GateRules) -> str:
    return (
        f"not enough held-out code: {main.holes} holes in {main.files} files, "
        f"at least {rules.min_holes} in {rules.min_files} are needed to decide"
    )


def _better(name: str, rival: Comparison) -> Check:
    """Bits per byte: the whole interval has to lie above zero."""
    gain, than, key = rival.gain, _NAMES[name], f"better than {_KEYS[name]}"
    if gain is None:
        return Check(key, "doubtful", f"not compared with {than}")
    said, verdict = "better than", "passed"
    if gain.high < 0:
        said, verdict = "worse than", "failed"
    elif gain.low <= 0:
        said, verdict = "not surely better than", "doubtful"
    return Check(
        key,
        verdict,  # type: ignore[arg-type]
        f"{said} {than}: {gain.value:+.3f} bits per byte saved (95% interval {gain.low:+.3f} to "
        f"{gain.high:+.3f}; {rival.holes} held-out holes in {rival.files} files)",
    )


def _not_worse(
    key: str, change: Interval | None, margin: float, spoken: str | None = None
) -> Check:
    """A share may drop within its margin, or by less than its standard error where so little was
    measured that this is more; beyond, it fails once that is no chance any more. ``spoken``: what
    people are told in place of ``key``."""
    name, what = f"{key} not worse", spoken or key
    if change is None:
        return Check(name, "doubtful", f"{what}: too little was measured, give --minutes more")
    verdict: Verdict = "passed"
    # Half of a 95% interval is two standard errors: what is less than one is no sign of anything.
    if change.value < -max(margin, (change.high - change.low) / 4):
        verdict = "failed" if change.high < 0 else "doubtful"
    said = {"passed": "", "doubtful": " fewer, though perhaps by chance", "failed": " fewer"}
    return Check(
        name,
        verdict,
        f"{what}{said[verdict]}: {100 * change.value:+.1f} points (95% interval "
        f"{100 * change.low:+.1f} to {100 * change.high:+.1f}; may drop by {100 * margin:.0f})",
    )


def _general(lost: Interval | None, margin: float) -> Check:
    name = "code in general kept"
    if lost is None:
        return Check(name, "passed", "code in general: this Python has no library source to ask")
    verdict: Verdict = "passed"
    if lost.value > margin:
        verdict = "failed" if lost.low > margin else "doubtful"
    said = "within" if verdict == "passed" else "beyond"
    return Check(
        name,
        verdict,
        f"code in general: {lost.value:+.3f} bits per byte lost (95% interval {lost.low:+.3f} to "
        f"{lost.high:+.3f}), {said} the bound of {margin}",
    )


def _drift(more: float, margin: float) -> Check:
    within = more <= margin
    return Check(
        "near to the base in other languages",
        "passed" if within else "failed",
        f"the base's own words in the team's languages cost {more:+.3f} bits per byte more, "
        f"{'within' if within else 'beyond'} the bound of {margin}",
    )


def _verbatim(evidence: Evidence, share: float) -> Check:
    name, found = "nothing learnt by heart", evidence.verbatim
    if found is None:
        return Check(name, "passed", "memorization: no training function is long enough to probe")
    allowed = max(1, int(share * found.probed))
    verdict: Verdict = "passed" if found.reproduced <= allowed else "failed"
    return Check(
        name,
        verdict,
        f"memorization: {found.reproduced} of {found.probed} training functions probed come back "
        f"for 50 tokens that the base does not know, {allowed} may",
    )
