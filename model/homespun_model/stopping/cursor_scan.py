"""What surrounds a cursor, as far as it decides where a suggestion ends.

Read from the text by ``nesting``: the code around a cursor is broken most of the time. Knows no
suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from homespun_corpus.place import Place

from homespun_model.stopping.due import Due, closes, due
from homespun_model.stopping.nesting import CLOSER, Frame, Nesting, rules

Mode = Literal["line", "statement", "block"]

TAB = 8


def first_code(place: Place) -> int:
    """Where code begins in a window that begins inside a long string or comment, else 0."""
    if place.before == 0:
        return 0
    lexical = rules(place.language)
    if lexical.block_comment is not None:
        begin, end = lexical.block_comment
        first = re.search(f"{re.escape(begin)}|{re.escape(end)}", place.prefix)
        return first.end() if first is not None and first[0] == end else 0
    first = re.search(r"\"{3}|'{3}", place.prefix) if lexical.triple_quotes else None
    return first.end() if first is not None and closes(place.prefix[: first.start()]) else 0


def indentation(line: str) -> int:
    """Columns of white space that a line begins with."""
    return len((line[: len(line) - len(line.lstrip())]).expandtabs(TAB))


@dataclass(frozen=True)
class CursorScan:
    """The lines, brackets and strings around a cursor."""

    place: Place

    @cached_property
    def lead(self) -> str:
        """What stands before the cursor on its line."""
        return self.place.prefix.rpartition("\n")[2]

    @cached_property
    def rest(self) -> str:
        """What stands after the cursor on its line."""
        return self.place.suffix.partition("\n")[0]

    @cached_property
    def above(self) -> str:
        """The last line before the cursor's that is not blank; "" without one."""
        lines = self.place.prefix.split("\n")[-2::-1]
        return next((line.rstrip() for line in lines if line.strip()), "")

    @cached_property
    def following(self) -> list[str]:
        """The lines after the cursor's that are not blank."""
        lines = self.place.suffix.split("\n")[1:]
        return [line.rstrip() for line in lines if line.strip()]

    @cached_property
    def below(self) -> list[str]:
        """The lines that a suggestion stands above and that are not blank: those that follow, and
        the cursor's own where it stands before all of it."""
        own = [] if self.lead.strip() or not self.rest.strip() else [self.lead + self.rest.rstrip()]
        return own + self.following

    @cached_property
    def frames(self) -> Sequence[Frame]:
        """What is begun before the cursor and not ended before it, outermost first, at offsets
        from where the cursor's line begins."""
        begin, cursor = first_code(self.place), len(self.place.prefix)
        nesting = Nesting(rules(self.place.language))
        for _ in nesting.read(self.place.prefix + self.place.suffix, begin, cursor):
            pass
        return [frame.moved(len(self.lead) - cursor) for frame in nesting.frames]

    @cached_property
    def inside(self) -> Frame | None:
        """The outermost string or comment that the cursor is in."""
        return next((frame for frame in self.frames if frame.holds), None)

    @cached_property
    def due(self) -> Due:
        """What the suffix ends of what the prefix began."""
        return due(self.place, self.frames)

    @cached_property
    def hugged(self) -> bool:
        """Whether the cursor stands between a bracket and its partner, as editors insert them."""
        opener, closer = self.lead.rstrip()[-1:], self.rest.strip()[:1]
        alone = not self.rest.strip(")]}>;, \t")
        in_code = not self.frames or self.frames[-1].kind != "mark"
        return in_code and alone and opener in CLOSER and CLOSER[opener] == closer

    def mode(self, indent: int) -> Mode:
        """How much to suggest where the cursor's statement is indented by ``indent`` columns.

        "line": to the end of the line, for something stands behind the cursor or below it that
        belongs to the same statement. "statement": one, for others follow in the block. "block": to
        the end of the block, for nothing follows in it.
        """
        if self.hugged:
            return "block"
        if self.rest.strip() or self._in_one_line():
            return "line"
        if not self.following:
            return "block" if indent and not self.place.after else "statement"
        below = indentation(self.following[0])
        closes = self.following[0].lstrip()[0] in CLOSER.values()
        if self.lead.strip() and below > indent and not closes:
            return "line"
        opens = self.lead.rstrip().endswith((":", "{"))
        return "block" if below < indent and not opens else "statement"

    def _in_one_line(self) -> bool:
        """Whether the cursor is in a comment or a string that ends with its line."""
        frame = self.inside
        if frame is None or frame.kind == "comment":
            return frame is not None
        return frame.start >= 0 and len(frame.end) < 3
