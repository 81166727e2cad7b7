"""One run, from a repository to a decision: mine, measure, train, measure again, decide, publish.

Only here do the rooms meet. Nothing that the store serves changes before the last step, so a run
that fails or is interrupted leaves it as it was. torch is imported when the first model loads.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from homespun_corpus.repository import Repository
from homespun_corpus.team_settings import read_team_settings
from homespun_model.errors import StoreError
from homespun_model.shelves import shelf_folders

from homespun_finetune import interruption, processes, show
from homespun_finetune.budget import Deadline, best_device
from homespun_finetune.errors import UsageError
from homespun_finetune.evidence import Evidence, gather
from homespun_finetune.examination import Examination, Role
from homespun_finetune.gate import Decision, GateRules, decide
from homespun_finetune.outcome import DecisionName, Outcome, Seconds
from homespun_finetune.progress import Reporter, Turn
from homespun_finetune.settings import EvaluateSettings, TrainSettings

if TYPE_CHECKING:
    from homespun_corpus.dataset import Mined
    from homespun_model.base import Base
    from homespun_model.completer import Completer
    from homespun_model.store import AdapterStore, Revision

    from homespun_finetune.canary import Canary, Exposure
    from homespun_finetune.refresh import Course
    from homespun_finetune.teaching import Lessons
    from homespun_finetune.train import Trained
    from homespun_finetune.unfinished import Unfinished

MOST_OF_THE_REST = 0.45  # of what mining leaves, for evaluation: there is still time to train
CLOSING = 5.0  # seconds to merge, load, decide and publish


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    repositories: tuple[Path, ...]
    """The adapter is the first one's. All teach, and all examine."""
    base: str = "starter"
    store: Path | None = None
    id: str | None = None
    fim_format: str | None = None
    seed: int = 0
    dry_run: bool = False
    evaluate_only: bool = False
    since: str | None = None
    report: Path | None = None
    refresh: bool = False
    canaries: bool = False


def run(request: Request, reporter: Reporter, deadline: Deadline) -> Outcome:
    """Do what was asked, telling people as it goes. Raises the errors of all rooms."""
    work = _Run(request, reporter, deadline)
    if request.dry_run:
        return work.dry()
    if not processes.is_first():
        return work.help()
    if request.canaries:
        return work.shadow()
    return work.evaluate() if request.evaluate_only else work.fine_tune()


