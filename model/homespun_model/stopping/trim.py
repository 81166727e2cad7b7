"""Where a suggestion ends.

A model goes on as long as it is let. What is shown is one line, one statement or the rest of a
block, as the code around the cursor decides; it ends before a bracket or a line that stands behind
the cursor already, before it repeats itself, and before a line deeper than any may be. The same
rules, but for the last, asked after every token, stop decoding early. Pure text and syntax: knows
no model and no tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from homespun_corpus.place import Place
from homespun_corpus.syntax.languages import LANGUAGES

from homespun_model.stopping.closing import Closing
from homespun_model.stopping.cursor_scan import CursorScan, Mode, indentation
from homespun_model.stopping.depth import without_deeper
from homespun_model.stopping.repeats import (
    again,
    ending,
    loop,
    overlap,
    rejoins,
    restates,
    same,
    stutter,
)
from homespun_model.stopping.syntax import SyntaxCheck

Reason = Literal["end", "line", "block", "closer", "suffix", "repetition", "length"]

# A line at its statement's own indentation that begins so goes on with the statement.
CONTINUES = ("else", "elif", "except", "finally", "case", "catch")  # and the language's own words
WORD_END, WORD_BEGIN = re.compile(r"\w$"), re.compile(r"\w")
HALF_WORD = re.compile(r"\s*\w*$")
NO_CHARACTER = "\ufffd"  # bytes that are no text, where a model goes astray
MIN_SENTINEL = 6  # shorter sentinels, such as <s>, are also HTML


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A suggestion and why it ends there.

    "end": the model ended it. "line", "block": the line, or the statement or block, was complete.
    "closer": what closes a bracket or string comes next, and the suffix has it. "suffix": the next
    text is the suffix's. "repetition". "length": none of these; the model was stopped.
    ``parses``: it brings no syntax error into code that was sound. ``fits``: it goes in before the
    rest of the cursor's line, and neither splits a word of it nor says it again.
    """

    text: str
    reason: Reason
    parses: bool = True
    fits: bool = True


@dataclass(frozen=True, slots=True, order=True)
class StopPoint:
    """An end: everything from ``at`` on is left out."""

    at: int
    reason: Reason


class Trimmer:
    """Ends suggestions at one place. Texts are what a model wrote there, line ends ``\\n``."""

    def __init__(self, place: Place, sentinels: Sequence[str] = ()) -> None:
        self._scan = CursorScan(place)
        self._syntax = SyntaxCheck(self._scan)
        self._sentinels = [name for name in sentinels if len(name) >= MIN_SENTINEL]

    def done(self, text: str) -> bool:
        """Whether ``text`` has run past its end, so that there is no use in more of it."""
        return self._cut(text, whole=False) is not None

    def trim(self, text: str, *, ended: bool) -> Trimmed:
        """The part of ``text`` to show. ``ended``: the model ended it by itself."""
        cut = self._cut(text, whole=True)
        if cut is not None and not (ended and not text[cut.at :].strip()):
            kept, reason = self._tidy(text[: cut.at], cut.reason), cut.reason
        elif ended:
            kept, reason = text.rstrip(), "end"
        else:
            kept, reason = _without_half_a_line(text), "length"
        kept = without_deeper(self._scan, kept)
        shorter = self._syntax.longest(kept)
        shown = self._without_next_line(kept if shorter is None else shorter)
        return Trimmed(
            shown,
            reason if shorter in (kept, None) else "block",
            parses=shorter is not None,
            fits=self._fits(shown),
        )

    def _fits(self, text: str) -> bool:
        lead, rest = self._scan.lead, self._scan.rest
        splits_a_word = bool(WORD_END.search(lead) and WORD_BEGIN.match(rest))
        return not splits_a_word and not restates(text.partition("\n")[0], rest)

    def _tidy(self, text: str, reason: Reason) -> str:
        """Without white space at the end, save the line break before a closing brace, and blanks
        before what stands on the line."""
        kept, rest = text.rstrip(), self._scan.rest
        if reason == "closer" and self._scan.hugged and "\n" in text[len(kept) :] and kept:
            return kept + "\n" + text.rpartition("\n")[2]
        goes_on = reason in ("closer", "suffix") and rest and not rest[0].isspace()
        return text if goes_on and kept and "\n" not in text[len(kept) :] else kept

    def _without_next_line(self, text: str) -> str:
        """Without a last line that comes next anyway; brackets are seen to elsewhere."""
        before, newline, last = text.rpartition("\n")
        below = self._scan.below[:1]
        if newline and below and last.strip("()[]{} \t;,") and same(last, below[0]):
            return before.rstrip()
        return text

    def _cut(self, text: str, *, whole: bool) -> StopPoint | None:
        """The first of all ends. ``whole``: there will be no more of ``text``."""
        return _Draft(self._scan, text, whole, self._sentinels).cut()


def trim(place: Place, text: str, ended: bool) -> Trimmed:
    """One suggestion trimmed at one place; see ``Trimmer``."""
    return Trimmer(place).trim(text, ended=ended)


