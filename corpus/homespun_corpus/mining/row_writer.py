"""Samples as rows of a dataset: written to disk as they come, and read from there.

Of all rows only a batch is in memory at a time, however many there are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Features, Value
from datasets.arrow_writer import ArrowWriter

from homespun_corpus.mining.sample import Sample

PARTS = ("train", "validation", "test")
BATCH = 200  # rows in memory
_NUMBERS = ("start", "end", "place_before", "place_after")
_TEXTS = (
    *("repository", "commit", "blob_id", "path", "function", "kind", "novelty", "middle"),
    *("place_path", "place_language", "place_prefix", "place_suffix"),
)
FEATURES = Features(
    {name: Value("int64") for name in _NUMBERS}
    | {name: Value("string") for name in _TEXTS}
    | {"place_related": [{"path": Value("string"), "text": Value("string")}]}
)
"""The columns of ``Sample.to_row``: what a few rows hold would not tell them all."""


class RowWriter:
    """The rows of a dataset's splits, in the order in which they are added."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._folder = Path(tempfile.mkdtemp(prefix="homespun-rows-"))
        self._finish = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._digests = {part: hashlib.sha256() for part in PARTS}
        self._writers = {part: self._writer(part) for part in PARTS}

    def add(self, part: str, sample: Sample) -> None:
        """One more row of a split."""
        row = sample.to_row()
        self.counts[part] += 1
        text = json.dumps(row, sort_keys=True, ensure_ascii=False)
        self._digests[part].update(text.encode())
        self._writers[part].write(row)

    def extend(self, part: str, samples: Iterable[Sample]) -> None:
        """More rows of a split."""
        for sample in samples:
            self.add(part, sample)

    def dataset(self) -> DatasetDict:
        """The splits with the same columns in each, read from disk as they are asked for.

        The files are gone when the dataset is, or with the process.
        """
        for writer in self._writers.values():
            writer.finalize()
        found = DatasetDict({part: self._read(part) for part in PARTS})
        self._finish.detach()
        weakref.finalize(found, shutil.rmtree, self._folder, ignore_errors=True)
        return found

    def digest(self) -> str:
        """One number for all rows of all splits, in order."""
        each = {part: digest.hexdigest() for part, digest in self._digests.items()}
        return hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()

    def _read(self, part: str) -> Dataset:
        if not self.counts[part]:
            return Dataset.from_dict({name: [] for name in FEATURES}, features=FEATURES)
        return Dataset.from_file(str(self._file(part)))

    def _writer(self, part: str) -> Any:
        return ArrowWriter(path=str(self._file(part)), features=FEATURES, writer_batch_size=BATCH)

    def _file(self, part: str) -> Path:
        return self._folder / f"{part}.arrow"
