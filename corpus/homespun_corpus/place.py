"""A place in a file: what an editor has at hand around a cursor.

The one definition of "the text around a cursor". Mining cuts holes with it and the server asks with
it, so that a prompt built from either is the same. Its edges hold still while somebody types: the
beginning of the window is an anchor counted from the start of the file, its end an anchor counted
from the end of the file, so typing at the cursor moves neither until a whole step has been passed.
Both have plain line ends in it, whatever the file has: so the same code gets the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BEFORE_CHARS = 8192  # at most this much text before the cursor
AFTER_CHARS = 4096  # at most this much text after it
STEP_CHARS = 512  # distance between anchors: about 160 tokens of code


@dataclass(frozen=True, slots=True)
class Related:
    """A piece of code from another file of the same repository."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """The text around a cursor, with how much of the file lies beyond it on either side.

    ``before`` and ``after`` count the characters of the file outside the window; with them, anchors
    can be found again without the whole file.
    """

    path: str
    language: str | None
    prefix: str
    suffix: str
    before: int = 0
    after: int = 0
    related: tuple[Related, ...] = ()


def place_at(
    text: str,
    start: int,
    end: int | None = None,
    *,
    path: str,
    language: str | None,
    related: tuple[Related, ...] = (),
) -> Place:
    """The place at ``text[start:end]`` (character offsets); without ``end``, at a cursor."""
    end = start if end is None else end
    head = window_start(text, start)
    tail = window_end(text, end)
    return Place(
        path=path,
        language=language,
        prefix=text[head:start],
        suffix=text[end:tail],
        before=head,
        after=len(text) - tail,
        related=related,
    )


def window_start(text: str, cursor: int) -> int:
    """Where the window before ``cursor`` begins: the first anchor at most BEFORE_CHARS away."""
    if cursor <= BEFORE_CHARS:
        return 0
    return next(prefix_anchors(text, cursor, first=cursor - BEFORE_CHARS), cursor)


def window_end(text: str, cursor: int) -> int:
    """Where the window after ``cursor`` ends: the last anchor at most AFTER_CHARS away."""
    if len(text) - cursor <= AFTER_CHARS:
        return len(text)
    return next(suffix_anchors(text, cursor, last=cursor + AFTER_CHARS), cursor)


def prefix_anchors(text: str, cursor: int, *, before: int = 0, first: int = 0) -> Iterator[int]:
    """Anchors in ``text[first:cursor]``, ascending.

    ``before`` is how much of the file precedes ``text``. An anchor is the first line start after a
    multiple of STEP_CHARS counted from the start of the file, or that multiple itself where a line
    is longer than a step.
    """
    step = -(-(before + first) // STEP_CHARS)
    while (raw := step * STEP_CHARS - before) < cursor:
        newline = text.find("\n", raw, min(raw + STEP_CHARS, cursor))
        yield newline + 1 if newline >= 0 and raw + before > 0 else raw
        step += 1


def suffix_anchors(
    text: str, cursor: int, *, after: int = 0, last: int | None = None
) -> Iterator[int]:
    """Anchors in ``text[cursor:last]``, descending: the mirror image, from the file's end."""
    last = len(text) if last is None else last
    step = -(-(len(text) - last + after) // STEP_CHARS)
    while (raw := len(text) + after - step * STEP_CHARS) > cursor:
        newline = text.rfind("\n", max(raw - STEP_CHARS, cursor), raw)
        yield newline + 1 if newline >= 0 and step > 0 else raw
        step += 1


def with_plain_ends(text: str) -> str:
    """As a model sees it."""
    return text.replace("\r\n", "\n")


def plain(text: str, offset: int) -> tuple[str, int]:
    """A text with a cursor in it, which is not between ``\\r`` and ``\\n``, as a model sees it."""
    head = with_plain_ends(text[:offset])
    return head + with_plain_ends(text[offset:]), len(head)


def with_ends_of(text: str, answer: str) -> str:
    """``answer``, whose line ends are plain, with those that ``text`` has; of mixed ones the more
    frequent."""
    crlf = 2 * text.count("\r\n") > text.count("\n")
    return answer.replace("\n", "\r\n") if crlf else answer
