"""Repositories → cleaned documents with holes. The text half of the recipe.

Kept out, each counted under its reason: what the corpus room's hygiene names, files with a secret,
files most of whose lines were seen before, and benchmarks that the model is measured with.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

import pygit2
from homespun_corpus.filters.quality import file_reason
from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.mining.holes import MIX, Hole, HoleCutter
from homespun_corpus.mining.sample import Kind
from homespun_corpus.place import place_at
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.syntax.languages import language_for
from homespun_corpus.syntax.parsing import parse
from homespun_corpus.syntax.spans import Span

from homespun_finetune.pretrain.clones import open_clone, tree_files
from homespun_finetune.pretrain.documents import DocumentHole, PretrainDocument, write_shards
from homespun_finetune.pretrain.settings import DataSettings
from homespun_finetune.pretrain.sources import SourceRepository

# Languages without a grammar of ours yet: their holes end at lines, not at syntax.
# What the starter was trained on: another language, or another cut, makes another starter.
PARSED_LANGUAGES = frozenset({"python", "javascript", "typescript", "tsx", "go", "rust"})
LINE_LANGUAGES = {
    ".java": "java",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
}
BENCHMARK = re.compile(
    rb"human[-_]?eval|\bmbpp\b|canonical_solution|def has_close_elements|check\(candidate\)", re.I
)
MAX_BYTES = 200_000
SEEN_SHARE = 0.5  # a file with more of its lines seen before than this is a copy
LINE_CHARS = 20  # shorter lines are common to all code
# So are licence headers and imports: counted, they make copies of most short files.
COMMON_LINE = re.compile(r"\s*(?:#|//|/?\*|--|;|import\b|from\b|use\b|using\b|package\b|export \*)")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparation kept and left out, for the card."""

    documents: int
    bytes_by_language: dict[str, int]
    rejected: dict[str, int]


def prepare(
    sources: Iterable[SourceRepository],
    clones: Path,
    out: Path,
    settings: DataSettings,
    *,
    workers: int,
) -> Prepared:
    """Write prepared shards of all sources for training into ``out``, and what was kept."""
    used = [source for source in sources if source.use == "train"]
    rejected: Counter[str] = Counter()
    with ProcessPoolExecutor(workers) as pool:
        read = pool.map(partial(read_repository, clones), used)
        clean = _without_copies(_counted(read, rejected), rejected)
        cut = pool.map(partial(cut_repository, settings), _capped(clean, settings))
        documents = list(chain.from_iterable(cut))
    random.Random(settings.seed).shuffle(documents)
    write_shards(documents, out)
    sizes: Counter[str] = Counter()
    for document in documents:
        sizes[document.language] += len(document.text.encode())
    prepared = Prepared(len(documents), dict(sizes.most_common()), dict(rejected.most_common()))
    summary = {"kept": prepared.documents, "bytes": prepared.bytes_by_language}
    (out / "prepared.json").write_text(json.dumps(summary | {"rejected": prepared.rejected}))
    return prepared


def read_repository(
    clones: Path, source: SourceRepository
) -> tuple[list[PretrainDocument], Counter[str]]:
    """The clean files of one repository at its commit, and the others counted by reason."""
    repository = open_clone(clones, source)
    kept: list[PretrainDocument] = []
    rejected: Counter[str] = Counter()
    for path, blob_id in tree_files(repository, source.commit):
        language = _language_name(path)
        if language is None:
            continue
        blob = repository.get(blob_id)
        reason = _reason(path, blob)
        if reason is not None or not isinstance(blob, pygit2.Blob):
            rejected[reason or "absent"] += 1
            continue
        text = blob.data.decode("utf-8").replace("\r\n", "\n")
        kept.append(PretrainDocument(source.repository, path, language, False, text, ()))
    return kept, rejected


def cut_repository(
    settings: DataSettings, documents: list[PretrainDocument], kinds: Mapping[Kind, float] = MIX
) -> list[PretrainDocument]:
    """The documents of one repository with their holes, related code attached to some of them."""
    index = ContextIndex.from_files((d.path, d.text) for d in documents)
    mix = _mix(settings.plain, kinds)
    return [_with_cuts(document, index, settings, mix) for document in documents]