class _Run:
    def __init__(self, request: Request, reporter: Reporter, deadline: Deadline) -> None:
        self.request = request
        self.reporter = reporter
        self.deadline = deadline
        self.seconds = Seconds()
        self.rules = GateRules()
        self.repositories = [Repository.open(path) for path in request.repositories]
        first = self.repositories[0]
        self.identity = first.identity if request.id is None else request.id
        shelf_folders(self.identity)  # a dry run refuses the same ids
        self.teams = [read_team_settings(one.root) for one in self.repositories]
        self.team = self.teams[0]
        self.training = TrainSettings(seed=request.seed).wishing(self.team.train)
        self.evaluation = EvaluateSettings(seed=request.seed)

    # The three things that can be asked for

    def dry(self) -> Outcome:
        """The counts. Needs neither a base nor a store, and no torch."""
        mined = self._mine()
        return self._outcome("dry-run", mined, base=self.request.base)

    def evaluate(self) -> Outcome:
        """Base and published adapter on held-out code; changes nothing."""
        base = self._base()
        incumbent = self._incumbent(self._store(), base)
        mined = self._mine()
        seconds = self.deadline.left() - CLOSING
        examination = self._examination(mined, seconds, 2 if incumbent else 1, incumbent)
        self._examine_what_is(examination, base, incumbent)
        outcome = self._outcome("evaluated", mined, base=base.id, examination=examination)
        show.table(self.reporter.console, outcome.metrics)
        manifest = self._manifest(base, mined, incumbent) | {"metrics": examination.to_json()}
        after: Role = "incumbent" if incumbent else "base"
        self._report(outcome, manifest, examination, ("base", after), None)
        return outcome

    def fine_tune(self) -> Outcome:
        """Everything."""
        base, store = self._base(), self._store()
        incumbent = self._incumbent(store, base)
        with _staged(store, self.identity) as folder:
            mined = self._mine()
            course = self._course(mined, incumbent)
            share = self.evaluation.share * self.deadline.seconds
            share = min(share, MOST_OF_THE_REST * self.deadline.left())
            examination = self._examination(mined, share, 3 if incumbent else 2, incumbent)
            if not course.rows or not examination.holes:
                return self._nothing_to_do(mined, base, course)
            lessons, unfinished = self._lessons(base, mined, course, folder)
            self._examine_what_is(examination, base, incumbent)
            reserve = examination.longest + CLOSING
            trained = self._train(lessons, folder, unfinished, reserve=reserve)
            self._examine_candidate(examination, base, folder)
            evidence = self._evidence(examination, mined, incumbent)
            decision = decide(evidence, self.rules)
            manifest = (
                self._manifest(base, mined, incumbent)
                | lessons.to_json()
                | {
                    "training": trained.to_json(),
                    "metrics": examination.to_json() | {"evidence": evidence.to_json()},
                    "decision": decision.to_json(),
                }
            )
            self._report(decision, manifest, examination, (evidence.against, "candidate"), folder)
            interruption.ignore()  # interrupted means not published: it is now or never
            interruption.check()
            keep = store.publish if decision.outcome == "published" else store.keep
            revision = keep(self.identity, folder, manifest)
            if unfinished:
                unfinished.finish()
        return self._decided(mined, base, examination, decision, revision)

    def help(self) -> Outcome:
        """Train beside the first process, which does everything else by itself."""
        from homespun_finetune.teaching import Lessons

        base = self._base()
        incumbent = self._incumbent(self._store(), base)
        mined = self._mine()
        course = self._course(mined, incumbent)
        lessons = Lessons(base, mined, course, self.training)
        with tempfile.TemporaryDirectory() as folder:
            self._train(lessons, Path(folder), None, reserve=0.0)
        return self._outcome("evaluated", mined, base=base.id)

    def shadow(self) -> Outcome:
        """Train beside planted keys and see which are given away; nothing of it is kept."""
        from homespun_finetune import canary
        from homespun_finetune.refresh import whole
        from homespun_finetune.teaching import Lessons

        base, seed = self._base(), self.request.seed
        mined, canaries = self._mine(), canary.invent(seed)
        planted = canary.planted(canaries)
        lessons = Lessons(base, mined, whole(mined, seed), self.training, planted)
        each = self.evaluation.share / 2 * self.deadline.left()
        with tempfile.TemporaryDirectory() as folder:
            before = self._exposed(base, None, canaries, each)
            self._train(lessons, Path(folder), None, reserve=each + CLOSING)
            after = self._exposed(base, Path(folder), canaries[: len(before)], each)
        found = canary.to_json(before[: len(after)], after)
        self.reporter.say(canary.said(found))
        return replace(self._outcome("evaluated", mined, base=base.id), canaries=found)

    # Their steps

    def _mine(self) -> Mined:
        from homespun_corpus.blob_cache import default_cache
        from homespun_corpus.dataset import MineSettings, mine_together
        from homespun_corpus.readers import cores
        from homespun_corpus.saved import default_folder, save

        request = self.request
        asked = [
            (one, MineSettings(request.seed, exclude=team.exclude, since=request.since))
            for one, team in zip(self.repositories, self.teams, strict=True)
        ]
        with self._timed("mine"), self.reporter.stage("mining") as stage:
            mined = mine_together(
                asked,
                progress=lambda name, done, of: stage.update(done / max(1, of), name),
                cache=default_cache(self.repositories[0].identity),
                processes=cores(),
            )
        show.counts(self.reporter.console, self.identity, mined.manifest)
        folder = default_folder(self.identity)
        try:
            save(mined, folder)
            self.reporter.say(f"dataset: {folder}")
        except OSError as error:  # kept to be looked at only: training reads it from memory
            self.reporter.say(f"the dataset was not kept: {folder}: {error.strerror or error}")
        return mined

    def _base(self) -> Base:
        from homespun_model.base import load_base

        from homespun_finetune.memory import must_fit

        base = load_base(self.request.base, fim_format=self.request.fim_format)
        if not self.request.evaluate_only:
            must_fit(base)
        return base

    def _store(self) -> AdapterStore:
        from homespun_model.store import AdapterStore, default_store

        return AdapterStore(self.request.store or default_store())

    def _incumbent(self, store: AdapterStore, base: Base) -> Revision | None:
        """What is served now; UsageError, before anything is done, if it compares with nothing."""
        from homespun_model.merge import check

        try:
            incumbent = store.current(self.identity)
        except StoreError as error:
            raise UsageError(str(error)) from error
        try:
            if incumbent is not None:
                check(incumbent, base)
        except StoreError as error:
            raise UsageError(
                f"{error}; nothing can be compared with it: give its base, another --store or "
                "--id, or go back to the base first with `homespun adapters rollback --to-base`"
            ) from error
        return incumbent

    def _examination(
        self, mined: Mined, seconds: float, models: int, incumbent: Revision | None
    ) -> Examination:
        from homespun_finetune.refresh import unseen

        samples, material = unseen(mined, incumbent)
        return Examination(
            samples,
            material,
            self.evaluation,
            seconds=seconds,
            models=models,
            reporter=self.reporter,
        )

    def _examine_what_is(
        self, examination: Examination, base: Base, incumbent: Revision | None
    ) -> None:
        from homespun_model.completer import Completer

        device = best_device()
        untuned = Completer.load(base, device=device)
        self._examine(examination, "base", untuned)
        with self._timed("evaluate"):
            examination.sit_baselines(untuned)
        if incumbent is not None:
            served = Completer.load(base, incumbent, device=device)
            self._examine(examination, "incumbent", served)

    def _examine_candidate(self, examination: Examination, base: Base, folder: Path) -> None:
        """The adapter as it lies in ``folder``, merged as it would be for an editor."""
        from homespun_model.completer import Completer
        from homespun_model.loading import load_forward

        forward = load_forward(base, folder, device=best_device())
        self._examine(examination, "candidate", Completer(base, forward, None))

    def _exposed(
        self, base: Base, folder: Path | None, canaries: Sequence[Canary], seconds: float
    ) -> list[Exposure]:
        """How well the base, or the adapter in ``folder``, knows the canaries' keys."""
        from homespun_model.completer import Completer
        from homespun_model.loading import load_forward

        from homespun_finetune import canary

        completer = Completer(base, load_forward(base, folder, device=best_device()), None)
        name = "adapter" if folder else "base"
        with self._timed("evaluate"), self.reporter.stage(f"asking the {name} for keys") as stage:
            in_time = Turn(stage, seconds).within(seconds)
            return list(canary.expose(completer, canaries, self.request.seed, in_time))

    def _examine(self, examination: Examination, role: Role, completer: Completer) -> None:
        with self._timed("evaluate"):
            examination.sit(role, completer)

    def _course(self, mined: Mined, incumbent: Revision | None) -> Course:
        from homespun_finetune.refresh import refresh, whole

        if not self.request.refresh:
            return whole(mined, self.request.seed)
        course = refresh(mined, incumbent, self.request.seed)
        self.reporter.say(str(course))
        return course

    def _lessons(
        self, base: Base, mined: Mined, course: Course, folder: Path
    ) -> tuple[Lessons, Unfinished | None]:
        """What to train on, and what an earlier run, killed, has done of it."""
        from homespun_finetune.teaching import Lessons
        from homespun_finetune.unfinished import Unfinished

        lessons = Lessons(base, mined, course, self.training)
        if processes.count() > 1:  # all of them would have to go on from the same step
            return lessons, None
        key = lessons.key(self.deadline.seconds / 60)
        return lessons, Unfinished(folder.parent.parent, key)

    def _train(
        self, lessons: Lessons, folder: Path, unfinished: Unfinished | None, *, reserve: float
    ) -> Trained:
        from homespun_finetune.teaching import teach

        seconds = self.deadline.left() - reserve
        with self._timed("train"), self.reporter.stage("training") as stage:
            trained = teach(lessons, folder, unfinished, seconds=seconds, stage=stage)
        if trained.resumed_at is not None:
            self.reporter.say(f"went on from step {trained.resumed_at} of a run that was cut short")
        self.reporter.say(show.trained(trained))
        return trained

    # What comes of them

    def _evidence(
        self, examination: Examination, mined: Mined, incumbent: Revision | None
    ) -> Evidence:
        split = incumbent.manifest.get("split") if incumbent else None
        was = split.get("kind") if isinstance(split, dict) else None
        return gather(
            examination,
            against="incumbent" if incumbent else "base",
            seed=self.request.seed,
            weaker_split=was == "time" and mined.manifest["split"]["kind"] != "time",
        )

    def _manifest(self, base: Base, mined: Mined, incumbent: Revision | None) -> dict[str, Any]:
        """What led to this adapter; the store adds its name and the hash of every file."""
        from homespun_model.prompt import PROMPT_VERSION

        return {
            "base": {"id": base.id, "weights_hash": base.weights_hash},
            "prompt_version": PROMPT_VERSION,
            "parent": incumbent.name if incumbent else None,
            "commit": mined.manifest["commit"],
            "repositories": mined.manifest["repositories"],
            "split": mined.manifest["split"],
            "counts": mined.manifest["counts"],
            "data_digest": mined.manifest["digest"],
            "settings": {
                "minutes": self.deadline.seconds / 60,
                "mine": mined.manifest["settings"],
                "train": self.training.to_json(),
                "evaluate": self.evaluation.to_json(),
                "gate": self.rules.to_json(),
            },
            "homespun": version("homespun"),
        }

    def _report(
        self,
        ended: Decision | Outcome,
        manifest: dict[str, Any],
        examination: Examination,
        sides: tuple[Role, Role],
        folder: Path | None,
    ) -> None:
        """Write the page beside the adapter, and where it was asked for; without it, say why."""
        from homespun_finetune.report import REPORT, Page, notable, write

        files = [folder / REPORT] if folder else []
        files += [self.request.report] if self.request.report else []
        if not files:
            return
        before, after = (examination.results()[side] for side in sides)
        page = Page(
            repository=self.identity,
            decision=ended.outcome if isinstance(ended, Decision) else ended.decision,
            reasons=ended.reasons,
            manifest=manifest,
            pairs=notable(examination.holes, before, after),
            before=sides[0],
            after=sides[1],
            earlier=self._store().revisions(self.identity),
        )
        try:
            write(page, *files)
        except OSError as error:
            self.reporter.say(f"the report was not written: {error.strerror or error}")
        else:
            if self.request.report:
                self.reporter.say(f"report: {self.request.report}")

    def _nothing_to_do(self, mined: Mined, base: Base, course: Course) -> Outcome:
        reason = (
            "no held-out code to measure on: the repository has too few files and too little "
            "history; nothing was trained"
        )
        if course.start and not course.rows:
            reason = f"nothing has changed since {course.start.name}; nothing was trained"
        outcome = self._outcome("undecided", mined, base=base.id, reasons=(reason,))
        show.decision(self.reporter.console, outcome)
        return outcome

    def _decided(
        self,
        mined: Mined,
        base: Base,
        examination: Examination,
        decision: Decision,
        revision: Revision,
    ) -> Outcome:
        outcome = self._outcome(
            decision.outcome,
            mined,
            base=base.id,
            examination=examination,
            reasons=decision.reasons,
            revision=revision.name,
        )
        console, results = self.reporter.console, examination.results()
        pairs = show.choose(examination.holes, results["base"], results["candidate"])
        show.decision(console, outcome)
        show.table(console, outcome.metrics)
        show.completions(console, pairs, outcome.metrics["candidate"])
        return outcome

    def _outcome(
        self,
        decision: DecisionName,
        mined: Mined,
        *,
        base: str,
        examination: Examination | None = None,
        reasons: tuple[str, ...] = (),
        revision: str | None = None,
    ) -> Outcome:
        return Outcome(
            decision=decision,
            repository=self.identity,
            base=base,
            counts=mined.manifest["counts"],
            reasons=reasons,
            revision=revision,
            metrics=examination.metrics() if examination else {},
            seconds=self.seconds,
        )

    @contextmanager
    def _timed(self, part: Literal["mine", "train", "evaluate"]) -> Iterator[None]:
        begun = time.monotonic()
        yield
        spent = getattr(self.seconds, part) + time.monotonic() - begun
        setattr(self.seconds, part, spent)


@contextmanager
def _staged(store: AdapterStore, identity: str) -> Iterator[Path]:
    """A folder for the adapter, made before the work: a read-only store says so at once."""
    try:
        folder = store.stage(identity)
    except StoreError as error:
        raise UsageError(str(error)) from error
    try:
        yield folder
    finally:
        interruption.ignore()  # a second Ctrl-C would leave half of it
        store.discard(folder)  # it is gone already once published or kept
