"""What still stands of a text that was accepted, while its document is edited on.

A region moves with every edit before it and widens over every edit that touches it; how much of the
text it still holds is counted when somebody asks. Keeps the text in memory and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

LEAST_BLOCK = 6  # characters in a row: fewer are there by chance
WIDEST = 4, 200  # times a text's length, and characters more: in a wider region nobody can tell


@dataclass(frozen=True, slots=True)
class Span:
    """An edit of a text: from ``start`` to ``end`` there is another text, ``grown`` longer."""

    start: int
    end: int
    grown: int

    @classmethod
    def between(cls, old: str, new: str) -> Span:
        """The smallest edit that makes ``new`` of ``old``."""
        most = min(len(old), len(new))
        start = _same(most, lambda n: old[:n] == new[:n])
        left = most - start
        end = _same(left, lambda n: old[len(old) - n :] == new[len(new) - n :])
        return cls(start, len(old) - end, len(new) - len(old))


def _same(most: int, holds: object) -> int:
    """The largest number up to ``most`` for which something holds that holds for all below it."""
    assert callable(holds)
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        if holds(middle):
            low = middle
        else:
            most = middle - 1
    return low


@dataclass(slots=True)
class Region:
    """``text`` was put in from ``start`` to ``end``."""

    start: int
    end: int
    text: str

    def moved(self, span: Span) -> None:
        """After an edit of the document."""
        if span.end <= self.start:
            self.start += span.grown
            self.end += span.grown
        elif span.start < self.end:
            self.start = min(self.start, span.start)
            self.end = max(self.end, span.end) + span.grown

    def standing(self, document: str) -> int | None:
        """Characters of its text that are still there, in their order; None where so much around
        it has changed that nobody can tell."""
        here = document[self.start : self.end]
        if here == self.text:
            return len(self.text)
        if len(here) > WIDEST[0] * len(self.text) + WIDEST[1]:
            return None
        blocks = SequenceMatcher(None, self.text, here, autojunk=False).get_matching_blocks()
        least = min(LEAST_BLOCK, len(self.text))
        return sum(block.size for block in blocks if block.size >= least)
