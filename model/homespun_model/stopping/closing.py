"""Where a suggestion closes what the suffix closes already.

A text may well close what the suffix closes, if it begins the like again: behind ``f(|)`` may come
``a).g(b``. So a line is read to its end, and cut before what stands behind the cursor where it says
that; else before the first closer that the suffix has. Knows no indentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from homespun_model.stopping.cursor_scan import CursorScan
from homespun_model.stopping.nesting import Nesting, Step, brackets, rules
from homespun_model.stopping.repeats import begins_with, ending


@dataclass(frozen=True, slots=True)
class _Passed:
    """A step of a text, at offsets into it.

    ``wrong``: it closes what may not be closed there. ``fits``: what the suffix closes is open
    behind it. ``leaves``: no string is open any more that the cursor is in. ``free``: neither is a
    bracket of the cursor's line or of the text, a string or a comment.
    """

    start: int
    end: int
    line: bool
    wrong: bool
    fits: bool
    leaves: bool
    free: bool


@dataclass(frozen=True)
class Closing:
    """A text at a cursor. ``whole``: there will be no more of it."""

    cursor: CursorScan
    text: str
    whole: bool

    @cached_property
    def free(self) -> set[int]:
        """Where a line begins that no bracket, string or comment holds."""
        return {step.end for step in self._steps if step.line and step.free}

    def doubled(self) -> int | None:
        """Where the text begins to close what the suffix closes; None if not, or not yet known."""
        line, fits = 0, True
        first: int | None = None
        for step in self._steps:
            if first is not None and not fits and (step.line or step.wrong):
                return self._said(line, step.start, first)
            if step.line:
                line = step.end
                continue
            if step.wrong or (fits and not step.fits and self._is_sure(step.start)):
                return step.start
            if fits and not step.fits and first is None:
                first = step.start
            fits = step.fits
        whole = self.whole and first is not None and not fits
        return self._said(line, len(self.text), first or 0) if whole else None

    def opens_more(self, at: int) -> bool:
        """Whether ``text[:at]`` opens what the rest of the line then closes in place of another."""
        nesting, before = self._nesting(), self.cursor.lead + self.text[:at]
        for _ in nesting.read(before, self._begin):
            pass
        more = brackets(nesting.frames) > brackets(self.cursor.frames)
        if not (self.cursor.due.on_line and nesting.in_code and more):
            return False
        for _ in nesting.read(before + self.cursor.rest, len(before)):
            pass
        on_line = [frame for frame in nesting.frames if frame.start >= 0]
        return brackets(on_line) > self.cursor.due.open_behind

    def answers(self, at: int) -> bool:
        """Whether ``text[:at]`` begins something that the rest of the line can end."""
        nesting, cursor = self._nesting(), len(self.cursor.lead)
        for _ in nesting.read(self.cursor.lead + self.text[:at], self._begin):
            pass
        return bool(nesting.frames) and nesting.frames[-1].start >= cursor

    def _is_sure(self, start: int) -> bool:
        """Whether nothing that comes later can tell that the closer at ``start`` is none of the
        suffix's: it has it further down, or there is no doubt that its line is what is said."""
        return not self.cursor.due.on_line or begins_with(self.text[start:], self.cursor.rest)

    def _said(self, line: int, end: int, first: int) -> int:
        """Where the line from ``line`` to ``end`` says the rest of the cursor's line, or that of
        its string; ``first`` if it does not."""
        at = ending(self.text[line:end], self.cursor.rest)
        if at is not None:
            return line + at
        left = next((step.end for step in self._steps if step.leaves), None)
        if left is not None and line < left <= end:
            at = ending(self.text[line:left], self.cursor.due.text_rest)
        return first if at is None else line + at

    @property
    def _begin(self) -> int:
        """Where to read on in the cursor's line: the cursor, or a backslash before it."""
        lead = self.cursor.lead
        escaped = (len(lead) - len(lead.rstrip("\\"))) % 2
        return len(lead) - (escaped if self.cursor.inside else 0)

    def _nesting(self) -> Nesting:
        return Nesting(rules(self.cursor.place.language), self.cursor.frames)

    @cached_property
    def _steps(self) -> list[_Passed]:
        return list(self._read())

    def _read(self) -> Iterator[_Passed]:
        """Each step of the text, up to one that is wrong."""
        nesting, cursor = self._nesting(), len(self.cursor.lead)
        for step in nesting.read(self.cursor.lead + self.text, self._begin):
            wrong = _is_wrong(nesting, step, cursor)
            yield _Passed(
                step.start - cursor,
                step.end - cursor,
                step.kind == "line",
                wrong,
                not wrong and self.cursor.due.fits(nesting.frames),
                any(frame.kind == "string" and frame.start < cursor for frame in step.closed),
                nesting.in_code and (not nesting.frames or nesting.frames[-1].start < 0),
            )
            if wrong:
                return


def _is_wrong(nesting: Nesting, step: Step, cursor: int) -> bool:
    """Whether a step closes over brackets from before the ``cursor``, or has none to close. One of
    the text that is of another kind is taken for its own, as in code that is broken anyway."""
    if step.kind != "stray":
        return any(frame.start < cursor and frame.kind != "mark" for frame in step.closed[:-1])
    own = nesting.frames[-1:]
    if own and own[0].kind == "bracket" and own[0].start >= cursor:
        nesting.drop()
        return False
    return True