def _with_cuts(
    document: PretrainDocument,
    index: ContextIndex,
    settings: DataSettings,
    mix: Mapping[Kind, float],
) -> PretrainDocument:
    rng = random.Random(f"{settings.seed}:{document.repository}:{document.path}")
    held_out = rng.random() < settings.held_out_share
    source = document.text.encode()
    language = language_for(document.path)
    if language is not None and language.name not in PARSED_LANGUAGES:
        language = None
    tree = parse(language, source) if language else None
    count = max(1, round(len(document.text) / 1000 * settings.holes_per_kilochar))
    cutter = HoleCutter(document.text, source, language, tree)
    holes = cutter.cut(Span(0, len(source)), count, rng, mix)
    cuts = tuple(_cut(document, hole, index, settings, rng) for hole in holes)
    return replace(document, held_out=held_out, cuts=cuts)


def _cut(
    document: PretrainDocument,
    hole: Hole,
    index: ContextIndex,
    settings: DataSettings,
    rng: random.Random,
) -> DocumentHole:
    bare, wants_related = rng.random() < settings.bare, rng.random() < settings.related
    place = place_at(
        document.text, hole.start, hole.end, path=document.path, language=document.language
    )
    related = index.related(place) if wants_related and not bare else ()
    return DocumentHole(hole.kind, hole.start, hole.end, bare, related)


def _mix(plain: float, kinds: Mapping[Kind, float]) -> dict[Kind, float]:
    """``kinds`` with their share of plain text replaced."""
    holes = {kind: share for kind, share in kinds.items() if kind != "plain"}
    scale = (1 - plain) / sum(holes.values())
    return {kind: share * scale for kind, share in holes.items()} | {"plain": plain}


def _language_name(path: str) -> str | None:
    language = language_for(path)
    if language is not None and language.name in PARSED_LANGUAGES:
        return language.name
    return LINE_LANGUAGES.get(PurePosixPath(path).suffix.lower())


def _reason(path: str, blob: pygit2.Object | None) -> str | None:
    """Why a file is left out; a partial clone may lack its blob."""
    if not isinstance(blob, pygit2.Blob):
        return None
    if blob.size > MAX_BYTES:
        return "oversized"
    if BENCHMARK.search(blob.data):
        return "benchmark"
    reason = file_reason(path, blob.data)
    return reason or ("secret" if find_secrets(blob.data) else None)


def _counted(
    read: Iterable[tuple[list[PretrainDocument], Counter[str]]], rejected: Counter[str]
) -> Iterator[list[PretrainDocument]]:
    for documents, reasons in read:
        rejected.update(reasons)
        yield documents


def _without_copies(
    repositories: Iterable[list[PretrainDocument]], rejected: Counter[str]
) -> Iterator[list[PretrainDocument]]:
    """Drop files most of whose distinctive lines stand in files already kept."""
    seen: set[bytes] = set()
    for documents in repositories:
        kept = []
        for document in documents:
            lines = {_line_key(line) for line in document.text.split("\n")} - {b""}
            if lines and len(lines & seen) > SEEN_SHARE * len(lines):
                rejected["near-duplicate"] += 1
                continue
            seen |= lines
            kept.append(document)
        yield kept


def _line_key(line: str) -> bytes:
    squeezed = "".join(line.split())
    if len(squeezed) < LINE_CHARS or COMMON_LINE.match(line):
        return b""
    return hashlib.blake2b(squeezed.encode(), digest_size=8).digest()


def _capped(
    repositories: Iterable[list[PretrainDocument]], settings: DataSettings
) -> list[list[PretrainDocument]]:
    """A seeded sample of each repository's files: none above its share, all within the total."""
    every = [documents for documents in repositories if documents]
    sizes = [sum(len(d.text) for d in documents) for documents in every]
    wanted = min(sum(sizes), settings.megabytes * 1_000_000)
    capped = [min(size, settings.max_repository_share * wanted) for size in sizes]
    scale = min(1.0, wanted / sum(capped)) if capped else 1.0
    return [
        _sampled(documents, scale * limit, settings.seed)
        for documents, limit in zip(every, capped, strict=True)
    ]


def _sampled(documents: list[PretrainDocument], limit: float, seed: int) -> list[PretrainDocument]:
    order = sorted(documents, key=lambda d: d.path)
    random.Random(seed).shuffle(order)
    kept, chars = [], 0
    for document in order:
        chars += len(document.text)
        if chars > limit:
            break
        kept.append(document)
    return kept
