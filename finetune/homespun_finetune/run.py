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
from homespun_finetune.examination import Role
from homespun_finetune.gate import decide
from homespun_finetune.outcome import Outcome
from homespun_finetune.progress import Reporter
from homespun_finetune.request import Request
from homespun_finetune.run_record import Conclusion
from homespun_finetune.steps import Steps, staged

MOST_OF_THE_REST = 0.45  # of what mining leaves, for evaluation: there is still time to train
CLOSING = 5.0  # seconds to merge, load, decide and publish


def run(request: Request, reporter: Reporter, deadline: Deadline) -> Outcome:
    """Do what was asked, telling people as it goes. Raises the errors of all rooms."""
    steps = Steps(request, reporter, deadline)
    return _asked_for(request)(steps, Conclusion(steps))


def _asked_for(request: Request) -> Callable[[Steps, Conclusion], Outcome]:
    if request.dry_run:
        return _dry
    if not processes.is_first():
        return _help
    if request.canaries:
        return _shadow
    return _evaluate if request.evaluate_only else _fine_tune


def _dry(steps: Steps, end: Conclusion) -> Outcome:
    """The counts. Needs neither a base nor a store, and no torch."""
    mined = steps.mine()
    return end.outcome("dry-run", mined, base=steps.request.base)


def _evaluate(steps: Steps, end: Conclusion) -> Outcome:
    """Base and published adapter on held-out code; changes nothing."""
    base = steps.base()
    incumbent = steps.incumbent(steps.store(), base)
    mined = steps.mine()
    seconds = steps.deadline.left() - CLOSING
    examination = steps.examination(mined, seconds, 2 if incumbent else 1, incumbent)
    steps.examine_what_is(examination, base, incumbent)
    outcome = end.outcome("evaluated", mined, base=base.id, examination=examination)
    show.table(steps.reporter.console, outcome.metrics)
    manifest = end.manifest(base, mined, incumbent) | {"metrics": examination.to_json()}
    after: Role = "incumbent" if incumbent else "base"
    end.report(outcome, manifest, examination, ("base", after), None)
    return outcome


def _fine_tune(steps: Steps, end: Conclusion) -> Outcome:
    """Everything."""
    base, store = steps.base(), steps.store()
    incumbent = steps.incumbent(store, base)
    with staged(store, steps.identity) as folder:
        mined = steps.mine()
        course = steps.course(mined, incumbent)
        share = steps.evaluation.share * steps.deadline.seconds
        share = min(share, MOST_OF_THE_REST * steps.deadline.left())
        examination = steps.examination(mined, share, 3 if incumbent else 2, incumbent)
        if not course.rows or not examination.holes:
            return end.nothing_to_do(mined, base, course)
        lessons, unfinished = steps.lessons(base, mined, course, folder)
        steps.examine_what_is(examination, base, incumbent)
        reserve = examination.longest + CLOSING
        trained = steps.train(lessons, folder, unfinished, reserve=reserve)
        steps.examine_candidate(examination, base, folder)
        evidence = steps.evidence(examination, mined, incumbent)
        decision = decide(evidence, steps.rules)
        manifest = (
            end.manifest(base, mined, incumbent)
            | lessons.to_json()
            | {
                "training": trained.to_json(),
                "metrics": examination.to_json() | {"evidence": evidence.to_json()},
                "decision": decision.to_json(),
            }
        )
        end.report(decision, manifest, examination, (evidence.against, "candidate"), folder)
        interruption.ignore()  # interrupted means not published: it is now or never
        interruption.check()
        keep = store.publish if decision.outcome == "published" else store.keep
        revision = keep(steps.identity, folder, manifest)
        if unfinished:
            unfinished.finish()
    return end.decided(mined, base, examination, decision, revision)


def _help(steps: Steps, end: Conclusion) -> Outcome:
    """Train beside the first process, which does everything else by itself."""
    from homespun_finetune.training_step import Lessons

    base = steps.base()
    incumbent = steps.incumbent(steps.store(), base)
    mined = steps.mine()
    course = steps.course(mined, incumbent)
    lessons = Lessons(base, mined, course, steps.training)
    with tempfile.TemporaryDirectory() as folder:
        steps.train(lessons, Path(folder), None, reserve=0.0)
    return end.outcome("evaluated", mined, base=base.id)


def _shadow(steps: Steps, end: Conclusion) -> Outcome:
    """Train beside planted keys and see which are given away; nothing of it is kept."""
    from homespun_finetune import canary
    from homespun_finetune.refresh import whole
    from homespun_finetune.training_step import Lessons

    base, seed = steps.base(), steps.request.seed
    mined, canaries = steps.mine(), canary.invent(seed)
    planted = canary.planted(canaries)
    lessons = Lessons(base, mined, whole(mined, seed), steps.training, planted)
    each = steps.evaluation.share / 2 * steps.deadline.left()
    with tempfile.TemporaryDirectory() as folder:
        before = steps.exposed(base, None, canaries, each)
        steps.train(lessons, Path(folder), None, reserve=each + CLOSING)
        after = steps.exposed(base, Path(folder), canaries[: len(before)], each)
    found = canary.to_json(before[: len(after)], after)
    steps.reporter.say(canary.said(found))
    return replace(end.outcome("evaluated", mined, base=base.id), canaries=found)
