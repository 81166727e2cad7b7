"""What became of one repository: a row of the night's table, and of what ``--json`` prints.

Knows how a run says what it came to, and not how it was run.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homespun_corpus.errors import one_line
from homespun_model.exit_codes import DONE, NOT_PUBLISHED

from homespun_finetune.nightly.child import Ended
from homespun_finetune.nightly.task import RepositoryTask
from homespun_finetune.summary import SHOWN

FAILED, NOT_RUN = "failed", "not run"
_AGAINST = ("incumbent", "generic", "base")  # the first that was measured is what had to be beaten


@dataclass(frozen=True, slots=True)
class Row:
    """``decision``: the run's, or ``failed``, or ``not run``."""

    name: str
    decision: str
    why: str = ""
    """One line; empty where the decision says all."""
    repository: str | None = None
    """Its id in the store."""
    base: str | None = None
    revision: str | None = None
    minutes: float = 0.0
    against: str | None = None
    """What had to be beaten."""
    bits: tuple[float, float] | None = None
    """Bits per byte of that, and of the new adapter."""
    first_lines: tuple[float, float] | None = None
    """Shares that were exact."""
    node: str | None = None
    """The machine, where it was another one."""

    @classmethod
    def failed(cls, task: RepositoryTask, why: str, minutes: float = 0.0) -> Row:
        return cls(task.name, FAILED, one_line(why)[:500], base=task.base, minutes=minutes)

    @classmethod
    def not_run(cls, task: RepositoryTask) -> Row:
        return cls(task.name, NOT_RUN, "the night was interrupted", base=task.base)

    @classmethod
    def of(cls, task: RepositoryTask, ended: Ended, minutes: float) -> Row:
        """What a run of ``finetune-repo --json`` came to."""
        if ended.code not in (DONE, NOT_PUBLISHED):
            return cls.failed(task, _why(ended, task), minutes)
        told = _object(ended.said)
        if told is None:
            return cls.failed(task, "it printed no result", minutes)
        metrics, reasons = _mapping(told["metrics"]), told["reasons"]
        against = next((role for role in _AGAINST if _mapping(metrics.get(role))), "base")
        before, after = _mapping(metrics.get(against)), _mapping(metrics.get("candidate"))
        published = told["decision"] == "published"
        measured = bool(before.get("completions")) and bool(after.get("completions"))
        return cls(
            name=task.name,
            decision=one_line(str(told["decision"])),
            why="" if published or not reasons else one_line(str(reasons[0]))[:500],
            repository=one_line(str(told["repository"])),
            base=one_line(str(told["base"])),
            revision=told["revision"] and one_line(str(told["revision"])),
            minutes=minutes,
            against=against if after else None,
            bits=_pair(before, after, "bits_per_byte"),
            first_lines=_pair(before, after, "exact_line") if measured else None,
        )

    @property
    def is_failed(self) -> bool:
        return self.decision == FAILED

    @property
    def change(self) -> str:
        """What was gained, in a few words."""
        said = []
        if self.bits is not None and self.bits[0] > 0:
            share = 100 * (self.bits[0] - self.bits[1]) / self.bits[0]
            said.append(f"{abs(share):.1f}% {'fewer' if share >= 0 else 'more'} bits")
        if self.first_lines is not None:
            before, after = (f"{100 * share:.0f}" for share in self.first_lines)
            said.append(f"first lines {before}% → {after}%")
        return ", ".join(said)

    def __str__(self) -> str:
        said = [self.decision, *([self.change] if self.change else [])]
        return f"{self.name}: {', '.join(said)}{f': {self.why}' if self.why else ''}"

    def to_json(self) -> dict[str, Any]:
        """Stable keys; more may come."""
        return {
            "name": self.name,
            "decision": self.decision,
            "why": self.why,
            "repository": self.repository,
            "base": self.base,
            "revision": self.revision,
            "minutes": round(self.minutes, 2),
            "against": self.against,
            "bits_per_byte": _both(self.bits),
            "first_lines": _both(self.first_lines),
            "node": self.node,
        }


def _why(ended: Ended, task: RepositoryTask) -> str:
    """Why a run gave no result; its own last line where that says it."""
    if ended.code is None:
        return (
            f"it was stopped after {task.seconds / 60:.0f} minutes, of {task.minutes:g} asked for"
        )
    said = ended.last.partition(": ")[2] if ended.last.startswith("finetune-repo: ") else ended.last
    if ended.code < 0:
        name = _signal(-ended.code)
        lacks = ": the machine may lack memory" if name == "SIGKILL" else ""
        return f"it was ended by {name}{lacks}"
    return said or f"it ended with exit code {ended.code}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # those of real time have no names
        return f"signal {number}"


def _object(said: bytes) -> Mapping[str, Any] | None:
    try:
        told = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and told.keys() >= SHOWN else None


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _pair(
    before: Mapping[str, Any], after: Mapping[str, Any], key: str
) -> tuple[float, float] | None:
    was, now = before.get(key), after.get(key)
    if not isinstance(was, int | float) or not isinstance(now, int | float):
        return None
    return float(was), float(now)


def _both(pair: tuple[float, float] | None) -> dict[str, float] | None:
    return {"before": pair[0], "after": pair[1]} if pair else None
