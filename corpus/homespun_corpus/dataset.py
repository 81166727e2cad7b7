"""A repository becomes a dataset: split, judged, cut into samples, and accounted for.

The same commit and settings give the same rows, which the manifest's digest shows. Every function
of the training tree, and every one held out, has its line in the account that the manifest names,
and the manifest's counts are the account's sums.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from homespun_corpus.account import Entry, counts, described, entries
from homespun_corpus.blob_cache import BlobCache
from homespun_corpus.context import ContextIndex
from homespun_corpus.errors import NothingToLearn
from homespun_corpus.functions import Function
from homespun_corpus.holes import EVALUATED, MIX, Hole, HoleCutter
from homespun_corpus.languages import LANGUAGES, TEXT, by_name, mined_language
from homespun_corpus.left_out import left_out_by
from homespun_corpus.material import Material
from homespun_corpus.parsing import parse
from homespun_corpus.readers import Readers
from homespun_corpus.repository import Repository
from homespun_corpus.rows import dataset_of, digest_of
from homespun_corpus.rules import rules_version
from homespun_corpus.sampler import SampleMaker, decode
from homespun_corpus.samples import Novelty, Sample
from homespun_corpus.sources import FileFunctions, Sources
from homespun_corpus.spans import Span
from homespun_corpus.split import HeldOut, Split, split
from homespun_corpus.verdicts import Verdicts, judge, without

SCHEMA = 2
CHARS_PER_HOLE = 250  # of a training function's text
MOST_HOLES = 8  # of one training function: a long one is not the whole lesson
MOST_TEXT_HOLES = 32  # of a text, which is many functions where its language has some
TEXT_SHARE = 0.1  # of the training samples at most, where there are functions
HELD_OUT_HOLES: dict[Novelty, int] = {"new": 3, "edited": 1, "old": 0}  # of one held-out function
BARE_SHARE = 0.3  # training samples without path and related code: a model stands without them
MAX_SAMPLES = 12_000  # more than a run of an hour on two cores sees once

Progress = Callable[[str, int, int], None]  # stage, done, of how many
_Cut = tuple[Function, Hole, bool]  # and whether it is bare


@dataclass(frozen=True, slots=True)
class MineSettings:
    """``exclude``: gitignore patterns of paths to keep out, beyond what hygiene keeps out.

    ``since``: a date, a revision or a number of commits with which held-out code begins; None
    leaves that to the amount of code.
    """

    seed: int = 0
    exclude: tuple[str, ...] = ()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Mined:
    """``dataset``: splits "train", "validation" and "test" of ``Sample.to_row``'s rows.

    ``account``: the fate of each function, which the manifest's counts sum up. ``material``: what
    an evaluation needs of the repository itself; None for a dataset that was read back.
    """

    dataset: DatasetDict
    manifest: dict[str, Any]
    account: tuple[Entry, ...]
    material: Material | None = None

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
    """Mine a repository; NothingToLearn if no function of it can be trained on.

    ``cache``: a file that keeps what was read for the next run. Neither it nor the number of
    processes changes a row.
    """
    kept = BlobCache(cache) if cache is not None else None
    try:
        with Readers(processes) if processes > 1 else nullcontext() as readers:
            sources = mining_sources(repository, settings, cache=kept, readers=readers)
            return _Miner(sources, settings, progress or (lambda *_: None)).mine()
    finally:
        if kept is not None:
            kept.close()


def mining_sources(
    repository: Repository,
    settings: MineSettings,
    *,
    cache: BlobCache | None = None,
    readers: Readers | None = None,
) -> Sources:
    """The files of a repository as mining reads them."""
    left_out = left_out_by(repository, settings.exclude)
    return Sources(repository, left_out, cache=cache, readers=readers)


class _Miner:
    def __init__(self, sources: Sources, settings: MineSettings, progress: Progress) -> None:
        self.repository = sources.repository
        self.settings = settings
        self.progress = progress
        self.sources = sources
        self._last_cutter: tuple[tuple[str, str], HoleCutter] | None = None

    def mine(self) -> Mined:
        self.progress("reading", 0, 1)
        parts = split(self.repository, self.sources, self.settings.seed, self.settings.since)
        verdicts = judge(self.sources, parts)
        if not verdicts.kept:
            raise NothingToLearn(self._why_nothing(parts, verdicts))
        # An editor at the split would have shown copies of what came later; training must not.
        served = self._index(parts, None)
        taught = self._index(parts, verdicts) if verdicts.barred else served
        rows = {
            "train": self._train_rows(parts, verdicts, taught),
            "validation": self._held_rows(verdicts.held, "validation", served),
            "test": self._held_rows(verdicts.held, "test", served),
        }
        account = tuple(entries(verdicts))
        manifest = self._manifest(parts, account, rows)
        material = Material(self.repository, served, tuple(verdicts.kept), tuple(verdicts.held))
        return Mined(dataset_of(rows), manifest, account, material)

    def _index(self, parts: Split, verdicts: Verdicts | None) -> ContextIndex:
        """Related code comes from what training reads, never from beyond the split."""
        clean = (file for file in parts.train if file.reason is None and mined_language(file.path))
        return ContextIndex.from_files((file.path, self._shown(file, verdicts)) for file in clean)

    def _shown(self, file: FileFunctions, verdicts: Verdicts | None) -> str:
        source = self._blob(file.blob_id)
        return decode(verdicts.shown(file, source) if verdicts else without(source, file.secrets))

    def _train_rows(
        self, parts: Split, verdicts: Verdicts, index: ContextIndex
    ) -> list[dict[str, Any]]:
        cuts = [
            cut for functions in _by_blob(verdicts.kept) for cut in self._training_cuts(functions)
        ]
        cuts = self._chosen(cuts)
        commit = parts.train_commit or ""
        maker = SampleMaker(self.sources, index, verdicts.barred)
        rows = []
        for done, (function, hole, bare) in enumerate(cuts):
            rows.append(maker.sample(function, hole, commit, "old", bare=bare).to_row())
            self.progress("cutting", done + 1, len(cuts))
        return rows

    def _chosen(self, cuts: list[_Cut]) -> list[_Cut]:
        """A seeded sample of as many cuts as one run can see, in order; not too many of texts."""
        rng = random.Random(self.settings.seed)
        texts = [i for i, (function, _, _) in enumerate(cuts) if function.kind == "text"]
        most = round((len(cuts) - len(texts)) * TEXT_SHARE / (1 - TEXT_SHARE))
        if 0 < most < len(texts):
            left_out = set(rng.sample(texts, len(texts) - most))
            cuts = [cut for i, cut in enumerate(cuts) if i not in left_out]
        if len(cuts) > MAX_SAMPLES:
            cuts = [cuts[i] for i in sorted(rng.sample(range(len(cuts)), MAX_SAMPLES))]
        return cuts

    def _training_cuts(self, functions: Sequence[Function]) -> Iterator[_Cut]:
        cutter = self._cutter(functions[0])
        for function in functions:
            rng = self._rng(function)
            sizes = [part.end - part.start for part in function.parts]
            most = MOST_TEXT_HOLES if function.kind == "text" else MOST_HOLES
            count = min(most, max(1, round(sum(sizes) / CHARS_PER_HOLE)))
            for part, share in _shared_out(function.parts, sizes, count, rng):
                for hole in cutter.cut(part, share, rng, MIX):
                    yield function, hole, rng.random() < BARE_SHARE

    def _held_rows(
        self, held: Iterable[HeldOut], part: str, index: ContextIndex
    ) -> list[dict[str, Any]]:
        maker = SampleMaker(self.sources, index, {})
        rows = []
        for item in held:
            if item.part != part:
                continue
            cutter, rng = self._cutter(item.function), self._rng(item.function)
            for hole in _spread(cutter, item, rng):
                sample = maker.sample(item.function, hole, item.commit, item.novelty)
                rows.append(sample.to_row())
        return rows

    def _cutter(self, function: Function) -> HoleCutter:
        """The cutter of a function's file; the last one is kept, since functions come by file."""
        file = function.blob_id, function.language
        if self._last_cutter is None or self._last_cutter[0] != file:
            source, language = self._blob(function.blob_id), by_name(function.language)
            tree = parse(language, source) if language is not TEXT else None
            cutter = HoleCutter(decode(source), source, language if tree else None, tree)
            self._last_cutter = file, cutter
        return self._last_cutter[1]

    def _rng(self, function: Function) -> random.Random:
        return random.Random(
            f"{self.settings.seed}:{function.path}:{function.blob_id}:{function.span.start}"
        )

    def _blob(self, blob_id: str) -> bytes:
        return self.sources.text(blob_id)

    def _manifest(
        self, parts: Split, account: tuple[Entry, ...], rows: dict[str, list[dict[str, Any]]]
    ) -> dict[str, Any]:
        found = counts(account)
        found |= {"samples": len(rows["train"]), "files_left_out": _files_left_out(parts.train)}
        return {
            "schema": SCHEMA,
            "rules": rules_version(),
            "repository": self.repository.identity,
            "commit": self.repository.commit,
            "split": parts.to_json(),
            "counts": found,
            "settings": {
                "seed": self.settings.seed,
                "exclude": list(self.settings.exclude),
                "since": self.settings.since,
            },
            "digest": digest_of(rows),
            "account": described(account),
        }

    def _why_nothing(self, parts: Split, verdicts: Verdicts) -> str:
        rejected = Counter(reason for _, reason in verdicts.trained)
        if rejected:
            reasons = ", ".join(f"{reason} {n}" for reason, n in rejected.most_common(4))
            return f"no function of {self.repository.root} can be trained on: {reasons}"
        left_out = _files_left_out(parts.train)
        if left_out:
            reasons = ", ".join(f"{reason} {n}" for reason, n in left_out.items())
            return f"every source file of {self.repository.root} is left out: {reasons}"
        return (
            f"no function in a known language in {self.repository.root}: "
            f"give a repository with code in one of {', '.join(row.name for row in LANGUAGES)}"
        )


