"""The steps of a run: find repositories, prepare them, train in rounds, put the best in its place.

All that is done is kept until the end, so that the same command goes on after a kill. Knows no
flags.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homespun_corpus.repo.repository import Repository
from homespun_model.bases.base import Base
from homespun_model.bases.generic_adapter import own_folder

from homespun_finetune.adapt.clones import cloned, listed, named
from homespun_finetune.adapt.material import TRAINING, VALIDATION, Material
from homespun_finetune.adapt.rounds import Rounds
from homespun_finetune.adapt.shelf import place
from homespun_finetune.budget import Deadline
from homespun_finetune.errors import RunUsageError, TrainingError
from homespun_finetune.progress import Reporter
from homespun_finetune.resumable import ResumableRun, key_of
from homespun_finetune.steps import load_base

READING = 0.25
"""Of the time, for reading repositories: as many as that reads."""
VALIDATED_EVERY = 8
"""One in so many repositories is not trained on, the second first."""


@dataclass(frozen=True, slots=True)
class AdaptRequest:
    """What a command asks for."""

    base: str
    folders: tuple[Path, ...] = ()
    """With permissive code; none for the listed repositories."""
    without: tuple[str, ...] = ()
    """Names of repositories to leave out."""
    fim_format: str | None = None
    seed: int = 0

    def key(self, base: Base, minutes: float) -> str:
        """What decides the result."""
        return key_of(
            {
                "base": base.weights_hash,
                "prompt": base.prompt_versions[-1],
                "folders": [str(folder.resolve()) for folder in self.folders],
                "without": sorted(self.without),
                "seed": self.seed,
                "minutes": minutes,
            }
        )


def run(request: AdaptRequest, reporter: Reporter, deadline: Deadline) -> Path:
    """Make the adapter; where it lies. Raises the errors of all rooms."""
    base = load_base(request.base, request.fim_format, to_train=True)
    going = ResumableRun(own_folder(), request.key(base, deadline.seconds / 60))
    if going.path is None:
        raise RunUsageError(f"{own_folder()} cannot be written, or the same run is at work there")
    material = Material(going.path / "samples")
    _prepare(request, base, material, reporter, deadline)
    rounds = Rounds(base, material, going.path, request.seed, reporter)
    best, done = rounds.run(deadline.left())
    if min(one.bits for one in done) >= done[0].bits:
        raise TrainingError("the adapter expects unseen code no better than the bare base does")
    path = place(base, best, done, material.repositories(TRAINING))
    going.finish()
    return path


def _prepare(
    request: AdaptRequest, base: Base, material: Material, reporter: Reporter, deadline: Deadline
) -> None:
    """Read repositories for as long as there is time for; RunUsageError where that are too few."""
    finished = material.folder / "finished"
    if finished.exists():
        return
    with reporter.stage("reading repositories") as stage:
        uses = itertools.cycle([TRAINING, VALIDATION, *[TRAINING] * (VALIDATED_EVERY - 2)])
        for repository, use in zip(_repositories(request, reporter), uses, strict=False):
            count = material.prepare(repository, base, request.seed, use)
            spent = 1 - deadline.left() / deadline.seconds
            stage.update(spent / READING, f"{repository.identity}: {count} samples, {use}")
            if spent > READING and _is_ready(material):
                break
    if not _is_ready(material):
        raise RunUsageError(
            "at least two repositories with code are needed, one of them to validate on: name more "
            "by --from"
        )
    finished.touch()
    reporter.say(
        f"{len(material.repositories(TRAINING))} repositories to train on, "
        f"{material.samples:,} samples; {len(material.repositories(VALIDATION))} to validate"
    )


def _repositories(request: AdaptRequest, reporter: Reporter) -> Iterator[Repository]:
    if request.folders:
        return named(request.folders, request.without)
    sources = listed(request.without, request.seed)
    folder = own_folder() / "clones"
    reporter.say(
        f"repositories with permissive licences are cloned to {folder}, from {len(sources)} that "
        "are listed, as many as there is time for"
    )
    return cloned(sources, folder, reporter)


def _is_ready(material: Material) -> bool:
    """Whether there is something to train on, and something to validate on."""
    return bool(material.samples and material.repositories(VALIDATION))
