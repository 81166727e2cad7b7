"""Held-out code as a test: which holes are asked, in which order, and what a model answers.

Answers come from ``Completer``, the object that serves editors, and copy from the tree at the split
as an editor's do from the repository, so what is measured is what is served. A prompt of a large
base takes seconds to read, so a hole's is read once for all that is asked there, the holes of one
function come one after the other, with the same related code, and what they share is not read
again. Every model is asked the same holes in the same order. Knows no training and no decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from homespun_corpus.mining.eval_material import EvalMaterial, in_turn
from homespun_corpus.mining.sample import Novelty, Sample
from homespun_corpus.place import Place

from homespun_finetune.metrics import (
    Completion,
    HoleResult,
    Metrics,
    SimulatedLine,
    bits_of,
    compare,
    first_line,
    summarise,
)

if TYPE_CHECKING:
    from homespun_model.decoding.callbacks import Settled
    from homespun_model.decoding.completing import Score, Scoring, Suggestion
    from homespun_model.decoding.ngram_index import NgramIndex

ENDED = "end"  # what a suggestion's ``stopped`` says when the model itself ended it
_SESSION = "exam"


class Answerer(Protocol):
    """What can be measured: a completer, or a baseline that answers as one does."""

    def score(self, place: Place, middle: str) -> Score: ...

    def complete(self, place: Place, *, guess: str, settled: Settled) -> Suggestion: ...


class ServedModel:
    """A completer as editors are served: with the repository's code to copy from.

    It remembers what it read last, so that the next question finds what both prompts share.
    ``ngrams``: None for a model that decides alone.
    """

    def __init__(self, completer: Scoring, ngrams: NgramIndex | None) -> None:
        self._completer, self._ngrams = completer, ngrams

    def least_logprob(self, language: str | None) -> float:
        """What the first line of a suggestion has to have to be shown."""
        return self._completer.least_logprob(language)

    def score(self, place: Place, middle: str) -> Score:
        """What a middle costs at its place."""
        return self._completer.score(place, middle, session=_SESSION, ngrams=self._ngrams)

    def complete(self, place: Place, *, guess: str, settled: Settled) -> Suggestion:
        """What comes at the place."""
        return self._completer.complete(
            place, session=_SESSION, ngrams=self._ngrams, guess=guess, settled=settled
        )


def held_out(
    samples: Iterable[Sample], novelty: Novelty, seed: int, material: EvalMaterial | None = None
) -> list[Sample]:
    """The holes of one novelty, a round of one function a file at a time.

    Any number of holes from the front then comes from as many files as it can: holes of one file
    are not independent evidence. Plain text is no hole. The seed decides everything. ``material``:
    where the related code of each function is looked for, once, as ``EvalMaterial.related`` does.
    """
    functions: dict[tuple[str, str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.novelty == novelty and sample.kind != "plain" and sample.middle.strip():
            functions[sample.path, sample.blob_id, sample.function].append(sample)
    groups = [sorted(holes, key=attrgetter("start", "end")) for holes in functions.values()]
    order = in_turn(groups, lambda holes: holes[0].path, lambda holes: hole_id(holes[0]), seed)
    return [hole for holes in order for hole in _with_one_context(holes, material)]


def _with_one_context(holes: Sequence[Sample], material: EvalMaterial | None) -> list[Sample]:
    """The holes of one function with the related code of the first: an editor, too, asks for it
    once in a while, and prompts that differ there have nothing in common."""
    if material is None:
        return list(holes)
    related = material.related(holes[0])
    return [replace(hole, place=replace(hole.place, related=related)) for hole in holes]


def hole_id(sample: Sample) -> str:
    return f"{sample.path}@{sample.blob_id[:12]}:{sample.start}-{sample.end}"


def answered(answering: Answerer, hole: Sample) -> HoleResult:
    """What the hole's middle costs."""
    score = answering.score(hole.place, hole.middle)
    return HoleResult(
        hole=hole_id(hole),
        file=hole.path,
        language=hole.place.language or "",
        kind=hole.kind,
        characters=len(hole.middle),
        bits=bits_of(score.nats),
        bytes=score.bytes,
    )


def completed(answering: Answerer, hole: Sample, *, whole: bool) -> Completion:
    """What is suggested at the hole; ``whole`` even where nothing of it can be right any more."""
    middle = hole.middle.replace("\r\n", "\n")
    suggestion = answering.complete(
        hole.place, guess=middle, settled=_never if whole else settled_against(middle)
    )
    return compare_with_middle(hole, suggestion, whole=whole)


def settled_against(truth: str) -> Settled:
    """Whether a text so far can no more become the true one, nor change its first line.

    A text that differs in the first line is wrong in both. One that differs later goes on to the
    end of that line: where a suggestion ends is sometimes seen only there.
    """
    line, written = len(first_line(truth)), truth.rstrip()

    def settled(text: str, _logprob: float) -> bool:
        same = _same_beginning(text, written)
        if same in (len(text), len(written)):
            return False
        return same < line or "\n" in text[same:]

    return settled


def _same_beginning(one: str, other: str) -> int:
    """How many characters of both are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _never(_text: str, _logprob: float) -> bool:
    return False


def compare_with_middle(hole: Sample, suggestion: Suggestion, *, whole: bool = True) -> Completion:
    """A suggestion against the middle, and against what it replaces after the cursor.

    ``whole``: it came to its own end.
    """
    truth = hole.middle + hole.place.suffix[: suggestion.replace]
    return compare(
        suggestion.text.replace("\r\n", "\n"),
        truth.replace("\r\n", "\n"),
        ends_itself=suggestion.stopped == ENDED if whole else None,
    )


def in_common(results: Sequence[Sequence[HoleResult]]) -> list[tuple[HoleResult, ...]]:
    """Cut every model's results to the holes that all of them have."""
    scored = min(map(len, results))
    return [tuple(found[:scored]) for found in results]


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
