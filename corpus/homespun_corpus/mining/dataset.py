"""Repositories become a dataset: split, judged, cut into samples, and accounted for.

The same commits and settings give the same rows, which the manifest's digest shows. Every function
of the training trees, and every one held out, has its line in the account that the manifest names,
and the manifest's counts are the account's sums. Of several repositories each has its own split and
its own related code; they are judged together, so that none teaches what another holds out.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from homespun_corpus.errors import NothingToLearn, RepositoryError
from homespun_corpus.filters.path_filter import path_filter
from homespun_corpus.mining.eval_material import EvalMaterial
from homespun_corpus.mining.ledger import Ledger, LedgerEntry, ledger_counts, ledger_entries
from homespun_corpus.mining.row_writer import RowWriter
from homespun_corpus.mining.sample import Sample
from homespun_corpus.mining.sampling import Sampling, chosen, thinned
from homespun_corpus.mining.selection import KeptFunctions, select_together
from homespun_corpus.mining.split import split
from homespun_corpus.reading.blob_cache import BlobCache
from homespun_corpus.reading.rules_version import rules_version
from homespun_corpus.reading.scope import narrowed
from homespun_corpus.reading.sources import OnRead, Sources
from homespun_corpus.reading.worker_pool import WorkerPool
from homespun_corpus.repo.identity import first_commit
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import LANGUAGES

SCHEMA = 3

Progress = Callable[[str, int, int], None]  # stage, done, of how many


@dataclass(frozen=True, slots=True)
class MineSettings:
    """``exclude``: gitignore patterns of paths to keep out, beyond what hygiene keeps out.
    ``exclude_licences``: SPDX ids, with ``*`` for any characters, of licences that keep a file out.

    ``since``: a date, a revision or a number of commits with which held-out code begins; None
    leaves that to the amount of code. ``most_bytes``: of source in a tree; of a larger one the
    files that changed last are mined (``scope``).
    """

    seed: int = 0
    exclude: tuple[str, ...] = ()
    exclude_licences: tuple[str, ...] = ()
    since: str | None = None
    most_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Mined:
    """``dataset``: splits "train", "validation" and "test" of ``Sample.to_row``'s rows.

    ``ledger``: the fate of each function, which the manifest's counts sum up. ``material``: what
    an evaluation needs of the repositories themselves; None for a dataset that was read back.
    """

    dataset: DatasetDict
    manifest: dict[str, Any]
    ledger: Ledger
    material: EvalMaterial | None = None

    def samples(self, part: str) -> Iterator[Sample]:
        """The samples of one split."""
        return map(Sample.from_row, self.dataset[part])


def mine(
    repository: Repository,
    settings: MineSettings,
    *,
    progress: Progress | None = None,
    cache: Path | None = None,
    processes: int = 1,
) -> Mined:
    """``mine_together`` of one repository."""
    asked = [(repository, settings)]
    return mine_together(asked, progress=progress, cache=cache, processes=processes)


def mine_together(
    asked: Sequence[tuple[Repository, MineSettings]],
    *,
    progress: Progress | None = None,
    cache: Path | None = None,
    processes: int = 1,
) -> Mined:
    """Mine repositories into one dataset, of which the first gives the seed; every row names its
    own. NothingToLearn if no function of them can be trained on, RepositoryError if one is there
    twice.

    ``cache``: a file that keeps what was read for the next run. Neither it nor the number of
    processes changes a row.
    """
    named = Counter(repository.identity for repository, _ in asked)
    if twice := [name for name, count in named.items() if count > 1]:
        raise RepositoryError(f"{twice[0]} is given twice: each repository once")
    kept = BlobCache(cache) if cache is not None else None
    tell = progress or (lambda *_: None)
    try:
        with WorkerPool(processes) if processes > 1 else nullcontext() as workers:
            sources = [
                mining_sources(
                    *one,
                    cache=kept,
                    workers=workers,
                    on_read=lambda done, of: tell("reading", done, of),
                )
                for one in asked
            ]
            settings = [settings for _, settings in asked]
            return _Miner(sources, settings, tell).mine()
    finally:
        if kept is not None:
            kept.settle()  # and not close: material reads from it


def mining_sources(
    repository: Repository,
    settings: MineSettings,
    *,
    cache: BlobCache | None = None,
    workers: WorkerPool | None = None,
    on_read: OnRead = lambda *_: None,
) -> Sources:
    """The files of a repository as mining reads them."""
    left_out = path_filter(repository, settings.exclude)
    part, scope = narrowed(repository, left_out, settings.most_bytes)
    return Sources(
        part,
        left_out,
        licences=settings.exclude_licences,
        cache=cache,
        workers=workers,
        on_read=on_read,
        scope=scope,
    )


class _Miner:
    def __init__(
        self, sources: Sequence[Sources], settings: Sequence[MineSettings], progress: Progress
    ) -> None:
        self.sources = sources
        self.settings = settings
        self.progress = progress
        self.seed = settings[0].seed

    def mine(self) -> Mined:
        self.progress("reading", 0, 1)
        cuttings = self._cuttings()
        rows = RowWriter()
        for sample in self._training_samples(cuttings):
            rows.add("train", sample)
        indexes = {}
        for cutting in cuttings:
            index = indexes[cutting.sources.repository.identity] = cutting.served()
            rows.extend("validation", cutting.held_samples("validation", index))
            rows.extend("test", cutting.held_samples("test", index))
        ledger = Ledger.of(entry for cutting in cuttings for entry in _entries(cutting))
        material = EvalMaterial(
            tuple(source.repository for source in self.sources),
            indexes,
            KeptFunctions(tuple(cutting.selection for cutting in cuttings)),
            tuple(held for cutting in cuttings for held in cutting.selection.held),
        )
        dataset = rows.dataset()
        return Mined(dataset, self._manifest(cuttings, ledger, rows), ledger, material)

    def _cuttings(self) -> list[Sampling]:
        parts = [
            split(source.repository, source, settings.seed, settings.since)
            for source, settings in zip(self.sources, self.settings, strict=True)
        ]
        selection = select_together(list(zip(self.sources, parts, strict=True)))
        found = zip(self.sources, parts, selection, strict=True)
        cuttings = [Sampling(*one, self.seed) for one in found]
        if not any(len(cutting.selection.kept) for cutting in cuttings):
            raise NothingToLearn(_why_nothing(cuttings))
        return cuttings

    def _training_samples(self, cuttings: Sequence[Sampling]) -> Iterator[Sample]:
        room = [array("B", cutting.room()) for cutting in cuttings]
        asked = zip(cuttings, thinned(room, self.seed), strict=True)
        found = [list(cutting.training_cuts(ledger_counts)) for cutting, ledger_counts in asked]
        wanted = chosen([cut for cuts in found for cut in cuts], self.seed)
        left, done = set(map(id, wanted)), 0
        for cutting, cuts in zip(cuttings, found, strict=True):
            for sample in cutting.training_samples(cut for cut in cuts if id(cut) in left):
                yield sample
                done += 1
                self.progress("cutting", done, len(wanted))

    def _manifest(
        self, cuttings: Sequence[Sampling], ledger: Ledger, rows: RowWriter
    ) -> dict[str, Any]:
        found = ledger_counts(ledger) | {"samples": rows.counts["train"]}
        each = [_described(*one) for one in zip(cuttings, self.settings, strict=True)]
        kinds = {one["split"]["kind"] for one in each}
        several = {
            "commit": None,
            "split": {
                "kind": kinds.pop() if len(kinds) == 1 else "file",
                "train_commit": None,
                "validation_commit": None,
            },
            "settings": each[0]["settings"]
            | {
                key: sorted({line for one in each for line in one["settings"][key]})
                for key in ("exclude", "exclude_licences")
            },
        }
        return {
            "schema": SCHEMA,
            "rules": rules_version(),
            **(each[0] if len(each) == 1 else each[0] | several),
            "repositories": each,
            "counts": found | {"files_left_out": _files_left_out(cuttings)},
            "digest": rows.digest(),
            "account": ledger.described(),
        }


def _described(cutting: Sampling, settings: MineSettings) -> dict[str, Any]:
    """One repository, for the manifest."""
    repository, scope = cutting.sources.repository, cutting.sources.scope
    return {
        "repository": repository.identity,
        "commit": repository.commit,
        "first_commit": first_commit(repository.root) if repository.is_git else None,
        "split": cutting.parts.to_json(),
        "settings": {
            "seed": settings.seed,
            "exclude": list(settings.exclude),
            "exclude_licences": list(settings.exclude_licences),
            "since": settings.since,
            "most_bytes": settings.most_bytes,
        },
        "scope": scope.to_json() if scope else None,
    }


def _entries(cutting: Sampling) -> Iterator[LedgerEntry]:
    return ledger_entries(cutting.selection, cutting.sources.repository.identity)


def _why_nothing(cuttings: Sequence[Sampling]) -> str:
    where = ", ".join(str(cutting.sources.repository.root) for cutting in cuttings)
    rejected = Counter(reason for one in cuttings for _, reason in one.selection.trained)
    if rejected:
        reasons = ", ".join(f"{reason} {n}" for reason, n in rejected.most_common(4))
        return f"no function of {where} can be trained on: {reasons}"
    left_out = _files_left_out(cuttings)
    if left_out:
        reasons = ", ".join(f"{reason} {n}" for reason, n in left_out.items())
        return f"every source file of {where} is left out: {reasons}"
    return (
        f"no function in a known language in {where}: "
        f"give a repository with code in one of {', '.join(row.name for row in LANGUAGES)}"
    )


def _files_left_out(cuttings: Iterable[Sampling]) -> dict[str, int]:
    reasons = Counter[str]()
    for cutting in cuttings:
        reasons.update(cutting.selection.left_out)
    return dict(sorted(reasons.items()))
