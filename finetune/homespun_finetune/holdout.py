"""Held-out code as a test: which holes are asked, in which order, and what a model answers.

Answers come from ``Completer``, the object that serves editors, and copy from the tree at the split
as an editor's do from the repository, so what is measured is what is served. Every model is asked
the same holes in the same order. Knows no training and no decision.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from homespun_corpus.mining.eval_material import in_turn
from homespun_corpus.mining.sample import Novelty, Sample
from homespun_corpus.place import Place

from homespun_finetune.metrics import (
    Completion,
    HoleResult,
    Metrics,
    SimulatedLine,
    bits_of,
    compare,
    summarise,
)
from homespun_finetune.progress import Turn

if TYPE_CHECKING:
    from homespun_model.completer import Score, Scoring, Suggestion
    from homespun_model.decoding.ngram_index import NgramIndex

SCORED_TOGETHER = 8  # holes scored between two looks at the clock, at most
A_WHILE = 1.0  # seconds for one hole, from which on each is scored alone
LEAST_SCORED = 40  # holes: bits over fewer decide nothing, however many are completed
ENDED = "end"  # what a suggestion's ``stopped`` says when the model itself ended it


class Answerer(Protocol):
    """What can be measured: a completer, or a baseline that answers as one does."""

    def score_many(self, holes: Sequence[tuple[Place, str]]) -> list[Score]: ...

    def complete(self, place: Place) -> Suggestion: ...


class ServedModel:
    """A completer as editors are served: with the repository's code to copy from."""

    def __init__(self, completer: Scoring, ngrams: NgramIndex) -> None:
        self._completer, self._ngrams = completer, ngrams

    def score_many(self, holes: Sequence[tuple[Place, str]]) -> list[Score]:
        """What each middle costs at its place."""
        return self._completer.score_many(holes, ngrams=self._ngrams)

    def complete(self, place: Place, *, session: str | None = None) -> Suggestion:
        """What comes at the place."""
        return self._completer.complete(place, session=session, ngrams=self._ngrams)


class NoContextBaseline:
    """A completer that is shown nothing of other files and copies nothing: the model by itself."""

    def __init__(self, completer: Scoring) -> None:
        self._completer = completer

    def score_many(self, holes: Sequence[tuple[Place, str]]) -> list[Score]:
        """What each middle costs at its place."""
        return self._completer.score_many(
            [(_without_context(place), middle) for place, middle in holes]
        )

    def complete(self, place: Place) -> Suggestion:
        """What comes at the place."""
        return self._completer.complete(_without_context(place))


@dataclass(frozen=True, slots=True)
class HoldoutSet:
    """Holes in the order they are asked, and how many of the first are scored and completed."""

    holes: tuple[Sample, ...]
    scored: int
    completed: int

    def as_answered(self, results: Sequence[HoleResult]) -> HoldoutSet:
        """What another model must answer: exactly the holes that this one got through."""
        completed = sum(result.completion is not None for result in results)
        return HoldoutSet(self.holes, len(results), completed)


def held_out(samples: Iterable[Sample], novelty: Novelty, seed: int) -> list[Sample]:
    """The holes of one novelty, a round of one hole a file at a time.

    Any number of holes from the front then comes from as many files as it can: holes of one file
    are not independent evidence. Plain text is no hole. The seed decides everything.
    """
    holes = (
        sample
        for sample in samples
        if sample.novelty == novelty and sample.kind != "plain" and sample.middle.strip()
    )
    return in_turn(holes, attrgetter("path"), hole_id, seed)


def _without_context(place: Place) -> Place:
    return replace(place, related=())


def hole_id(sample: Sample) -> str:
    return f"{sample.path}@{sample.blob_id[:12]}:{sample.start}-{sample.end}"


def measure_holes(
    answering: Answerer, holdout: HoldoutSet, *, seconds: float, scoring: float, turn: Turn
) -> tuple[HoleResult, ...]:
    """One model's results, in the holdout's order: bits for all, completions for the first of them.

    Ends with the holdout's counts or with ``seconds``, whichever comes first; ``scoring`` is the
    share of these that bits may take, or more of it until ``LEAST_SCORED`` have theirs.
    """
    begun = time.monotonic()
    holes = holdout.holes[: holdout.scored]
    first = list(_score(answering, holes[:LEAST_SCORED], turn.within(seconds)))
    left = seconds * scoring - (time.monotonic() - begun)
    scored = [*first, *_score(answering, holes[len(first) :], turn.within(left))]
    left = seconds - (time.monotonic() - begun)
    holes = holes[: min(holdout.completed, len(scored))]
    completed = list(_complete(answering, holes, turn.within(left)))
    return tuple(
        replace(result, completion=completion)
        for result, completion in zip_longest(scored, completed)
    )


def in_common(results: Sequence[Sequence[HoleResult]]) -> list[tuple[HoleResult, ...]]:
    """Cut every model's results to the holes, and the completions, that all of them have."""
    scored = min(len(found) for found in results)
    completed = min(sum(r.completion is not None for r in found[:scored]) for found in results)
    return [
        tuple(
            result if position < completed else replace(result, completion=None)
            for position, result in enumerate(found[:scored])
        )
        for found in results
    ]


def breakdown(
    results: Sequence[HoleResult],
    key: Callable[[HoleResult], str],
    typed: Mapping[str, Sequence[SimulatedLine]],
) -> dict[str, Metrics]:
    """Metrics apart for each language, kind, or whatever ``key`` says; ``typed`` has its groups."""
    groups: dict[str, list[HoleResult]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return {name: summarise(groups[name], typed.get(name, ())) for name in sorted(groups)}


def _score(
    answering: Answerer, holes: Sequence[Sample], in_time: Callable[[], bool]
) -> Iterator[HoleResult]:
    left, together = deque(holes), 1
    while left and in_time():
        some = [left.popleft() for _ in range(min(together, len(left)))]
        begun = time.monotonic()
        scores = answering.score_many([(hole.place, hole.middle) for hole in some])
        if time.monotonic() - begun < A_WHILE:
            together = SCORED_TOGETHER
        yield from map(_result, some, scores)


def _result(hole: Sample, score: Score) -> HoleResult:
    return HoleResult(
        hole=hole_id(hole),
        file=hole.path,
        language=hole.place.language or "",
        kind=hole.kind,
        characters=len(hole.middle),
        bits=bits_of(score.nats),
        bytes=score.bytes,
    )


def _complete(
    answering: Answerer, holes: Sequence[Sample], in_time: Callable[[], bool]
) -> Iterator[Completion]:
    for hole in holes:
        if not in_time():
            return
        yield compare_with_middle(hole, answering.complete(hole.place))


def compare_with_middle(hole: Sample, suggestion: Suggestion) -> Completion:
    """A suggestion against the middle, and against what it replaces after the cursor."""
    truth = hole.middle + hole.place.suffix[: suggestion.replace]
    return compare(
        suggestion.text.replace("\r\n", "\n"),
        truth.replace("\r\n", "\n"),
        ends_itself=suggestion.stopped == ENDED,
    )
