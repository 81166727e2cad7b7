"""Repositories → samples as token ids, kept on the disk so that a run goes on after a kill.

Of each repository its newest tree is mined as ``finetune-repo`` mines one, and cut into holes of
every kind. Some repositories are for validation, and nothing of them is trained on. Training reads
the others in turn, one sample of each, their languages mixed. Knows no models.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from homespun_corpus.errors import CorpusError
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.reading.worker_pool import cores
from homespun_corpus.repo.identity import file_system_name
from homespun_corpus.repo.repository import Repository
from homespun_model.bases.base import Base
from homespun_model.files.disk import write

from homespun_finetune.batches import EncodedSample, encode_all, shuffled
from homespun_finetune.pretrain.prepare import BENCHMARK

MOST_BYTES = 500_000
"""Of source in a repository: some 800 samples, half a million tokens. A run reads the beginning of
each, for many hands teach more than much of one."""
EXAMINED = 64
"""Holes that are asked of all validation repositories together."""
TRAINING, VALIDATION = "train", "validation"


@dataclass(frozen=True, slots=True)
class Material:
    """What has been prepared in ``folder``, one repository a file."""

    folder: Path

    def prepare(self, repository: Repository, base: Base, seed: int, use: str) -> int:
        """Read a repository for training or validation, unless it was read; its samples."""
        name = f"{file_system_name(repository.identity)}.json"
        file = next(self.folder.glob(f"*/{name}"), self.folder / use / name)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            samples = _samples(repository, seed, use)
            about = _about(repository, samples)
            if use == TRAINING:
                fit = encode_all(base.prompts(), samples, longest=base.context_length)
                about["count"] = _keep(fit, file)
            else:
                about |= {"count": len(samples), "samples": [one.to_row() for one in samples]}
            _put(file, about)
        return int(json.loads(file.read_text(encoding="utf-8"))["count"])

    def repositories(self, use: str) -> list[dict[str, Any]]:
        """Identity, commit and language of all that were prepared and gave samples."""
        return [{key: about[key] for key in _ABOUT} for about in self._read(use) if about["count"]]

    @property
    def samples(self) -> int:
        """How many there are to train on."""
        return sum(about["count"] for about in self._read(TRAINING))

    def training(self, seed: int) -> Iterator[EncodedSample]:
        """One sample of each repository in turn, until all of them are read."""
        mixed = _languages_mixed(self._files(TRAINING), seed)
        each = [_kept(file, seed) for file in mixed]
        return (sample for turn in zip_longest(*each) for sample in turn if sample is not None)

    def validation(self, seed: int) -> list[Sample]:
        """As many holes of each repository that nothing is trained on, ``EXAMINED`` at most."""
        each = [
            [about["samples"][i] for i in shuffled(about["count"], seed)]
            for about in self._read(VALIDATION)
        ]
        rows = [row for turn in zip_longest(*each) for row in turn if row is not None]
        return [Sample.from_row(row) for row in rows[:EXAMINED]]

    def _read(self, use: str) -> list[dict[str, Any]]:
        return [json.loads(file.read_text(encoding="utf-8")) for file in self._files(use)]

    def _files(self, use: str) -> list[Path]:
        return sorted((self.folder / use).glob("*.json"))


_ABOUT = ("repository", "commit", "language")


def _samples(repository: Repository, seed: int, use: str) -> list[Sample]:
    """Of its newest tree: the history costs minutes, and teaches a generic adapter nothing. Those
    for validation are the holes that an exam asks."""
    newest = replace(repository, is_shallow=True)
    settings = MineSettings(seed, most_bytes=MOST_BYTES)
    try:
        mined = mine(newest, settings, processes=cores())
    except CorpusError:  # nothing to learn there
        return []
    return [sample for sample in _of(mined, use) if not _is_benchmark(sample)]


def _of(mined: Mined, use: str) -> Iterator[Sample]:
    if use == TRAINING:
        return mined.samples("train")
    return chain(mined.samples("test"), mined.samples("validation"))


def _is_benchmark(sample: Sample) -> bool:
    text = f"{sample.path}\n{sample.place.prefix}{sample.middle}{sample.place.suffix}"
    return re.search(BENCHMARK, text.encode()) is not None


def _about(repository: Repository, samples: Sequence[Sample]) -> dict[str, Any]:
    languages = Counter(sample.place.language for sample in samples)
    language = languages.most_common(1)[0][0] if samples else ""
    return {
        "repository": repository.identity,
        "commit": repository.commit,
        "language": language,
    }


def _keep(samples: Iterable[EncodedSample], file: Path) -> int:
    """Their ids one after the other, each one's length and where its middle begins; how many."""
    kept = list(samples)
    part = file.with_suffix(".part.npz")
    np.savez(
        part,
        ids=np.concatenate([sample.ids for sample in kept] or [np.zeros(0, np.int32)]),
        lengths=np.asarray([len(sample) for sample in kept], np.int32),
        starts=np.asarray([sample.start for sample in kept], np.int32),
    )
    part.replace(file.with_suffix(".npz"))
    return len(kept)


def _kept(file: Path, seed: int) -> Iterator[EncodedSample]:
    with np.load(file.with_suffix(".npz")) as stored:
        ids, lengths, starts = stored["ids"], stored["lengths"], stored["starts"]
    ends = np.cumsum(lengths)
    for i in shuffled(len(lengths), seed):
        yield EncodedSample(ids[ends[i] - lengths[i] : ends[i]], int(starts[i]))


def _languages_mixed(files: Iterable[Path], seed: int) -> list[Path]:
    """In a seeded order, but one language after the other for as long as there are several."""
    groups: dict[str, list[Path]] = {}
    order = sorted(files)
    random.Random(seed).shuffle(order)
    for file in order:
        language = json.loads(file.read_text(encoding="utf-8"))["language"]
        groups.setdefault(language, []).append(file)
    turns = zip_longest(*groups.values())
    return [file for turn in turns for file in turn if file is not None]


def _put(file: Path, value: dict[str, Any]) -> None:
    """Last, so that where it is all of it is."""
    part = file.with_suffix(".part")
    write(part, json.dumps(value))
    part.replace(file)
