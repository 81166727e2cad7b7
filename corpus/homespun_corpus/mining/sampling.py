"""The functions of one repository become samples: which holes, with what around them.

Seeded: the same functions give the same holes. Knows verdicts, not how they came about.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from homespun_corpus.mining.holdout_size import Part
from homespun_corpus.mining.holes import EVALUATED, MIX, Hole, HoleCutter
from homespun_corpus.mining.sample import Novelty, Sample
from homespun_corpus.mining.sample_maker import SampleMaker, decode
from homespun_corpus.mining.selection import Selection, without
from homespun_corpus.mining.split import HeldOut, Split
from homespun_corpus.reading.file_functions import FileFunctions
from homespun_corpus.reading.sources import Sources
from homespun_corpus.retrieval.context_index import ContextIndex, as_many_as_shown
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.languages import TEXT, by_name
from homespun_corpus.syntax.parsing import parse_pieces
from homespun_corpus.syntax.spans import Span

CHARS_PER_HOLE = 250  # of a training function's text
MOST_HOLES = 8  # of one training function: a long one is not the whole lesson
MOST_TEXT_HOLES = 32  # of a text, which is many functions where its language has some
TEXT_SHARE = 0.1  # of the training samples at most, where there are functions
HELD_OUT_HOLES: dict[Novelty, int] = {"new": 3, "edited": 1, "old": 0}  # of one held-out function
BARE_SHARE = 0.3  # training samples without path and related code: a model stands without them
# Training samples whose file ends where the function does: as one is written, not as it is kept.
ENDING_SHARE = 0.15
MAX_SAMPLES = 12_000  # more than a run of an hour on two cores sees once
# Where there is room for many times as many holes, it is drawn beforehand where any are cut.
MOST_CUT = 120_000
DRAWN = 30_000


@dataclass(frozen=True, slots=True)
class TrainingHole:
    """A hole of a training function."""

    function: Function
    hole: Hole
    bare: bool
    ending: bool


class Sampling:
    """Cuts one repository."""

    def __init__(self, sources: Sources, parts: Split, selection: Selection, seed: int) -> None:
        self.sources = sources
        self.parts = parts
        self.selection = selection
        self._seed = seed
        self._last_cutter: tuple[tuple[str, str], HoleCutter] | None = None

    def room(self) -> Iterator[int]:
        """How many holes each function that is trained on has room for."""
        for function in self.selection.kept:
            size = sum(part.end - part.start for part in function.parts)
            most = MOST_TEXT_HOLES if function.kind == "text" else MOST_HOLES
            yield min(most, max(1, round(size / CHARS_PER_HOLE)))

    def training_cuts(self, counts: Iterable[int]) -> Iterator[TrainingHole]:
        """Holes of the functions that are trained on, so many of each."""
        asked = zip(self.selection.kept, counts, strict=True)
        for functions in _by_file(item for item in asked if item[1]):
            yield from self._training_cuts(functions)

    def training_samples(self, cuts: Iterable[TrainingHole]) -> Iterator[Sample]:
        """The samples of cuts, in order."""
        # An editor at the split would have shown copies of what came later; training must not.
        index = self._index(self.selection if self.selection.barred else None)
        maker = SampleMaker(self.sources, index, self.selection.barred)
        commit = self.parts.train_commit or ""
        for cut in cuts:
            yield maker.sample(
                cut.function, cut.hole, commit, "old", bare=cut.bare, ending=cut.ending
            )

    def held_samples(self, part: Part, index: ContextIndex) -> Iterator[Sample]:
        """The samples of what is held out for one part."""
        maker = SampleMaker(self.sources, index, {})
        for item in self.selection.held:
            if item.part == part:
                cutter, rng = self._cutter(item.function), self._rng(item.function)
                for hole in _spread(cutter, item, rng):
                    yield maker.sample(item.function, hole, item.commit, item.novelty)

    def served(self) -> ContextIndex:
        """Related code as an editor would have had it at the split."""
        return self._index(None)

    def _index(self, selection: Selection | None) -> ContextIndex:
        """Related code comes from what training reads, never from beyond the split."""
        files = self.parts.train
        clean = (file for file in files if file.reason is None and file.language is not TEXT)
        texts = ((file.path, self._shown(file, selection)) for file in clean)
        return ContextIndex.from_files(as_many_as_shown(texts))

    def _shown(self, file: FileFunctions, selection: Selection | None) -> str:
        source = self.sources.text(file.blob_id)
        return decode(selection.shown(file, source) if selection else without(source, file.secrets))

    def _training_cuts(self, functions: Sequence[tuple[Function, int]]) -> Iterator[TrainingHole]:
        cutter = self._cutter(functions[0][0])
        for function, count in functions:
            rng = self._rng(function)
            sizes = [part.end - part.start for part in function.parts]
            for part, share in _shared_out(function.parts, sizes, count, rng):
                for hole in cutter.cut(part, share, rng, MIX):
                    bare, ending = rng.random() < BARE_SHARE, rng.random() < ENDING_SHARE
                    yield TrainingHole(function, hole, bare, ending)

    def _cutter(self, function: Function) -> HoleCutter:
        """The cutter of a function's file; the last one is kept, since functions come by file."""
        file = function.blob_id, function.language
        if self._last_cutter is None or self._last_cutter[0] != file:
            source, language = self.sources.text(function.blob_id), by_name(function.language)
            pieces = parse_pieces(language, source) if language is not TEXT else []
            trees = (piece.tree for piece in pieces)
            cutter = HoleCutter(decode(source), source, language, *trees)
            self._last_cutter = file, cutter
        return self._last_cutter[1]

    def _rng(self, function: Function) -> random.Random:
        return random.Random(
            f"{self._seed}:{function.path}:{function.blob_id}:{function.span.start}"
        )


def thinned(room: Sequence[array[int]], seed: int) -> Sequence[array[int]]:
    """How many holes to cut of each function, of what each has room for: a seeded sample of all
    holes where cutting all would take long, and most would be thrown away."""
    every = np.concatenate([np.asarray(counts, np.int64) for counts in room])
    ends = np.cumsum(every)
    total = int(every.sum())
    if total <= MOST_CUT:
        return room
    drawn = np.array(random.Random(seed).sample(range(total), DRAWN))
    counts = np.bincount(np.searchsorted(ends, drawn, side="right"), minlength=len(every))
    cuts = np.cumsum([len(some) for some in room])[:-1]
    return [array("B", some.tolist()) for some in np.split(counts, cuts)]


def chosen(cuts: Sequence[TrainingHole], seed: int) -> list[TrainingHole]:
    """A seeded sample of as many cuts as one run can see, in order; not too many of texts."""
    rng = random.Random(seed)
    texts = [i for i, cut in enumerate(cuts) if cut.function.kind == "text"]
    most = round((len(cuts) - len(texts)) * TEXT_SHARE / (1 - TEXT_SHARE))
    left_out = set(rng.sample(texts, len(texts) - most)) if 0 < most < len(texts) else set()
    left = [i for i in range(len(cuts)) if i not in left_out]
    if len(left) > MAX_SAMPLES:
        left = sorted(rng.sample(left, MAX_SAMPLES))
    return [cuts[i] for i in left]


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


def _by_file(functions: Iterable[tuple[Function, int]]) -> Iterator[list[tuple[Function, int]]]:
    """Functions of one file together; they come in the order of files already."""
    for _, group in groupby(functions, key=lambda item: (item[0].blob_id, item[0].path)):
        yield list(group)