@dataclass(frozen=True)
class _Draft:
    """A text that may not be complete yet, at a place."""

    cursor: CursorScan
    text: str
    whole: bool
    sentinels: Sequence[str]

    def cut(self) -> StopPoint | None:
        """The first end. Closers are looked for before the others only: a line read as far as it
        is shown may close what the suffix does."""
        other = min(self._cuts(), default=None)
        closing = self.closing
        if other is not None:
            closing = Closing(self.cursor, self.text[: other.at], whole=True)
        at = closing.doubled()
        return other if at is None else StopPoint(at, "closer")

    def _cuts(self) -> Iterator[StopPoint]:
        """Every other end than a closer, in no order."""
        yield from self._sentinel_cuts()
        yield from self._line_cuts()
        yield from self._suffix_cuts()
        yield from self._repetition_cuts()

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        """Each line of the text with its offset; the first begins at the cursor."""
        lines, start = [], 0
        for line in self.text.split("\n"):
            lines.append((start, line))
            start += len(line) + 1
        return lines

    @cached_property
    def complete(self) -> list[str]:
        """The lines that nothing will be added to, the first with what stands before the cursor."""
        lines = [line for _, line in self.lines]
        lines[0] = self.cursor.lead + lines[0]
        return lines if self.whole else lines[:-1]

    @cached_property
    def closing(self) -> Closing:
        return Closing(self.cursor, self.text, self.whole)

    @cached_property
    def indent(self) -> int:
        """Columns by which the statement at the cursor is indented."""
        first, *more = [line for _, line in self.lines]
        lines = [self.cursor.lead + first, *more]
        return next((indentation(line) for line in lines if line.strip()), 0)

    def _sentinel_cuts(self) -> Iterator[StopPoint]:
        for name in (*self.sentinels, NO_CHARACTER):
            if (at := self.text.find(name)) >= 0:
                yield StopPoint(at, "end")

    def _line_cuts(self) -> Iterator[StopPoint]:
        """The end of the line, the statement or the block."""
        mode = self.cursor.mode(self.indent)
        previous = indentation(self.cursor.lead + self.lines[0][1])
        blank, free = 0, self.closing.free
        for number, (start, line) in enumerate(self.lines[1:], 1):
            if mode == "line":
                yield StopPoint(start - 1, "line")
                return
            if not line.strip():
                blank += 1
                continue
            if not self.whole and number == len(self.lines) - 1 and HALF_WORD.match(line):
                return
            if start in free and self._ends_before(line, mode, previous, blank):
                yield StopPoint(start - 1, "line" if number == 1 else "block")
                return
            previous, blank = indentation(line), 0

    def _ends_before(self, line: str, mode: Mode, previous: int, blank: int) -> bool:
        """Whether what is to be suggested is complete when ``line`` comes next."""
        columns = indentation(line)
        if blank >= 2:
            return True
        if columns > self.indent:
            return False
        if columns < self.indent:
            return not line.lstrip().startswith((")", "]", "}"))
        if _continues(self.cursor.place.language).match(line.lstrip()) and not blank:
            return False
        return mode == "statement" or (blank > 0 and previous > self.indent)

    def _suffix_cuts(self) -> Iterator[StopPoint]:
        """Where the text goes over into what stands behind the cursor or in the lines below."""
        at = self._said_rest()
        if at is not None:
            closes = self.cursor.inside is None and self.cursor.rest.lstrip()[0] in ")]}"
            yield StopPoint(at, "closer" if closes else "suffix")
        for number, (start, _) in enumerate(self.lines[: len(self.complete)]):
            if rejoins(self.complete[number : number + 2], self.cursor.below):
                yield StopPoint(max(0, start - 1), "suffix")

    def _said_rest(self) -> int | None:
        """Where the first line begins to say the rest of the cursor's, if that is no line below."""
        if not self.cursor.lead.strip() and self.cursor.rest[:1].isspace():
            return None
        line, rest, whole = self.lines[0][1], self.cursor.rest, self.whole or len(self.lines) > 1
        if (at := overlap(line, rest, whole=whole)) is not None:
            return None if self.closing.opens_more(at) else at
        if not (whole and self.cursor.due.asks) or self.closing.answers(len(line)):
            return None
        at = ending(line, rest)
        return at if at is not None and self.closing.answers(at) else None

    def _repetition_cuts(self) -> Iterator[StopPoint]:
        number = loop([line.strip() for line in self.complete])
        if number is not None:
            yield StopPoint(max(0, self.lines[number][0] - 1), "repetition")
        above, begun = self.cursor.above, bool(self.cursor.due.on_line)  # on its way to be closed
        for number, line in enumerate(self.complete):
            if again(line, above) and not (begun and number == 0):
                yield StopPoint(max(0, self.lines[number][0] - 1), "repetition")
            above = line.rstrip() or above
        start, line = self.lines[-1]
        if (at := stutter(line)) is not None:
            yield StopPoint(start + at, "repetition")


@cache
def _continues(language: str | None) -> re.Pattern[str]:
    """What begins a line that goes on with the statement above it."""
    words = next((row.continues for row in LANGUAGES if row.name == language), ())
    return re.compile(rf"({'|'.join((*CONTINUES, *words))})\b|[)\]}}.]|&&|\|\|")


def _without_half_a_line(text: str) -> str:
    """A text that was stopped: whole lines, unless it is only one."""
    whole, newline, _ = text.rpartition("\n")
    return (whole if newline and whole.strip() else text).rstrip()
