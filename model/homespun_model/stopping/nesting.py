"""What is begun and not ended as a text is read: brackets, strings, comments, code in strings.

A small scanner for code that is broken most of the time: it neither minds nor needs the whole file.
In strings and comments it follows brackets and quotes as well, which need not come in pairs there,
but which an editor closes by itself. Knows one language from another by its row of ``lexical``
only; knows no cursor and no suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from homespun_corpus.syntax.languages import LANGUAGES
from homespun_corpus.syntax.lexical import UNKNOWN, LexicalRules, StringRule

CLOSER = {"(": ")", "[": "]", "{": "}"}
QUOTES = "\"'`"

_RULES = {row.name: row.lexical for row in LANGUAGES}


def rules(language: str | None) -> LexicalRules:
    """What marks comments and strings in a language, by its name."""
    return _RULES.get(language or "", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Frame:
    """Something begun: a bracket of code, a string, a comment, a hole with code in a string, or a
    mark, which is a bracket or quote in a string or comment. ``end``: what ends it."""

    start: int
    kind: Literal["bracket", "string", "comment", "hole", "mark"]
    end: str
    rule: StringRule | None = None
    """Of a string."""

    @property
    def holds(self) -> bool:
        """Whether what is in it is read otherwise than what is around it."""
        return self.kind in ("string", "comment", "hole")

    @property
    def ends_with_line(self) -> bool:
        """Whether a line break ends it if nothing else does."""
        return self.end == "\n" or (self.rule is not None and not self.rule.spans_lines)

    def moved(self, by: int) -> Frame:
        """The same at another offset."""
        return replace(self, start=self.start + by)


def brackets(frames: Iterable[Frame]) -> int:
    """How many of ``frames`` are brackets of code."""
    return sum(frame.kind in ("bracket", "hole") for frame in frames)


@dataclass(frozen=True, slots=True)
class Step:
    """Where something begins or ends, at ``start`` to ``end``.

    ``closed``: frames that end there, innermost first; the last is what was closed, those before it
    were left open. "stray": a bracket of code that closes nothing. "line": a line break.
    """

    start: int
    end: int
    kind: Literal["open", "close", "stray", "line"]
    closed: tuple[Frame, ...] = ()


class Nesting:
    """Reads text, keeping in ``frames`` what is open, outermost first."""

    def __init__(self, lexical: LexicalRules, frames: Iterable[Frame] = ()) -> None:
        self.frames = list(frames)
        self._lexical = lexical
        self._holders = [i for i, frame in enumerate(self.frames) if frame.holds]
        self._pattern = self._pattern_here()

    @property
    def in_code(self) -> bool:
        """Whether no string or comment is open."""
        return not self._holders

    def read(self, text: str, begin: int = 0, end: int | None = None) -> Iterator[Step]:
        """The steps of ``text[begin:end]``; what stands around it is looked at, but not read."""
        end = len(text) if end is None else end
        while (match := self._next(text, begin, end)) is not None:
            begin = match.end()
            if (step := self._step(match)) is not None:
                yield step

    def drop(self) -> tuple[Frame, ...]:
        """Close the innermost frame without a sign of it."""
        return self._cut(len(self.frames) - 1)

    def _next(self, text: str, begin: int, end: int) -> re.Match[str] | None:
        match = self._pattern.search(text, begin)
        if match is None or match.start() >= end:
            return None
        return match if match.end() <= end else self._pattern.search(text, begin, end)

    def _pattern_here(self) -> re.Pattern[str]:
        """What to look for in what is open: to be asked again when that changes, it takes time."""
        holder = self.frames[self._holders[-1]] if self._holders else None
        if holder is None or holder.kind == "hole":
            return _code_pattern(self._lexical, in_hole=holder is not None)
        return _text_pattern(holder.rule, holder.end)

    def _step(self, match: re.Match[str]) -> Step | None:
        kind = match.lastgroup or ""
        if match[0] == "\n":
            return Step(match.start(), match.end(), "line", self._end_line())
        if kind in ("ignored", "escape"):
            return None
        if kind == "end":
            return Step(match.start(), match.end(), "close", self._cut(self._holders[-1]))
        return self._begin(match, kind) if kind else self._bracket(match)

    def _begin(self, match: re.Match[str], kind: str) -> Step:
        """Begin a string, a hole in one, or a comment."""
        if kind.startswith("string"):
            return self._open_string(match, self._lexical.strings[int(kind[6:])])
        if kind.startswith("hole"):
            rule = self.frames[self._holders[-1]].rule
            assert rule is not None
            return self._open(match, "hole", rule.holes[int(kind[4:])][1])
        block = self._lexical.block_comment if kind == "block" else None
        return self._open(match, "comment", block[1] if block else "\n")

    def _open(
        self,
        match: re.Match[str],
        kind: Literal["bracket", "string", "comment", "hole", "mark"],
        closer: str,
        rule: StringRule | None = None,
    ) -> Step:
        frame = Frame(match.start(), kind, closer, rule)
        self.frames.append(frame)
        if frame.holds:
            self._holders.append(len(self.frames) - 1)
            self._pattern = self._pattern_here()
        return Step(match.start(), match.end(), "open")

    def _open_string(self, match: re.Match[str], rule: StringRule) -> Step:
        begun = re.compile(rule.begin, re.MULTILINE).match(match.string, match.start())
        # What was cut off at a cursor may not match with what follows; then it has no group.
        closer = begun.expand(rule.end) if begun is not None else rule.end
        return self._open(match, "string", closer, rule)

    def _bracket(self, match: re.Match[str]) -> Step | None:
        """A bracket of code, or a bracket or quote in a string or comment."""
        text, holder = match[0], self._holders[-1] if self._holders else -1
        in_code = holder < 0 or self.frames[holder].kind == "hole"
        if text in CLOSER:
            return self._open(match, "bracket" if in_code else "mark", CLOSER[text])
        lowest = holder if in_code else holder + 1
        for index in range(len(self.frames) - 1, max(lowest, 0) - 1, -1):
            if self.frames[index].end == text:
                return Step(match.start(), match.end(), "close", self._cut(index))
        if in_code:
            return Step(match.start(), match.end(), "stray")
        if text not in QUOTES or match.string[max(0, match.start() - 1)].isalnum():
            return None
        return self._open(match, "mark", text)

    def _end_line(self) -> tuple[Frame, ...]:
        """Close what ends with its line; quotes in a text that goes on are forgotten."""
        if not self._holders:
            return ()
        for index in self._holders:
            if self.frames[index].ends_with_line:
                return self._cut(index)
        holder = self._holders[-1]
        self.frames[holder + 1 :] = [
            frame
            for frame in self.frames[holder + 1 :]
            if frame.kind != "mark" or frame.end not in QUOTES
        ]
        return ()

    def _cut(self, index: int) -> tuple[Frame, ...]:
        """Leave only the first ``index`` frames; the others, innermost first."""
        closed = tuple(reversed(self.frames[index:]))
        del self.frames[index:]
        if self._holders and self._holders[-1] >= index:
            self._holders = [holder for holder in self._holders if holder < index]
            self._pattern = self._pattern_here()
        return closed


@dataclass(frozen=True, slots=True)
class Token:
    """A bracket, a comment or a string. ``quote``: what ends the string; "" if nothing does."""

    start: int
    end: int
    kind: Literal["bracket", "comment", "string"]
    text: str
    quote: str = ""


def scan(text: str, language: str | None) -> list[Token]:
    """Brackets outside of strings and comments, and those, in order."""
    nesting, tokens = Nesting(rules(language)), list[Token]()
    outer: Frame | None = None
    for step in nesting.read(text):
        if outer is not None and nesting.in_code:
            tokens.append(_token(text, outer, step))
            outer = None
        elif outer is None and not nesting.in_code:
            outer = nesting.frames[-1]
        elif outer is None and step.kind != "line":
            tokens.append(Token(step.start, step.end, "bracket", text[step.start : step.end]))
    if outer is not None:
        tokens.append(_token(text, outer, None))
    return tokens


def _token(text: str, frame: Frame, step: Step | None) -> Token:
    """The string or comment ``frame``, ended by ``step`` or by the end of the text."""
    kind: Literal["comment", "string"] = "comment" if frame.kind == "comment" else "string"
    end = len(text) if step is None else step.start if step.kind == "line" else step.end
    quote = frame.end if kind == "string" and step is not None and step.kind == "close" else ""
    return Token(frame.start, end, kind, text[frame.start : end], quote)


@cache
def _code_pattern(lexical: LexicalRules, *, in_hole: bool) -> re.Pattern[str]:
    """What matches where a comment or string begins, a bracket that is none, or a bracket.

    In a hole ``#`` and ``//`` are more often a format's or an address's than a comment's.
    """
    kinds = [
        rf"(?P<string{number}>{_without_names(rule.begin)})"
        for number, rule in enumerate(lexical.strings)
    ]
    kinds = [rf"(?P<ignored>{lexical.ignored})", *kinds, r"[()\[\]{}\n]"]
    if not in_hole:
        kinds = [*_comments(lexical), *kinds]
    return re.compile("|".join(kinds), re.MULTILINE)


def _comments(lexical: LexicalRules) -> Iterator[str]:
    if lexical.block_comment is not None:
        yield rf"(?P<block>{re.escape(lexical.block_comment[0])})"
    if line := lexical.line_begins or re.escape(lexical.line_comment):
        yield rf"(?P<line>{line})"


@cache
def _text_pattern(rule: StringRule | None, closer: str) -> re.Pattern[str]:
    """What matches in a string, or in a comment without a rule, what is more than a letter."""
    kinds = []
    if rule is not None:
        kinds = [
            rf"(?P<hole{number}>{_without_names(begin)})"
            for number, (begin, _) in enumerate(rule.holes)
        ]
        kinds.append(rf"(?P<escape>{rule.escapes})")
    if closer != "\n":
        kinds.append(rf"(?P<end>{re.escape(closer)})")
    return re.compile("|".join([*kinds, r"[()\[\]{}\"'`\n]"]), re.MULTILINE)


def _without_names(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)
