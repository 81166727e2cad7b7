"""The steps of a run around what is trained: what is served, what to learn, training, publishing.

Each takes what it needs and gives what it made. Knows not their order, and nothing of what is
measured. torch is imported when the first model loads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.errors import StoreError

from homespun_finetune import interruption, processes, show
from homespun_finetune.errors import RunUsageError
from homespun_finetune.gate import Decision
from homespun_finetune.progress import Reporter
from homespun_finetune.run_context import RunProgress
from homespun_finetune.settings import TrainSettings

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined
    from homespun_corpus.mining.sample import Sample
    from homespun_model.bases.base import Base
    from homespun_model.sharing.store_place import StorePlace
    from homespun_model.store.store import AdapterStore, Revision

    from homespun_finetune.refresh import TrainingPlan
    from homespun_finetune.resumable import ResumableRun
    from homespun_finetune.train import Trained
    from homespun_finetune.training_step import TrainingTask


def load_base(name: str, fim_format: str | None, *, to_train: bool) -> Base:
    """The base, refused here if its training would not fit into memory."""
    from homespun_model.bases import base

    from homespun_finetune.memory import must_fit

    loaded = base.load_base(name, fim_format=fim_format)
    if to_train:
        must_fit(loaded)
    return loaded


def open_store(
    named: str | None, identity: str, base: Base, reporter: Reporter, *, to_write: bool
) -> StorePlace:
    """Where adapters are published: the user's own store, unless a folder or a URL is named.

    What a URL serves is here afterwards. StoreError where it cannot be asked: nobody knows then
    what is to be beaten.
    """
    from homespun_model.sharing.store_place import StorePlace

    place = StorePlace.of(named)
    if to_write and place.url is not None and place.url.is_read_only:
        raise RunUsageError(f"{place.url} can only be read: name a store that can be pushed to")
    for change in place.pull(identity, base.record):
        reporter.say(f"{place.url} serves {change.now or 'the base'} on {change.base}")
    return place


def incumbent(store: AdapterStore, identity: str, base: Base) -> Revision | None:
    """What is served now; RunUsageError, before any work, if it compares with nothing."""
    from homespun_model.store.admission import check

    try:
        incumbent = store.current(identity, base.record)
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


def plan(
    base: Base,
    mined: Mined,
    incumbent: Revision | None,
    settings: TrainSettings,
    *,
    refresh: bool,
    reporter: Reporter,
) -> TrainingPlan:
    """What to learn, and where to begin: everything from the base, unless it is a refresh."""
    from homespun_finetune.refresh import full_plan, refresh_plan
    from homespun_finetune.training_step import generic_for

    if not refresh:
        return full_plan(mined, settings.seed)
    version, generic = base.prompt_versions[-1], generic_for(base, settings)
    plan = refresh_plan(mined, incumbent, settings.seed, version, generic)
    reporter.say(str(plan))
    return plan


def task(
    base: Base,
    mined: Mined,
    plan: TrainingPlan,
    settings: TrainSettings,
    planted: Sequence[Sample] = (),
) -> TrainingTask:
    """What to train on, and how."""
    from homespun_finetune.training_step import TrainingTask

    return TrainingTask(base, mined, plan, settings, planted)


def resumable(
    task: TrainingTask,
    minutes: float,
    folder: Path,
    *,
    place: StorePlace,
    identity: str,
    reporter: Reporter,
) -> ResumableRun | None:
    """What an earlier run, killed, has done of ``task``: it lies beside the staged ``folder``, and
    where the store is a URL there too."""
    from homespun_model.sharing.store_place import files_at
    from homespun_model.sharing.unfinished_runs import UnfinishedRuns

    from homespun_finetune import checkpoint
    from homespun_finetune.resumable import ResumableRun
    from homespun_finetune.shared_checkpoint import SharedCheckpoint

    if processes.count() > 1:  # all of them would have to go on from the same step
        return None
    key, shared = task.key(minutes), None
    if place.url is not None:
        runs = UnfinishedRuns(files_at(place.url), identity, checkpoint.FILE)
        shared = SharedCheckpoint(runs, key, reporter.say)
    return ResumableRun(folder.parent.parent, key, shared)


def train(
    task: TrainingTask,
    folder: Path,
    resumable: ResumableRun | None,
    progress: RunProgress,
    *,
    reserve: float,
) -> Trained:
    """An adapter in ``folder``, within what the clock leaves less ``reserve`` seconds."""
    from homespun_finetune.training_step import train_adapter

    seconds = progress.deadline.left() - reserve
    if task.plan.start is None and (generic := task.generic) is not None:
        progress.reporter.say(f"beginning at the base's generic adapter, {generic.sha256[:12]}")
    with progress.stage("train", "training") as stage:
        trained = train_adapter(task, folder, resumable, seconds=seconds, stage=stage)
    if trained.resumed_at is not None:
        progress.reporter.say(f"went on from step {trained.resumed_at} of a run that was cut short")
    progress.reporter.say(show.trained(trained))
    left = progress.deadline.left() - reserve
    if unused := show.unused(trained, left, len(task.plan.rows)):
        progress.reporter.say(unused)
    return trained


def publish(
    place: StorePlace, identity: str, folder: Path, manifest: dict[str, Any], decision: Decision
) -> Revision:
    """Serve the adapter in ``folder`` from now on, or keep it beside, as was decided.

    With a URL it is served where it could be pushed. StoreError where it could not.
    """
    interruption.ignore()  # interrupted means not published: it is now or never
    interruption.check()
    keep = place.publish if decision.outcome == "published" else place.store.keep
    return keep(identity, folder, manifest)
