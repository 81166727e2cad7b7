"""What comes of a run: the manifest, the page beside the adapter, and the outcome people see.

Knows what was found and decided, not how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from homespun_finetune import show
from homespun_finetune.evaluation import Evaluation
from homespun_finetune.evidence import Evidence
from homespun_finetune.exam_plan import Role
from homespun_finetune.figures import TITLES
from homespun_finetune.gate import Decision
from homespun_finetune.in_brief import in_brief
from homespun_finetune.outcome import DecisionName, Outcome, Seconds
from homespun_finetune.progress import Reporter
from homespun_finetune.report import REPORT, Page, notable, write
from homespun_finetune.run_context import RunSettings

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined
    from homespun_model.bases.base import Base
    from homespun_model.store.store import Revision

    from homespun_finetune.refresh import TrainingPlan
    from homespun_finetune.train import Trained


def manifest(
    base: Base, mined: Mined, incumbent: Revision | None, settings: RunSettings
) -> dict[str, Any]:
    """What led to this adapter; the store adds its name and the hash of every file."""
    return {
        "base": base.record.to_json(),
        "prompt_version": base.prompt_versions[-1],
        "parent": incumbent.name if incumbent else None,
        "commit": mined.manifest["commit"],
        "repositories": mined.manifest["repositories"],
        "split": mined.manifest["split"],
        "counts": mined.manifest["counts"],
        "data_digest": mined.manifest["digest"],
        "settings": {
            "minutes": settings.minutes,
            "mine": mined.manifest["settings"],
            "train": settings.train.to_json(),
            "evaluate": settings.evaluate.to_json(),
            "gate": settings.gate.to_json(),
        },
        "homespun": version("homespun"),
    }


def in_use(repository: str, incumbent: Revision | None) -> dict[str, Any]:
    """What this user's counts say of the adapter that is served, where they say anything."""
    from homespun_model.usage.database import usage_file
    from homespun_model.usage.summary import of_revision

    if incumbent is None:
        return {}
    row = of_revision(usage_file(), repository, incumbent.name)
    return {"in_use": row.to_json()} if row is not None and row.seen else {}


def results(
    trained: Trained, evaluation: Evaluation, evidence: Evidence, decision: Decision
) -> dict[str, Any]:
    """What the manifest says of a training: how it went, what was measured, what was decided."""
    return {
        "training": trained.to_json(),
        "metrics": evaluation.to_json() | {"evidence": evidence.to_json()},
        "decision": decision.to_json(),
    }


def report_page(
    repository: str,
    ended: Decision | Outcome,
    manifest: dict[str, Any],
    evaluation: Evaluation,
    *,
    sides: tuple[Role, Role],
    earlier: Sequence[Revision],
) -> Page:
    """The page of a run: its completions are those of the two ``sides``, before and after."""
    before, after = (evaluation.sheets.results()[side] for side in sides)
    return Page(
        repository=repository,
        decision=ended.outcome if isinstance(ended, Decision) else ended.decision,
        reasons=ended.reasons,
        manifest=manifest,
        pairs=notable(evaluation.holes, before, after),
        before=sides[0],
        after=sides[1],
        earlier=earlier,
    )


def write_report(page: Page, folder: Path | None, asked: Path | None, reporter: Reporter) -> None:
    """Write the page beside the adapter, and where it was asked for; without it, say why."""
    files = [folder / REPORT] if folder else []
    files += [asked] if asked else []
    try:
        write(page, *files)
    except OSError as error:
        reporter.say(f"the report was not written: {error.strerror or error}")
    else:
        if asked:
            reporter.say(f"report: {asked}")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What every outcome of one run says, whatever it comes to."""

    repository: str
    base: str
    counts: Mapping[str, Any]
    """Of the dataset."""
    seconds: Seconds

    def outcome(
        self,
        decision: DecisionName,
        *,
        evaluation: Evaluation | None = None,
        reasons: tuple[str, ...] = (),
        revision: str | None = None,
    ) -> Outcome:
        """What ``--json`` prints."""
        return Outcome(
            decision=decision,
            repository=self.repository,
            base=self.base,
            counts=self.counts,
            reasons=reasons,
            revision=revision,
            metrics=evaluation.sheets.metrics() if evaluation else {},
            seconds=self.seconds,
        )

    def nothing_to_do(self, plan: TrainingPlan) -> Outcome:
        """Before anything was trained."""
        if held_out := self.counts["held_out"]:
            why = f"of {held_out} held-out functions none is both new and whole"
        else:
            why = "the repository has too few files and too little history"
        reason = f"no held-out code to measure on: {why}; nothing was trained"
        if plan.start and not plan.rows:
            reason = f"nothing has changed since {plan.start.name}; nothing was trained"
        return self.outcome("undecided", reasons=(reason,))

    def decided(self, evaluation: Evaluation, decision: Decision, revision: Revision) -> Outcome:
        """After everything."""
        return self.outcome(
            decision.outcome,
            evaluation=evaluation,
            reasons=decision.reasons,
            revision=revision.name,
        )


def tell(
    outcome: Outcome, manifest: Mapping[str, Any], evaluation: Evaluation, console: Console
) -> None:
    """The decision, with the figures and the completions it rests on."""
    results = evaluation.sheets.results()
    before = evaluation.contestants.against
    pairs = show.choose(evaluation.holes, results[before], results["candidate"])
    show.decision(console, outcome, in_brief(manifest, outcome.decision))
    show.table(console, outcome.metrics)
    show.completions(console, pairs, outcome.metrics["candidate"], TITLES[before])
