"""One run, from a repository to a decision: mine, measure, train, measure again, decide, publish.

Only here do the rooms meet. Nothing that the store serves changes before the last step, so a run
that fails or is interrupted leaves it as it was. torch is imported when the first model loads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from homespun_finetune import interruption, processes, show
from homespun_finetune.budget import Deadline
from homespun_finetune.evaluation import Role
from homespun_finetune.gate import decide
from homespun_finetune.outcome import Outcome
from homespun_finetune.progress import Reporter
from homespun_finetune.request import RunRequest
from homespun_finetune.run_record import RunRecord
from homespun_finetune.steps import Steps, staged

MOST_OF_THE_REST = 0.45  # of what mining leaves, for evaluation: there is still time to train
CLOSING = 5.0  # seconds to merge, load, decide and publish


def run(request: RunRequest, reporter: Reporter, deadline: Deadline) -> Outcome:
    """Do what was asked, telling people as it goes. Raises the errors of all rooms."""
    steps = Steps(request, reporter, deadline)
    return _asked_for(request)(steps, RunRecord(steps))


def _asked_for(request: RunRequest) -> Callable[[Steps, RunRecord], Outcome]:
    if request.dry_run:
        return _dry
    if not processes.is_first():
        return _help
    if request.canaries:
        return _shadow
    return _evaluate if request.evaluate_only else _fine_tune


def _dry(steps: Steps, end: RunRecord) -> Outcome:
    """The counts. Needs neither a base nor a store, and no torch."""
    mined = steps.mine()
    return end.outcome("dry-run", mined, base=steps.request.base)


def _evaluate(steps: Steps, end: RunRecord) -> Outcome:
    """Base and published adapter on held-out code; changes nothing."""
    base = steps.base()
    incumbent = steps.incumbent(steps.store(), base)
    mined = steps.mine()
    seconds = steps.deadline.left() - CLOSING
    evaluation = steps.evaluation(mined, seconds, 2 if incumbent else 1, incumbent)
    steps.examine_what_is(evaluation, base, incumbent)
    outcome = end.outcome("evaluated", mined, base=base.id, evaluation=evaluation)
    show.table(steps.reporter.console, outcome.metrics)
    manifest = end.manifest(base, mined, incumbent) | {"metrics": evaluation.to_json()}
    after: Role = "incumbent" if incumbent else "base"
    end.report(outcome, manifest, evaluation, ("base", after), None)
    return outcome


def _fine_tune(steps: Steps, end: RunRecord) -> Outcome:
    """Everything."""
    base, store = steps.base(), steps.store()
    incumbent = steps.incumbent(store, base)
    with staged(store, steps.identity) as folder:
        mined = steps.mine()
        plan = steps.plan(mined, incumbent)
        share = steps.evaluate_settings.share * steps.deadline.seconds
        share = min(share, MOST_OF_THE_REST * steps.deadline.left())
        evaluation = steps.evaluation(mined, share, 3 if incumbent else 2, incumbent)
        if not plan.rows or not evaluation.holes:
            return end.nothing_to_do(mined, base, plan)
        task, resumable = steps.task(base, mined, plan, folder)
        steps.examine_what_is(evaluation, base, incumbent)
        reserve = evaluation.longest + CLOSING
        trained = steps.train(task, folder, resumable, reserve=reserve)
        steps.examine_candidate(evaluation, base, folder)
        evidence = steps.evidence(evaluation, mined, incumbent)
        decision = decide(evidence, steps.rules)
        manifest = (
            end.manifest(base, mined, incumbent)
            | task.to_json()
            | {
                "training": trained.to_json(),
                "metrics": evaluation.to_json() | {"evidence": evidence.to_json()},
                "decision": decision.to_json(),
            }
        )
        end.report(decision, manifest, evaluation, (evidence.against, "candidate"), folder)
        interruption.ignore()  # interrupted means not published: it is now or never
        interruption.check()
        keep = store.publish if decision.outcome == "published" else store.keep
        revision = keep(steps.identity, folder, manifest)
        if resumable:
            resumable.finish()
    return end.decided(mined, base, evaluation, decision, revision)


def _help(steps: Steps, end: RunRecord) -> Outcome:
    """Train beside the first process, which does everything else by itself."""
    from homespun_finetune.training_step import TrainingTask

    base = steps.base()
    incumbent = steps.incumbent(steps.store(), base)
    mined = steps.mine()
    plan = steps.plan(mined, incumbent)
    task = TrainingTask(base, mined, plan, steps.training)
    with tempfile.TemporaryDirectory() as folder:
        steps.train(task, Path(folder), None, reserve=0.0)
    return end.outcome("evaluated", mined, base=base.id)


def _shadow(steps: Steps, end: RunRecord) -> Outcome:
    """Train beside planted keys and see which are given away; nothing of it is kept."""
    from homespun_finetune import canary
    from homespun_finetune.refresh import full_plan
    from homespun_finetune.training_step import TrainingTask

    base, seed = steps.base(), steps.request.seed
    mined, canaries = steps.mine(), canary.invent(seed)
    planted = canary.planted(canaries)
    task = TrainingTask(base, mined, full_plan(mined, seed), steps.training, planted)
    each = steps.evaluate_settings.share / 2 * steps.deadline.left()
    with tempfile.TemporaryDirectory() as folder:
        before = steps.exposed(base, None, canaries, each)
        steps.train(task, Path(folder), None, reserve=each + CLOSING)
        after = steps.exposed(base, Path(folder), canaries[: len(before)], each)
    found = canary.to_json(before[: len(after)], after)
    steps.reporter.say(canary.said(found))
    return replace(end.outcome("evaluated", mined, base=base.id), canaries=found)
