"""Which functions are trained on, which are held out, and which stretches no prompt may show.

Hygiene judges functions and files; this weighs them against each other and against what is held
out, whose near-copies training must not see, in a function or outside of one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from homespun_corpus.dedup.contamination import ContaminationIndex
from homespun_corpus.dedup.dedup import Deduplicator, Reasons
from homespun_corpus.dedup.near_duplicates import Shingles, shingles, tokens
from homespun_corpus.filters.quality import HELD_OUT_COPY
from homespun_corpus.mining.split import HeldOut, Split
from homespun_corpus.reading.file_functions import FileFunctions
from homespun_corpus.reading.sources import Sources, Tree
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.languages import by_name
from homespun_corpus.syntax.spans import Span

NOT_ASKED = "not-asked"
"""Of what is as new as what is held out, and more than a test wants: nothing reads it."""
Barred = Mapping[str, Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Selection:
    """The functions of the training tree and those held out, with why each is left out.

    ``reasons``: of the functions of ``train`` in order, None for one that is kept. ``unread``:
    files of the training tree that no parser may read. ``not_asked``: what else is new, and why
    nothing reads it. ``left_out``: how many whole files are, by
    reason. ``barred``: by blob, licences and what is near to held-out code; ``contamination`` finds
    more of that.
    """

    train: Tree
    reasons: Reasons
    unread: tuple[FileFunctions, ...]
    left_out: Mapping[str, int]
    held_out: tuple[tuple[HeldOut, str | None], ...]
    not_asked: tuple[tuple[HeldOut, str], ...]
    barred: Barred
    contamination: ContaminationIndex

    @property
    def trained(self) -> Iterator[tuple[Function, str | None]]:
        """The functions of the training tree, each with its reason; read as they are asked for."""
        functions = (function for file in self.train for function in file.functions)
        return zip(functions, self.reasons, strict=True)

    @property
    def kept(self) -> KeptFunctions:
        """What is trained on."""
        return KeptFunctions((self,))

    @property
    def held(self) -> list[HeldOut]:
        """What is examined."""
        return [held for held, reason in self.held_out if reason is None]

    def shown(self, file: FileFunctions, source: bytes) -> bytes:
        """A file of the training tree without secrets, and without what is barred."""
        cut = [*self.barred.get(file.blob_id, ()), *file.secrets]
        source = without(source, cut)
        while any(span.start for span in cut):  # what a cut has joined may be near, too
            cut = self.contamination.spans(source, file.language.lexical)
            source = without(source, cut)
        return source


@dataclass(frozen=True, slots=True)
class KeptFunctions:
    """The functions that are trained on, file by file: read again whenever they are asked for."""

    of: tuple[Selection, ...]

    def __iter__(self) -> Iterator[Function]:
        return (
            function
            for selection in self.of
            for function, reason in selection.trained
            if reason is None
        )

    def __len__(self) -> int:
        return sum(selection.reasons.count_of(None) for selection in self.of)


def select(sources: Sources, parts: Split) -> Selection:
    """``select_together`` of one repository."""
    [selection] = select_together([(sources, parts)])
    return selection


def select_together(asked: Sequence[tuple[Sources, Split]]) -> list[Selection]:
    """Judge the splits of repositories by the same rules on both sides, what is held out first.

    Of an edited function the old version is trained on: its changed lines are a test apart. Of
    copies in several repositories the first one stays, and none may be near to what any holds out.
    """
    examined = iter(_examined(asked))
    held_out = [[(held, next(examined)) for held in parts.held_out] for _, parts in asked]
    new = [
        tokens(_text(sources, held.function), by_name(held.function.language).lexical)
        for (sources, _), selected in zip(asked, held_out, strict=True)
        for held, reason in selected
        if reason is None and held.novelty == "new"
    ]
    contamination = ContaminationIndex(new)
    barred: dict[str, list[Span]] = {}
    files = [_survey(sources, parts.train, contamination, barred) for sources, parts in asked]
    taught = _taught(asked, barred)
    each = zip(asked, taught, files, held_out, strict=True)
    return [
        Selection(
            parts.train,
            reasons,
            *surveyed,
            tuple(selected),
            tuple((held, sources.reason(held.function) or NOT_ASKED) for held in parts.not_asked),
            barred,
            contamination,
        )
        for (sources, parts), reasons, surveyed, selected in each
    ]


def _examined(asked: Sequence[tuple[Sources, Split]]) -> Reasons:
    """Why each function that is held out is not examined."""
    held = [(sources, held.function) for sources, parts in asked for held in parts.held_out]
    deduplicator = Deduplicator()
    for sources, function in held:
        reason = sources.reason(function)
        deduplicator.add(reason, sources.sketch(function) if reason is None else None)
    return deduplicator.reasons(lambda number: _shingles(*held[number]))


def _taught(asked: Sequence[tuple[Sources, Split]], barred: Barred) -> Iterator[Reasons]:
    """Why each function of each training tree is left out."""
    files = [(sources, *name) for sources, parts in asked for name in parts.train.names]
    deduplicator, firsts = Deduplicator(), array("q")  # numbers of each file's first function
    for sources, path, blob_id in files:
        firsts.append(len(deduplicator))
        file = sources.file(path, blob_id)
        spans = barred.get(blob_id, ())
        for number, function in enumerate(file.functions):
            reason = file.reasons[number]
            if reason is None and _meets(function.parts, spans):
                reason = HELD_OUT_COPY
            deduplicator.add(reason, file.sketches[number] if reason is None else None)

    def shingles_of(number: int) -> Shingles:
        place = bisect_right(firsts, number) - 1
        sources, path, blob_id = files[place]
        return _shingles(sources, sources.file(path, blob_id).functions[number - firsts[place]])

    reasons = deduplicator.reasons(shingles_of)
    firsts.append(len(deduplicator))
    first = 0
    for _, parts in asked:
        last = first + len(parts.train)
        yield reasons.between(firsts[first], firsts[last])
        first = last


def _shingles(sources: Sources, function: Function) -> Shingles:
    return shingles(tokens(_text(sources, function), by_name(function.language).lexical))


def _survey(
    sources: Sources,
    files: Iterable[FileFunctions],
    contamination: ContaminationIndex,
    barred: dict[str, list[Span]],
) -> tuple[tuple[FileFunctions, ...], Counter[str]]:
    """The files that are not read, and how many are left out for which reason; what no prompt may
    show goes into ``barred``."""
    unread, reasons = [], Counter[str]()
    for file in files:
        if file.unread:
            unread.append(file)
        if file.reason is not None:
            reasons[file.reason] += 1
        else:
            spans = [Span(0, file.header)] if file.header else []
            likely = contamination.likely(file.gram_trace)
            if likely is not None:
                found = partial(_contaminated, sources, file, contamination)
                spans += sources.recall(file, f"echoes {likely}", found)
            if spans:
                barred[file.blob_id] = spans
    return tuple(unread), reasons


def _contaminated(
    sources: Sources, file: FileFunctions, contamination: ContaminationIndex
) -> list[Span]:
    """Stretches of a file, and of its functions: one read alone is safe from odd quotes above."""
    source = sources.text(file.blob_id)
    spans = contamination.spans(source, file.language.lexical)
    for function in file.functions:
        if not _meets(function.parts, spans):
            for part in function.parts:
                found = contamination.spans(source[part.start : part.end], file.language.lexical)
                spans += [Span(part.start + span.start, part.start + span.end) for span in found]
    return spans


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
