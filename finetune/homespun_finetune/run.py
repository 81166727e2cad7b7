"""One run, from a repository to a decision: mine, measure, train, measure again, decide, publish.

Only here do the rooms meet. Nothing that the store serves changes before the last step, so a run
that fails or is interrupted leaves it as it was. torch is imported when the first model loads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from homespun_finetune import evaluation_steps, processes, run_record, show, steps
from homespun_finetune.budget import Deadline
from homespun_finetune.evaluation import Evaluation
from homespun_finetune.exam_plan import Contestants, Role
from homespun_finetune.gate import Decision, GateRules, decide
from homespun_finetune.mining_step import mine
from homespun_finetune.outcome import Outcome
from homespun_finetune.progress import Reporter
from homespun_finetune.request import RunRequest
from homespun_finetune.run_context import RunContext, RunProgress
from homespun_finetune.run_record import RunRecord

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined
    from homespun_model.bases.base import Base
    from homespun_model.decoding.shown_from import ShownFrom
    from homespun_model.sharing.store_place import StorePlace
    from homespun_model.store.store import AdapterStore, Revision

    from homespun_finetune.refresh import TrainingPlan
    from homespun_finetune.resumable import ResumableRun
    from homespun_finetune.train import Trained
    from homespun_finetune.training_step import TrainingTask

MOST_OF_THE_REST = 0.45  # of what mining leaves, for evaluation: there is still time to train
CLOSING = 5.0  # seconds to merge, load, decide and publish
RULES = GateRules()  # of every run but those that test the machinery

Flow = Callable[[RunRequest, RunContext, RunProgress], Outcome]


@dataclass(frozen=True, slots=True)
class _Served:
    """The base, and what is served of it before the run."""

    base: Base
    place: StorePlace
    incumbent: Revision | None

    @property
    def store(self) -> AdapterStore:
        return self.place.store


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a run has before anything is learnt."""

    served: _Served
    mined: Mined
    plan: TrainingPlan
    evaluation: Evaluation
    calibrating: float
    """Seconds for finding out from which probability on the adapter is shown."""


def run(
    request: RunRequest, reporter: Reporter, deadline: Deadline, rules: GateRules = RULES
) -> Outcome:
    """Do what was asked, telling people as it goes. Raises the errors of all rooms."""
    processes.check()
    context = RunContext.of(request, deadline.seconds / 60, rules)
    return _asked_for(request)(request, context, RunProgress(deadline, reporter))


def _asked_for(request: RunRequest) -> Flow:
    if request.dry_run:
        return _dry
    if not processes.is_first():
        return _help
    if request.canaries:
        return _shadow
    return _evaluate if request.evaluate_only else _fine_tune


def _dry(request: RunRequest, context: RunContext, progress: RunProgress) -> Outcome:
    """The counts. Needs neither a base nor a store, and no torch."""
    mined = mine(context, progress, since=request.since, only_counts=True)
    return _record(context, progress, mined, request.base).outcome("dry-run")


def _evaluate(request: RunRequest, context: RunContext, progress: RunProgress) -> Outcome:
    """Base and published adapter on held-out code; changes nothing."""
    served = _served(request, context, progress)
    base, incumbent = served.base, served.incumbent
    mined = mine(context, progress, since=request.since)
    evaluation = evaluation_steps.open_evaluation(
        base,
        mined,
        incumbent,
        context.settings.evaluate,
        seconds=progress.deadline.left() - CLOSING,
        contestants=_contestants(served, candidate=False),
        reporter=progress.reporter,
    )
    evaluation_steps.examine_what_is(evaluation, base, mined, incumbent, progress)
    outcome = _record(context, progress, mined, base.id).outcome("evaluated", evaluation=evaluation)
    show.table(progress.reporter.console, outcome.metrics)
    if request.report and not evaluation.holes:
        progress.reporter.say("the report was not written: there is no held-out code to show")
    elif request.report:
        manifest = run_record.manifest(base, mined, incumbent, context.settings)
        manifest |= {"metrics": evaluation.to_json()}
        ground: Role = evaluation.contestants.ground
        page = run_record.report_page(
            context.identity,
            outcome,
            manifest,
            evaluation,
            sides=(ground, evaluation.contestants.against),
            earlier=served.store.revisions(context.identity),
        )
        run_record.write_report(page, None, request.report, progress.reporter)
    return outcome


def _fine_tune(request: RunRequest, context: RunContext, progress: RunProgress) -> Outcome:
    """Everything."""
    served, console = _served(request, context, progress), progress.reporter.console
    with steps.staged(served.store, context.identity) as folder:
        prepared = _prepare(served, request, context, progress)
        record = _record(context, progress, prepared.mined, served.base.id)
        if not prepared.plan.rows or not prepared.evaluation.holes:
            outcome = record.nothing_to_do(prepared.plan)
            show.decision(console, outcome)
            return outcome
        decision, revision = _learn(prepared, folder, request.report, context, progress)
    outcome = record.decided(prepared.evaluation, decision, revision)
    run_record.tell(outcome, revision.manifest, prepared.evaluation, console)
    return outcome


def _prepare(
    served: _Served, request: RunRequest, context: RunContext, progress: RunProgress
) -> _Prepared:
    """Mine, plan what to learn, and open the evaluation that all models will share."""
    mined = mine(context, progress, since=request.since)
    plan = _plan(mined, served, request, context, progress)
    settings, deadline = context.settings.evaluate, progress.deadline
    share = min(settings.share * deadline.seconds, MOST_OF_THE_REST * deadline.left())
    evaluation = evaluation_steps.open_evaluation(
        served.base,
        mined,
        served.incumbent,
        settings,
        seconds=share,
        contestants=_contestants(served, candidate=True),
        reporter=progress.reporter,
    )
    return _Prepared(served, mined, plan, evaluation, settings.calibration * deadline.seconds)


