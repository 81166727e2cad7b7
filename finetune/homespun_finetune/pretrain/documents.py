"""Prepared documents: cleaned source files with the holes to cut from them, as compressed text.

What ``prepare`` writes and ``train`` reads. Text, not ids, so that one preparation serves every
vocabulary, and so that a shard is small enough to carry to another machine.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from homespun_corpus.place import Related

SHARD_CHARS = 24_000_000  # text in one shard: a few MB compressed


@dataclass(frozen=True, slots=True)
class DocumentHole:
    """One hole of a document. ``bare``: without path and related code."""

    kind: str
    start: int
    end: int
    bare: bool
    related: tuple[Related, ...]


@dataclass(frozen=True, slots=True)
class PretrainDocument:
    """One source file. ``cuts`` are in character offsets of ``text``, in random order."""

    repository: str
    path: str
    language: str
    held_out: bool
    text: str
    cuts: tuple[DocumentHole, ...]


def write_shards(documents: Iterable[PretrainDocument], directory: Path) -> int:
    """Write documents as ``NNN.jsonl.xz``, each shard whole or not at all; their number."""
    directory.mkdir(parents=True, exist_ok=True)
    count = chars = shards = 0
    shard: list[PretrainDocument] = []
    for document in documents:
        shard.append(document)
        count, chars = count + 1, chars + len(document.text)
        if chars >= SHARD_CHARS:
            _write_shard(shard, directory / f"{shards:03}.jsonl.xz")
            shards, chars, shard = shards + 1, 0, []
    if shard:
        _write_shard(shard, directory / f"{shards:03}.jsonl.xz")
    return count


def read_shard(path: Path) -> Iterator[PretrainDocument]:
    """The documents of one shard."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            cuts = tuple(
                DocumentHole(
                    **(cut | {"related": tuple(Related(**piece) for piece in cut["related"])})
                )
                for cut in raw.pop("cuts")
            )
            yield PretrainDocument(**raw, cuts=cuts)


def _write_shard(documents: list[PretrainDocument], path: Path) -> None:
    part = path.with_suffix(".part")
    with lzma.open(part, "wt", encoding="utf-8", preset=6) as out:
        for document in documents:
            out.write(json.dumps(asdict(document), ensure_ascii=False) + "\n")
    part.replace(path)
