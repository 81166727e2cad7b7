"""What a run came to: the object that ``--json`` prints, and the exit code that goes with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from homespun_model.exit_codes import DONE, NOT_PUBLISHED

if TYPE_CHECKING:
    from homespun_finetune.metrics import Metrics

RunPart = Literal["mine", "train", "evaluate"]
DecisionName = Literal["published", "refused", "undecided", "evaluated", "dry-run"]

VERDICTS: Mapping[str, str] = {
    "published": "Published: the adapter is better and is served from now on.",
    "refused": "Refused: the adapter is worse. What was served stays.",
    "undecided": "Not enough evidence: the adapter is not served. What was served stays.",
    "evaluated": "Measured only: nothing was trained, nothing has changed.",
}
# Always named in ``--json``, measured or not.
MODELS = ("base", "generic", "incumbent", "candidate")


@dataclass
class Seconds:
    """Wall-clock time of each part; filled in as a run goes."""

    mine: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0

    @contextmanager
    def timed(self, part: RunPart) -> Iterator[None]:
        """What is done within counts for ``part``, unless it fails."""
        begun = time.monotonic()
        yield
        setattr(self, part, getattr(self, part) + time.monotonic() - begun)

    def to_json(self) -> dict[str, float]:
        return {key: round(value, 1) for key, value in vars(self).items()}


@dataclass(frozen=True)
class Outcome:
    """``metrics``: of each model and each baseline that was measured, by its role."""

    decision: DecisionName
    repository: str
    base: str
    counts: Mapping[str, Any]
    reasons: tuple[str, ...] = ()
    revision: str | None = None
    metrics: Mapping[str, Metrics] = field(default_factory=dict)
    seconds: Seconds = field(default_factory=Seconds)
    canaries: Mapping[str, Any] | None = None
    """What a shadow training gave away, where that was asked for."""

    @property
    def exit_code(self) -> int:
        return NOT_PUBLISHED if self.decision in ("refused", "undecided") else DONE

    def to_json(self) -> dict[str, Any]:
        """Stable keys; more may come."""
        measured = {name: self.metrics.get(name) for name in MODELS} | dict(self.metrics)
        return {
            "decision": self.decision,
            "reasons": list(self.reasons),
            "repository": self.repository,
            "revision": self.revision,
            "base": self.base,
            "counts": dict(self.counts),
            "metrics": {name: m and m.to_json() for name, m in measured.items()},
            "seconds": self.seconds.to_json(),
        } | ({"canaries": dict(self.canaries)} if self.canaries else {})
