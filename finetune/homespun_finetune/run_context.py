"""What the steps of a run share: what is constant from its beginning on, and its clock.

Built once, before any work; the repositories are opened and their teams' settings read here. Knows
no step and no order of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from homespun_corpus.filters.team_settings import TeamSettings, read_team_settings
from homespun_corpus.repo.repository import Repository
from homespun_model.store.folder_names import folder_names

from homespun_finetune.budget import Deadline
from homespun_finetune.gate import GateRules
from homespun_finetune.outcome import RunPart, Seconds
from homespun_finetune.progress import Reporter, Stage
from homespun_finetune.request import RunRequest
from homespun_finetune.settings import EvaluateSettings, TrainSettings


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The values that decide a run; all of them are in its manifest."""

    minutes: float
    train: TrainSettings
    evaluate: EvaluateSettings
    gate: GateRules


@dataclass(frozen=True, slots=True)
class RunContext:
    """Whose adapter it is, what it learns from, and by which values."""

    identity: str
    """The id in the store."""
    repositories: tuple[tuple[Repository, TeamSettings], ...]
    """Each with what its team set; the adapter is the first one's."""
    settings: RunSettings
    seed: int

    @classmethod
    def of(cls, request: RunRequest, minutes: float, rules: GateRules) -> RunContext:
        """Open what the request names. Raises what the repositories, the id or a team's settings
        are refused for."""
        opened = [Repository.open(path) for path in request.repositories]
        identity = opened[0].identity if request.id is None else request.id
        folder_names(identity)  # a dry run refuses the same ids
        teams = [read_team_settings(one.root) for one in opened]
        settings = RunSettings(
            minutes=minutes,
            train=TrainSettings(seed=request.seed).wishing(teams[0].train),
            evaluate=EvaluateSettings(seed=request.seed),
            gate=rules,
        )
        return cls(identity, tuple(zip(opened, teams, strict=True)), settings, request.seed)


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How much time there is, what it went into, and what people are told."""

    deadline: Deadline
    reporter: Reporter
    seconds: Seconds = field(default_factory=Seconds)

    @contextmanager
    def stage(self, part: RunPart, name: str) -> Iterator[Stage]:
        """A stage whose time is ``part``'s."""
        with self.seconds.timed(part), self.reporter.stage(name) as stage:
            yield stage