def _learn(
    prepared: _Prepared,
    folder: Path,
    report: Path | None,
    context: RunContext,
    progress: RunProgress,
) -> tuple[Decision, Revision]:
    """Train, measure, decide, publish; ``folder`` is the store's own, staged."""
    served, mined, evaluation = prepared.served, prepared.mined, prepared.evaluation
    task = steps.task(served.base, mined, prepared.plan, context.settings.train)
    resumable = steps.resumable(
        task,
        context.settings.minutes,
        folder,
        place=served.place,
        identity=context.identity,
        reporter=progress.reporter,
    )
    trained, shown_from = _train_between_measurements(prepared, task, resumable, folder, progress)
    evidence = evaluation_steps.evidence(evaluation, mined, served.incumbent, context.seed)
    decision = decide(evidence, context.settings.gate)
    manifest = (
        run_record.manifest(served.base, mined, served.incumbent, context.settings)
        | task.to_json()
        | run_record.results(trained, evaluation, evidence, decision)
        | {"shown_from": shown_from.to_json()}
    )
    page = run_record.report_page(
        context.identity,
        decision,
        manifest,
        evaluation,
        sides=(evidence.against, "candidate"),
        earlier=served.store.revisions(context.identity),
    )
    run_record.write_report(page, folder, None, progress.reporter)
    if report is not None:  # a page for this user alone says how the one before did in use, too
        used = run_record.in_use(context.identity, served.incumbent)
        own = replace(page, manifest=page.manifest | used)
        run_record.write_report(own, None, report, progress.reporter)
    revision = steps.publish(served.place, context.identity, folder, manifest, decision)
    if resumable:
        resumable.finish()
    return decision, revision


def _train_between_measurements(
    prepared: _Prepared,
    task: TrainingTask,
    resumable: ResumableRun | None,
    folder: Path,
    progress: RunProgress,
) -> tuple[Trained, ShownFrom]:
    """The adapter in ``folder``, measured after all that it is held against."""
    evaluation, served = prepared.evaluation, prepared.served
    evaluation_steps.examine_what_is(
        evaluation, served.base, prepared.mined, served.incumbent, progress
    )
    reserve = prepared.calibrating + evaluation.longest("candidate") + CLOSING
    trained = steps.train(task, folder, resumable, progress, reserve=reserve)
    shown_from = evaluation_steps.examine_candidate(
        evaluation, served.base, folder, prepared.mined, progress, seconds=prepared.calibrating
    )
    return trained, shown_from


def _help(request: RunRequest, context: RunContext, progress: RunProgress) -> Outcome:
    """Train beside the first process, which does everything else by itself."""
    served = _served(request, context, progress)
    mined = mine(context, progress, since=request.since)
    plan = _plan(mined, served, request, context, progress)
    task = steps.task(served.base, mined, plan, context.settings.train)
    with tempfile.TemporaryDirectory() as folder:
        steps.train(task, Path(folder), None, progress, reserve=0.0)
    return _record(context, progress, mined, served.base.id).outcome("evaluated")


def _shadow(request: RunRequest, context: RunContext, progress: RunProgress) -> Outcome:
    """Train beside planted keys and see which are given away; nothing of it is kept."""
    from homespun_finetune import canary
    from homespun_finetune.refresh import full_plan

    base, seed = _base(request), context.seed
    mined, canaries = mine(context, progress, since=request.since), canary.invent(seed)
    planted = canary.planted(canaries)
    task = steps.task(base, mined, full_plan(mined, seed), context.settings.train, planted)
    each = context.settings.evaluate.share / 2 * progress.deadline.left()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        before = evaluation_steps.exposed(base, None, canaries, progress, seconds=each, seed=seed)
        steps.train(task, folder, None, progress, reserve=each + CLOSING)
        asked = canaries[: len(before)]
        after = evaluation_steps.exposed(base, folder, asked, progress, seconds=each, seed=seed)
    found = canary.to_json(before[: len(after)], after)
    progress.reporter.say(canary.said(found))
    outcome = _record(context, progress, mined, base.id).outcome("evaluated")
    return replace(outcome, canaries=found)


def _base(request: RunRequest) -> Base:
    return steps.load_base(request.base, request.fim_format, to_train=not request.evaluate_only)


def _served(request: RunRequest, context: RunContext, progress: RunProgress) -> _Served:
    base = _base(request)
    place = steps.open_store(
        request.store,
        context.identity,
        base,
        progress.reporter,
        to_write=not (request.evaluate_only or request.canaries),
    )
    return _Served(base, place, steps.incumbent(place.store, context.identity, base))


def _contestants(served: _Served, *, candidate: bool) -> Contestants:
    generic, incumbent = served.base.generic is not None, served.incumbent is not None
    return Contestants(generic=generic, incumbent=incumbent, candidate=candidate)


def _plan(
    mined: Mined,
    served: _Served,
    request: RunRequest,
    context: RunContext,
    progress: RunProgress,
) -> TrainingPlan:
    return steps.plan(
        served.base,
        mined,
        served.incumbent,
        context.settings.train,
        refresh=request.refresh,
        reporter=progress.reporter,
    )


def _record(context: RunContext, progress: RunProgress, mined: Mined, base: str) -> RunRecord:
    return RunRecord(context.identity, base, mined.manifest["counts"], progress.seconds)
