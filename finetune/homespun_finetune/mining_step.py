"""The first step of a run: the dataset, mined from all repositories within their time.

Told in counts, and kept on the disk to be looked at. Knows no base and no training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homespun_corpus.filters.nested_settings import nested_settings
from homespun_corpus.repo.repository import Repository

from homespun_finetune import show
from homespun_finetune.budget import Deadline
from homespun_finetune.errors import RunUsageError
from homespun_finetune.progress import Reporter
from homespun_finetune.run_context import RunContext, RunProgress

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined, MineSettings

MINED_A_MINUTE = 2_000_000
"""Bytes of source that are mined for each of ``--minutes``: 30 MB took two minutes of processor
time. A larger tree has more to teach than can be read, let alone learnt, in them."""
MINING_SHARE = 0.8
"""Of ``--minutes``: what mining leaves after that is too little to learn and measure anything."""


def mine(
    context: RunContext, progress: RunProgress, *, since: str | None, only_counts: bool = False
) -> Mined:
    """The dataset. ``since``: where the user splits by time.

    RunUsageError once it leaves no time for anything else, unless it is wanted for its counts only.
    """
    _say_unread(context, progress.reporter)
    most = round(MINED_A_MINUTE * progress.deadline.seconds / 60 / len(context.repositories))
    asked = _asked(context, since, most)
    mined = _mined(asked, progress, hurried=not only_counts)
    show.counts(progress.reporter.console, context.identity, mined.manifest)
    _keep(mined, context.identity, progress.reporter)
    return mined


def _say_unread(context: RunContext, reporter: Reporter) -> None:
    """What a part of a monorepo has set for itself, and nobody reads."""
    for repository, _ in context.repositories:
        if unread := nested_settings(repository):
            more = f" and {len(unread) - 1} more are" if len(unread) > 1 else " is"
            reporter.say(
                f"{unread[0]}{more} not read: settings are those at the top of the repository"
            )


def _asked(
    context: RunContext, since: str | None, most_bytes: int
) -> list[tuple[Repository, MineSettings]]:
    """Each repository with how it is to be mined."""
    from homespun_corpus.mining.dataset import MineSettings

    return [
        (
            one,
            MineSettings(context.seed, team.exclude, team.exclude_licences, since, most_bytes),
        )
        for one, team in context.repositories
    ]


def _mined(
    asked: list[tuple[Repository, MineSettings]], progress: RunProgress, *, hurried: bool
) -> Mined:
    from homespun_corpus.mining.dataset import mine_together
    from homespun_corpus.reading.blob_cache import default_cache
    from homespun_corpus.reading.worker_pool import cores

    with progress.stage("mine", "mining") as stage:

        def tell(name: str, done: int, of: int) -> None:
            if hurried:
                _check(progress.deadline)
            stage.update(done / max(1, of), name)

        first, _ = asked[0]
        return mine_together(
            asked, progress=tell, cache=default_cache(first.identity), processes=cores()
        )


def _check(deadline: Deadline) -> None:
    """RunUsageError once mining leaves no time for anything else."""
    if deadline.seconds - deadline.left() > MINING_SHARE * deadline.seconds:
        raise RunUsageError(
            f"mining alone takes more than {MINING_SHARE:.0%} of --minutes "
            f"{deadline.seconds / 60:g}: run the same command again, for what was read is kept, or "
            "give it more minutes"
        )


def _keep(mined: Mined, identity: str, reporter: Reporter) -> None:
    """To be looked at only: training reads it from memory."""
    from homespun_corpus.mining.dataset_files import default_folder, save

    folder = default_folder(identity)
    try:
        save(mined, folder)
    except OSError as error:
        reporter.say(f"the dataset was not kept: {folder}: {error.strerror or error}")
    else:
        reporter.say(f"dataset: {folder}")
