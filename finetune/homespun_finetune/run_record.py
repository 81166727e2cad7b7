"""What comes of a run: the manifest, the page beside the adapter, and the outcome people see."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_finetune import show
from homespun_finetune.evaluation import Evaluation, Role
from homespun_finetune.gate import Decision
from homespun_finetune.outcome import DecisionName, Outcome
from homespun_finetune.steps import Steps

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined
    from homespun_model.bases.base import Base
    from homespun_model.store.store import Revision

    from homespun_finetune.refresh import TrainingPlan


class RunRecord:
    """Draws the outcome of one run from its steps."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def manifest(self, base: Base, mined: Mined, incumbent: Revision | None) -> dict[str, Any]:
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
                "minutes": self._steps.deadline.seconds / 60,
                "mine": mined.manifest["settings"],
                "train": self._steps.training.to_json(),
                "evaluate": self._steps.evaluate_settings.to_json(),
                "gate": self._steps.rules.to_json(),
            },
            "homespun": version("homespun"),
        }

    def report(
        self,
        ended: Decision | Outcome,
        manifest: dict[str, Any],
        evaluation: Evaluation,
        sides: tuple[Role, Role],
        folder: Path | None,
    ) -> None:
        """Write the page beside the adapter, and where it was asked for; without it, say why."""
        from homespun_finetune.report import REPORT, Page, notable, write

        files = [folder / REPORT] if folder else []
        files += [self._steps.request.report] if self._steps.request.report else []
        if not files:
            return
        before, after = (evaluation.results()[side] for side in sides)
        page = Page(
            repository=self._steps.identity,
            decision=ended.outcome if isinstance(ended, Decision) else ended.decision,
            reasons=ended.reasons,
            manifest=manifest,
            pairs=notable(evaluation.holes, before, after),
            before=sides[0],
            after=sides[1],
            earlier=self._steps.store().revisions(self._steps.identity),
        )
        try:
            write(page, *files)
        except OSError as error:
            self._steps.reporter.say(f"the report was not written: {error.strerror or error}")
        else:
            if self._steps.request.report:
                self._steps.reporter.say(f"report: {self._steps.request.report}")

    def nothing_to_do(self, mined: Mined, base: Base, plan: TrainingPlan) -> Outcome:
        """Told before anything was trained."""
        reason = (
            "no held-out code to measure on: the repository has too few files and too little "
            "history; nothing was trained"
        )
        if plan.start and not plan.rows:
            reason = f"nothing has changed since {plan.start.name}; nothing was trained"
        outcome = self.outcome("undecided", mined, base=base.id, reasons=(reason,))
        show.decision(self._steps.reporter.console, outcome)
        return outcome

    def decided(
        self,
        mined: Mined,
        base: Base,
        evaluation: Evaluation,
        decision: Decision,
        revision: Revision,
    ) -> Outcome:
        """The decision, told with the figures and the completions it rests on."""
        outcome = self.outcome(
            decision.outcome,
            mined,
            base=base.id,
            evaluation=evaluation,
            reasons=decision.reasons,
            revision=revision.name,
        )
        console, results = self._steps.reporter.console, evaluation.results()
        pairs = show.choose(evaluation.holes, results["base"], results["candidate"])
        show.decision(console, outcome)
        show.table(console, outcome.metrics)
        show.completions(console, pairs, outcome.metrics["candidate"])
        return outcome

    def outcome(
        self,
        decision: DecisionName,
        mined: Mined,
        *,
        base: str,
        evaluation: Evaluation | None = None,
        reasons: tuple[str, ...] = (),
        revision: str | None = None,
    ) -> Outcome:
        """What ``--json`` prints."""
        return Outcome(
            decision=decision,
            repository=self._steps.identity,
            base=base,
            counts=mined.manifest["counts"],
            reasons=reasons,
            revision=revision,
            metrics=evaluation.metrics() if evaluation else {},
            seconds=self._steps.seconds,
        )
