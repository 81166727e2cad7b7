"""The steps of a run: each takes what the ones before it made, and tells people as it goes.

Knows their inputs, not their order. torch is imported when the first model loads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homespun_corpus.filters.team_settings import read_team_settings
from homespun_corpus.repo.repository import Repository
from homespun_model.errors import StoreError
from homespun_model.store.folder_names import folder_names

from homespun_finetune import interruption, processes, show
from homespun_finetune.budget import Deadline, best_device
from homespun_finetune.errors import RunUsageError
from homespun_finetune.evaluation import Evaluation, Role
from homespun_finetune.evidence import Evidence, gather
from homespun_finetune.gate import GateRules
from homespun_finetune.outcome import Seconds
from homespun_finetune.progress import Reporter, Turn
from homespun_finetune.request import RunRequest
from homespun_finetune.settings import EvaluateSettings, TrainSettings

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined
    from homespun_model.bases.base import Base
    from homespun_model.completer import Completer
    from homespun_model.store.store import AdapterStore, Revision

    from homespun_finetune.canary import Canary, Exposure
    from homespun_finetune.refresh import TrainingPlan
    from homespun_finetune.resumable import ResumableRun
    from homespun_finetune.train import Trained
    from homespun_finetune.training_step import TrainingTask


MINED_A_MINUTE = 2_000_000
"""Bytes of source that are mined for each of ``--minutes``: 30 MB took two minutes of processor
time. A larger tree has more to teach than can be read, let alone learnt, in them."""
MINING_SHARE = 0.8
"""Of ``--minutes``: what mining leaves after that is too little to learn and measure anything."""


class Steps:
    """One request's repositories, settings and clock, and what can be done with them."""

    def __init__(self, request: RunRequest, reporter: Reporter, deadline: Deadline) -> None:
        self.request = request
        self.reporter = reporter
        self.deadline = deadline
        self.seconds = Seconds()
        self.rules = GateRules()
        self.repositories = [Repository.open(path) for path in request.repositories]
        first = self.repositories[0]
        self.identity = first.identity if request.id is None else request.id
        folder_names(self.identity)  # a dry run refuses the same ids
        self.teams = [read_team_settings(one.root) for one in self.repositories]
        self.team = self.teams[0]
        self.training = TrainSettings(seed=request.seed).wishing(self.team.train)
        self.evaluate_settings = EvaluateSettings(seed=request.seed)

    def mine(self) -> Mined:
        """The dataset, told in counts and kept on the disk to be looked at."""
        from homespun_corpus.mining.dataset import MineSettings, mine_together
        from homespun_corpus.mining.dataset_files import default_folder, save
        from homespun_corpus.reading.blob_cache import default_cache
        from homespun_corpus.reading.worker_pool import cores

        request = self.request
        most = round(MINED_A_MINUTE * self.deadline.seconds / 60 / len(self.repositories))
        asked = [
            (
                one,
                MineSettings(
                    request.seed, team.exclude, team.exclude_licences, request.since, most
                ),
            )
            for one, team in zip(self.repositories, self.teams, strict=True)
        ]
        with self.timed("mine"), self.reporter.stage("mining") as stage:

            def tell(name: str, done: int, of: int) -> None:
                self._check_mining()
                stage.update(done / max(1, of), name)

            mined = mine_together(
                asked,
                progress=tell,
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

    def _check_mining(self) -> None:
        """RunUsageError once it leaves no time for anything else; counts alone may take any."""
        spent = self.deadline.seconds - self.deadline.left()
        if not self.request.dry_run and spent > MINING_SHARE * self.deadline.seconds:
            minutes = self.deadline.seconds / 60
            raise RunUsageError(
                f"mining alone takes more than {MINING_SHARE:.0%} of --minutes {minutes:g}: run "
                "the same command again, for what was read is kept, or give it more minutes"
            )

    def base(self) -> Base:
        """The base, refused here if its training would not fit into memory."""
        from homespun_model.bases.base import load_base

        from homespun_finetune.memory import must_fit

        base = load_base(self.request.base, fim_format=self.request.fim_format)
        if not self.request.evaluate_only:
            must_fit(base)
        return base

    def store(self) -> AdapterStore:
        """Where adapters are published."""
        from homespun_model.store.store import AdapterStore, default_store

        return AdapterStore(self.request.store or default_store())

    def incumbent(self, store: AdapterStore, base: Base) -> Revision | None:
        """What is served now; RunUsageError, before any work, if it compares with nothing."""
        from homespun_model.store.admission import check

        try:
            incumbent = store.current(self.identity, base.record)
        except StoreError as error:
            raise RunUsageError(str(error)) from error
        try:
            if incumbent is not None:
                check(incumbent, base)
        except StoreError as error:
            raise RunUsageError(
                f"{error}; nothing can be compared with it: give its base, another --store or "
                "--id, or go back to the base first with `homespun adapters rollback --to-base`"
            ) from error
        return incumbent

    def evaluation(
        self, mined: Mined, seconds: float, models: int, incumbent: Revision | None
    ) -> Evaluation:
        """An evaluation of so many models, of what the incumbent never saw."""
        from homespun_finetune.refresh import unseen

        samples, material = unseen(mined, incumbent)
        return Evaluation(
            samples,
            material,
            self.evaluate_settings,
            seconds=seconds,
            models=models,
            reporter=self.reporter,
        )

    def examine_what_is(
        self, evaluation: Evaluation, base: Base, incumbent: Revision | None
    ) -> None:
        """Base, baselines and incumbent."""
        from homespun_model.completer import Completer

        device = best_device()
        untuned = Completer.load(base, device=device)
        self.examine(evaluation, "base", untuned)
        with self.timed("evaluate"):
            evaluation.measure_baselines(base, untuned)
        if incumbent is not None:
            served = Completer.load(base, incumbent, device=device)
            self.examine(evaluation, "incumbent", served)

    def examine_candidate(self, evaluation: Evaluation, base: Base, folder: Path) -> None:
        """The adapter as it lies in ``folder``, loaded as it would be for an editor."""
        from homespun_model.completer import Completer
        from homespun_model.engines.loading import load_engine

        forward = load_engine(base, folder, device=best_device())
        self.examine(evaluation, "candidate", Completer(base, forward, None))

    def exposed(
        self, base: Base, folder: Path | None, canaries: Sequence[Canary], seconds: float
    ) -> list[Exposure]:
        """How well the base, or the adapter in ``folder``, knows the canaries' keys."""
        from homespun_model.completer import Completer
        from homespun_model.engines.loading import load_engine

        from homespun_finetune import canary

        completer = Completer(base, load_engine(base, folder, device=best_device()), None)
        name = "adapter" if folder else "base"
        with self.timed("evaluate"), self.reporter.stage(f"asking the {name} for keys") as stage:
            in_time = Turn(stage, seconds).within(seconds)
            return list(canary.expose(completer, canaries, self.request.seed, in_time))

    def examine(self, evaluation: Evaluation, role: Role, completer: Completer) -> None:
        with self.timed("evaluate"):
            evaluation.measure(role, completer)

    def plan(self, mined: Mined, incumbent: Revision | None) -> TrainingPlan:
        """What to learn, and where to begin."""
        from homespun_finetune.refresh import full_plan, refresh_plan

        if not self.request.refresh:
            return full_plan(mined, self.request.seed)
        plan = refresh_plan(mined, incumbent, self.request.seed)
        self.reporter.say(str(plan))
        return plan

    def task(
        self, base: Base, mined: Mined, plan: TrainingPlan, folder: Path
    ) -> tuple[TrainingTask, ResumableRun | None]:
        """What to train on, and what an earlier run, killed, has done of it."""
        from homespun_finetune.resumable import ResumableRun
        from homespun_finetune.training_step import TrainingTask

        task = TrainingTask(base, mined, plan, self.training)
        if processes.count() > 1:  # all of them would have to go on from the same step
            return task, None
        key = task.key(self.deadline.seconds / 60)
        return task, ResumableRun(folder.parent.parent, key)

    def train(
        self,
        task: TrainingTask,
        folder: Path,
        resumable: ResumableRun | None,
        *,
        reserve: float,
    ) -> Trained:
        """An adapter in ``folder``, within what the clock leaves less ``reserve`` seconds."""
        from homespun_finetune.training_step import train_adapter

        seconds = self.deadline.left() - reserve
        with self.timed("train"), self.reporter.stage("training") as stage:
            trained = train_adapter(task, folder, resumable, seconds=seconds, stage=stage)
        if trained.resumed_at is not None:
            self.reporter.say(f"went on from step {trained.resumed_at} of a run that was cut short")
        self.reporter.say(show.trained(trained))
        return trained

    def evidence(
        self, evaluation: Evaluation, mined: Mined, incumbent: Revision | None
    ) -> Evidence:
        """What the evaluation says of the candidate."""
        split = incumbent.manifest.get("split") if incumbent else None
        was = split.get("kind") if isinstance(split, dict) else None
        return gather(
            evaluation,
            against="incumbent" if incumbent else "base",
            seed=self.request.seed,
            weaker_split=was == "time" and mined.manifest["split"]["kind"] != "time",
        )

    @contextmanager
    def timed(self, part: Literal["mine", "train", "evaluate"]) -> Iterator[None]:
        begun = time.monotonic()
        yield
        spent = getattr(self.seconds, part) + time.monotonic() - begun
        setattr(self.seconds, part, spent)


@contextmanager
def staged(store: AdapterStore, identity: str) -> Iterator[Path]:
    """A folder for the adapter, made before the work: a read-only store says so at once."""
    try:
        folder = store.stage(identity)
    except StoreError as error:
        raise RunUsageError(str(error)) from error
    try:
        yield folder
    finally:
        interruption.ignore()  # a second Ctrl-C would leave half of it
        store.discard(folder)  # it is gone already once published or kept
