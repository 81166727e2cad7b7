"""What exported weights can do, for their card.

On whole repositories that they never saw: the rest of a line at random cursors, the model on its
own, without path and related code. On what they did see: how much of it they write down again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from homespun_corpus.mining.holes import HoleCutter
from homespun_corpus.place import Place, place_at
from homespun_corpus.syntax.languages import language_for
from homespun_corpus.syntax.parsing import parse
from homespun_corpus.syntax.spans import Span
from homespun_model.bases.base import Base, load_base
from homespun_model.completer import Completer
from homespun_model.decoding.decode import Decoder
from homespun_model.engines.loading import load_engine

from homespun_finetune.holdout import ENDED
from homespun_finetune.metrics import bits_of, first_line
from homespun_finetune.pretrain.documents import PretrainDocument, read_shard
from homespun_finetune.pretrain.overlap import longest_runs
from homespun_finetune.pretrain.prepare import read_repository

if TYPE_CHECKING:
    from homespun_finetune.pretrain.sources import SourceRepository

HOLES = 200  # of one repository
FILE_CHARS = range(400, 150_000)  # of a file that holes are cut from
PIECES = 500  # completions looked for in the training text
PIECE_TOKENS = 128
SEED = 7


@dataclass(frozen=True, slots=True)
class Lines:
    """The rest of a line in one unseen repository; shares lie between 0 and 1."""

    repository: str
    language: str
    holes: int
    exact_line: float
    ends_itself: float
    bits_per_byte: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """The longest run of tokens that each completion shares with the training text."""

    pieces: int
    median: int
    p95: int
    longest: int


def measure_lines(
    weights: Path, sources: Sequence[SourceRepository], clones: Path
) -> Iterator[Lines]:
    """The figures of each source that is kept for measurement."""
    base = load_base(str(weights))
    completer = Completer.load(base, bare=True)
    for source in sources:
        if source.use == "measure":
            documents, _ = read_repository(clones, source)
            yield _lines(completer, source.repository, documents)


def measure_overlap(weights: Path, shards: Sequence[Path]) -> Overlap:
    """What the model goes on with, left to right, from places in its own training text."""
    base = load_base(str(weights))
    documents = [d for shard in shards for d in read_shard(shard) if not d.held_out]
    chosen = random.Random(SEED).sample(documents, min(PIECES, len(documents)))
    decoder = Decoder(load_engine(base))
    written = [_continued(base, decoder, document) for document in chosen]
    encode = base.tokenizer.encode
    texts = (np.asarray(encode(document.text), dtype=np.uint16) for document in documents)
    runs = longest_runs(written, texts)
    median, p95 = np.percentile(runs, [50, 95])
    return Overlap(len(runs), int(median), int(p95), max(runs))


def _lines(completer: Completer, repository: str, documents: Sequence[PretrainDocument]) -> Lines:
    holes = list(islice(_holes(documents), HOLES))
    scores = completer.score_many(holes)
    exact = ended = 0
    for place, middle in holes:
        suggestion = completer.complete(place)
        exact += first_line(suggestion.text) == first_line(middle)
        ended += suggestion.stopped == ENDED
    return Lines(
        repository,
        holes[0][0].language or "",  # of the files that holes were cut from
        len(holes),
        exact / len(holes),
        ended / len(holes),
        bits_of(sum(s.nats for s in scores)) / sum(s.bytes for s in scores),
    )


def _holes(documents: Sequence[PretrainDocument]) -> Iterator[tuple[Place, str]]:
    """(place, rest of the line) at random cursors in random files of the commonest language."""
    rng = random.Random(SEED)
    languages = [document.language for document in documents]
    commonest = max(sorted(set(languages)), key=languages.count)
    usable = [d for d in documents if d.language == commonest and len(d.text) in FILE_CHARS]
    while usable:
        document = rng.choice(usable)
        source, language = document.text.encode(), language_for(document.path)
        tree = parse(language, source) if language else None
        cutter = HoleCutter(document.text, source, language, tree)
        for hole in cutter.cut(Span(0, len(source)), 1, rng, {"line": 1.0}):
            place = place_at(
                document.text, hole.start, hole.end, path="", language=document.language
            )
            yield place, document.text[hole.start : hole.end]


def _continued(base: Base, decoder: Decoder, document: PretrainDocument) -> list[int]:
    cursor = random.Random(f"{SEED}:{document.path}").randrange(len(document.text) // 2 + 1)
    place = place_at(document.text, cursor, path=document.path, language=document.language)
    prompt = base.prompts().build(place, plain=True) or [min(base.fim.stop)]
    room = min(PIECE_TOKENS, base.context_length - len(prompt))
    return decoder.generate(prompt, max_new_tokens=room, stop_ids=base.fim.stop).ids
