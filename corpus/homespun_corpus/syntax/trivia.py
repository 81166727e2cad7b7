"""What stands before a definition and belongs to it: decorators, attributes, comments.

Grammars disagree on where these hang in the tree, so they are joined to a definition by place: only
space between them and it. Knows byte offsets, not trees.
"""

from __future__ import annotations

import inspect
import re
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from homespun_corpus.syntax.lexical import LexicalRules

_STRING_OPENING = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')")


@dataclass(frozen=True, slots=True, order=True)
class TriviaPiece:
    """Bytes ``start`` to ``end`` of a comment or a decorator."""

    start: int
    end: int
    kind: Literal["comment", "decorator"]


@dataclass(frozen=True, slots=True)
class DefinitionStart:
    """``start``: of a definition, its decorators included. ``comment``: of what says more of it."""

    start: int
    comment: int
    doc: str | None


class Trivia:
    """The comments and decorators of one file, asked for those that belong to a definition."""

    def __init__(self, source: bytes, trivia: Iterable[TriviaPiece], rules: LexicalRules) -> None:
        self._source = source
        self._rules = rules
        self._pieces = sorted(set(trivia))
        self._starts = [lead.start for lead in self._pieces]

    def before(self, start: int) -> DefinitionStart:
        """Where a definition begins that begins at ``start`` without its decorators."""
        comments: list[str] = []
        point = start
        for index in range(bisect_left(self._starts, start) - 1, -1, -1):
            lead = self._pieces[index]
            if not self._belongs(lead, point):
                break
            point = lead.start
            if lead.kind == "comment":
                comments.append(
                    self._source[lead.start : lead.end].decode("utf-8", "replace").rstrip()
                )
            else:
                start = point
        doc = clean_comment("\n".join(reversed(comments)), self._rules)
        return DefinitionStart(start, point, doc)

    def after(self, start: int) -> int:
        """The first byte from ``start`` on that is neither in a decorator nor in a comment."""
        for index in range(bisect_left(self._starts, start), len(self._pieces)):
            lead = self._pieces[index]
            if self._source[start : lead.start].strip():
                break
            start = lead.end
        return start

    def _belongs(self, lead: TriviaPiece, point: int) -> bool:
        """Whether it belongs to ``point``: a comment has its own line, and no blank one below."""
        # Rust's grammar counts the line's end as part of a comment.
        text = self._source[lead.start : lead.end]
        gap = self._source[lead.start + len(text.rstrip()) : point]
        if lead.end > point or gap.strip():
            return False
        line = self._source.rfind(b"\n", 0, lead.start) + 1
        alone = not self._source[line : lead.start].removeprefix(BOM_UTF8).strip()
        return lead.kind == "decorator" or (alone and gap.count(b"\n") <= 1)


def clean_docstring(literal: str) -> str | None:
    """The text of a Python string literal that documents something."""
    opening = _STRING_OPENING.match(literal)
    if opening is None:
        return None
    text = literal[opening.end() :].removesuffix(opening.group(1))
    return inspect.cleandoc(text).strip() or None


def clean_comment(comment: str, rules: LexicalRules) -> str | None:
    """The text of comments without their marks, line by line."""
    opening, closing = _margins(rules)
    closed = (closing.sub("", line) for line in comment.splitlines())
    lines = [opening.sub("", line, count=1).rstrip() for line in closed]
    return "\n".join(lines).strip() or None


@cache
def _margins(rules: LexicalRules) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What a comment's line begins and ends with that is none of its text."""
    opening, closing = rules.margins
    return re.compile(rf"\s*(?:{opening})? ?"), re.compile(rf"\s*(?:{closing})\s*$")
