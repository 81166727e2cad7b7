"""Which functions are trained on, which are held out, and which stretches no prompt may show.

Hygiene judges functions and files; this weighs them against each other and against what is held
out, whose near-copies training must not see, in a function or outside of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from homespun_corpus.copies import Shingles, shingles, tokens
from homespun_corpus.echoes import Echoes
from homespun_corpus.functions import Function
from homespun_corpus.hygiene import HELD_OUT_COPY, copy_reasons
from homespun_corpus.languages import by_name
from homespun_corpus.sources import FileFunctions, Sources
from homespun_corpus.spans import Span
from homespun_corpus.split import HeldOut, Split
from homespun_corpus.texts import read_as

Barred = Mapping[str, Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Functions with the reason that each is left out for; None for one that is kept.

    ``unread``: files of the training tree that no parser may read. ``barred``: by blob, licences
    and what is near to held-out code; ``echoes`` finds more of that.
    """

    trained: tuple[tuple[Function, str | None], ...]
    unread: tuple[FileFunctions, ...]
    held_out: tuple[tuple[HeldOut, str | None], ...]
    barred: Barred
    echoes: Echoes

    @property
    def kept(self) -> list[Function]:
        """What is trained on."""
        return [function for function, reason in self.trained if reason is None]

    @property
    def held(self) -> list[HeldOut]:
        """What is examined."""
        return [held for held, reason in self.held_out if reason is None]

    def shown(self, file: FileFunctions, source: bytes) -> bytes:
        """A file of the training tree without secrets, and without what is barred."""
        cut = [*self.barred.get(file.blob_id, ()), *file.secrets]
        source = without(source, cut)
        while any(span.start for span in cut):  # what a cut has joined may be near, too
            cut = self.echoes.spans(source, _comment(file))
            source = without(source, cut)
        return source


def judge(sources: Sources, parts: Split) -> Verdicts:
    """``judge_together`` of one repository."""
    [verdicts] = judge_together([(sources, parts)])
    return verdicts


def judge_together(asked: Sequence[tuple[Sources, Split]]) -> list[Verdicts]:
    """Judge the splits of repositories by the same rules on both sides, what is held out first.

    Of an edited function the old version is trained on: its changed lines are a test apart. Of
    copies in several repositories the first one stays, and none may be near to what any holds out.
    """
    held = [(sources, held.function) for sources, parts in asked for held in parts.held_out]
    examined = iter(_reasons(held, {}))
    held_out = [[(held, next(examined)) for held in parts.held_out] for _, parts in asked]
    new = [
        tokens(_text(sources, held.function), by_name(held.function.language).comment)
        for (sources, _), judged in zip(asked, held_out, strict=True)
        for held, reason in judged
        if reason is None and held.novelty == "new"
    ]
    echoes = Echoes(new)
    barred: dict[str, list[Span]] = {}
    for sources, parts in asked:
        barred |= _barred(sources, parts.train, echoes)
    functions = [
        (sources, f) for sources, parts in asked for file in parts.train for f in file.functions
    ]
    taught = iter(_reasons(functions, barred))
    return [
        Verdicts(
            tuple((function, next(taught)) for file in parts.train for function in file.functions),
            tuple(file for file in parts.train if file.unread),
            tuple(judged),
            barred,
            echoes,
        )
        for (_, parts), judged in zip(asked, held_out, strict=True)
    ]


def _reasons(asked: Sequence[tuple[Sources, Function]], barred: Barred) -> list[str | None]:
    """Why each function is left out: by its own file, near to what is held out, or as a copy."""
    reasons = [sources.reason(function) for sources, function in asked]
    for i, (_, function) in enumerate(asked):
        if reasons[i] is None and _meets(function.parts, barred.get(function.blob_id, ())):
            reasons[i] = HELD_OUT_COPY
    left = [i for i, reason in enumerate(reasons) if reason is None]

    def shingles_of(number: int) -> Shingles:
        sources, function = asked[left[number]]
        return shingles(tokens(_text(sources, function), by_name(function.language).comment))

    sketches = [sources.sketch(function) for sources, function in (asked[i] for i in left)]
    for i, reason in zip(left, copy_reasons(sketches, shingles_of), strict=True):
        reasons[i] = reason
    return reasons


def _barred(
    sources: Sources, files: Iterable[FileFunctions], echoes: Echoes
) -> dict[str, list[Span]]:
    barred: dict[str, list[Span]] = {}
    for file in files:
        if file.reason is None:
            spans = [Span(0, file.header)] if file.header else []
            likely = echoes.likely(file.trace)
            if likely is not None:
                found = partial(_echoing, sources, file, echoes)
                spans += sources.recall(file, f"echoes {likely}", found)
            if spans:
                barred[file.blob_id] = spans
    return barred


def _echoing(sources: Sources, file: FileFunctions, echoes: Echoes) -> list[Span]:
    """Stretches of a file, and of its functions: one read alone is safe from odd quotes above."""
    source = sources.text(file.blob_id)
    spans = echoes.spans(source, _comment(file))
    for function in file.functions:
        if not _meets(function.parts, spans):
            for part in function.parts:
                found = echoes.spans(source[part.start : part.end], _comment(file))
                spans += [Span(part.start + span.start, part.start + span.end) for span in found]
    return spans


def _comment(file: FileFunctions) -> str:
    language = read_as(file.path)
    assert language is not None
    return language.comment


def without(source: bytes, spans: Iterable[Span]) -> bytes:
    """A source without some stretches of it."""
    kept, end = [], 0
    for span in sorted(spans):
        kept.append(source[end : span.start])
        end = max(end, span.end)
    return b"".join([*kept, source[end:]])


def _meets(parts: Sequence[Span], others: Iterable[Span]) -> bool:
    return any(
        other.start < part.end and part.start < other.end for other in others for part in parts
    )


def _text(sources: Sources, function: Function) -> bytes:
    return function.text(sources.text(function.blob_id))