def _shared_out(
    parts: Sequence[Span], sizes: Sequence[int], count: int, rng: random.Random
) -> list[tuple[Span, int]]:
    """How many of ``count`` holes go into each part of a function, by size; 0 is left out."""
    if len(parts) == 1:
        return [(parts[0], count)]
    return sorted(Counter(rng.choices(parts, sizes, k=count)).items())


def _spread(cutter: HoleCutter, held: HeldOut, rng: random.Random) -> list[Hole]:
    """A few holes of a held-out function, from as many of its spans as there are holes."""
    wanted = HELD_OUT_HOLES[held.novelty]
    spans = rng.sample(held.spans, min(len(held.spans), wanted))
    each = -(-wanted // len(spans))
    holes = [hole for span in spans for hole in cutter.cut(span, each, rng, EVALUATED)]
    return holes[:wanted]


def _by_blob(functions: Iterable[Function]) -> Iterator[list[Function]]:
    """Functions of one file together; they come in the order of files already."""
    group: list[Function] = []
    for function in functions:
        if group and (group[0].blob_id, group[0].path) != (function.blob_id, function.path):
            yield group
            group = []
        group.append(function)
    if group:
        yield group


def _files_left_out(files: Iterable[FileFunctions]) -> dict[str, int]:
    return dict(sorted(Counter(f.reason for f in files if f.reason is not None).items()))
