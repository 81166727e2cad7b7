"""Who sits the exam, what each is asked, and how the time for it is shared out.

What a model is asked costs time for everybody, so each is asked what a decision needs of it. Exact
lines and typing count against what would be replaced; everything else has to be beaten in bits.
The bare base, where a generic adapter stands for it, answers a few holes only: whatever beats that
one beats it. Knows no models and asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from homespun_finetune.settings import EvaluateSettings

Role = Literal["base", "generic", "incumbent", "candidate", "copy"]
Subject = Literal["new", "edited", "general", "drift"]
Part = Literal[Subject, "typing", "verbatim"]

FEW_HOLES = 30  # as many as the gate needs
BARE_HOLES = 12  # for the bare base beside a generic adapter: to be seen, for nothing rests on it
COMPLETING = 1.15  # the time for a hole that is completed too, where scoring takes 1
COPYING = 0.1  # the time for one that no model is asked about
DRIFT_SHARE = 0.4  # of the time for code in general, where the team has other languages
EDITED_SHARE = 0.1  # of the time for holes, for edited code
ENOUGH = 150  # holes of new code from which on there is time for edited code


@dataclass(frozen=True, slots=True)
class Contestants:
    """Whether there is a generic adapter, one that is served, and one to be decided on."""

    generic: bool
    incumbent: bool
    candidate: bool

    @property
    def ground(self) -> Role:
        """What a repository without an adapter of its own is served."""
        return "generic" if self.generic else "base"

    @property
    def against(self) -> Role:
        """What would be replaced."""
        return "incumbent" if self.incumbent else self.ground

    @property
    def roles(self) -> tuple[Role, ...]:
        """In the order in which they are asked."""
        there = {
            self.ground: True,
            "base": self.generic,
            "copy": True,
            "incumbent": self.incumbent,
            "candidate": self.candidate,
        }
        return (self.ground, *(role for role in there if role != self.ground and there[role]))

    def is_bare(self, role: Role) -> bool:
        """Whether it is the base beside a generic adapter."""
        return role == "base" and self.generic

    def completes(self, role: Role) -> bool:
        """Whether it is asked for completions: both sides of the decision, and copying; where
        nothing is decided, all that are looked at."""
        if role == "copy" or not self.candidate:
            return not self.is_bare(role)
        return role in (self.against, "candidate")

    def takes(self, role: Role, part: Part) -> bool:
        """Whether it is asked this at all."""
        match part:
            case "new":
                return True
            case "edited":
                return role != "copy" and not self.is_bare(role)
            case "typing":
                return role != "copy" and self.completes(role)
            case _:
                return role in (self.ground, "candidate")

    def weight(self, role: Role, part: Part) -> float:
        """What it takes of a part's time, where a model that scores holes takes 1."""
        if not self.takes(role, part) or self.is_bare(role):
            return 0.0
        if part != "new":
            return 1.0
        if role == "copy":
            return COPYING
        return COMPLETING if self.completes(role) else 1.0


@dataclass(frozen=True, slots=True)
class ExamPlan:
    """``seconds``: for everybody together."""

    seconds: float
    contestants: Contestants
    settings: EvaluateSettings

    def share(self, part: Part) -> float:
        """Seconds for a part, where somebody has a ``Contestants.weight`` of 1 in it."""
        shares: dict[Part, float] = {
            "new": self.settings.holes,
            "edited": self.settings.holes * EDITED_SHARE,
            "general": self.settings.general * (1 - DRIFT_SHARE),
            "drift": self.settings.general * DRIFT_SHARE,
            "typing": self.settings.typing,
            "verbatim": self.settings.verbatim,
        }
        return self.seconds * shares[part] / sum(self._weights(part))

    def affordable(self, seconds: float) -> int:
        """How many holes of new code everybody can be asked, where one takes the first model
        ``seconds``; as many as the gate needs are always tried."""
        contestants = self.contestants
        each = seconds / contestants.weight(contestants.ground, "new")
        bare = BARE_HOLES * each if contestants.generic else 0.0
        left = self.seconds * self.settings.holes - bare
        return max(FEW_HOLES, int(left / each / sum(self._weights("new"))))

    def _weights(self, part: Part) -> Iterable[float]:
        return [self.contestants.weight(role, part) for role in self.contestants.roles]
