"""What becomes of suggestions: seen, typed along, taken by a word, a line or whole, or left.

It is told by the document's next text, in every editor alike: what came in at once and is how the
suggestion goes on was taken, what came letter by letter was typed. Some editors say so with the
command of the item too, before or after: that is the same acceptance. Of what was taken is looked
at what stands half a minute later, after five, and when the document is closed. Keeps texts of open
documents and hands on numbers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from homespun_model.usage.counted import AFTER, Fate

from homespun_server.answer_cache import CLOSERS, MOST_CLOSERS
from homespun_server.standing_text import Region, Span

REMEMBERED = 64  # documents
SEEN = 0.1  # seconds that a suggestion has to stand to count as seen
REGIONS = 64  # of one document that are followed
BREAKS = "\r\n"
How = Literal["typed", "word", "line", "all"]

Later = Callable[[float, Callable[[], None]], object]
Record = Callable[[int, Fate], None]
"""A fate by its number, each time that more is known of it."""


@dataclass(slots=True)
class Offer:
    """``rest``, all of a suggestion or what is left of it, in place of ``text`` from ``offset`` to
    ``end``."""

    text: str
    offset: int
    end: int
    rest: str


@dataclass(slots=True)
class _Shown:
    """An offer that stands in an editor."""

    number: int
    offer: Offer
    fate: Fate
    since: float
    in_list: bool = False
    """Whether it goes on from an open list's entry, which the document does not have yet."""
    region: Region | None = None
    is_said: bool = False
    """Whether the editor has said that all was taken, before its text came."""


@dataclass(slots=True)
class _Followed:
    """One document."""

    text: str
    shown: _Shown | None = None
    regions: OrderedDict[int, tuple[Fate, Region]] = field(default_factory=OrderedDict)


class SuggestionsShown:
    """Used from one event loop; ``later`` calls back on it."""

    def __init__(
        self, record: Record, later: Later, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = 0
        """Suggestions that were taken whole, by one key or by their last part."""
        self._record = record
        self._later = later
        self._clock = clock
        self._numbers = count(1)
        self._documents: OrderedDict[str, _Followed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._documents)

    def shown(self, uri: str, text: str, offer: Offer, fate: Fate) -> int:
        """A suggestion goes out for a document that is ``text``, which is the offer's but where an
        open list would put something in; its number. What is left of the one before it keeps its
        own."""
        followed = self._follow(uri, text)
        now = followed.shown
        if now is not None and now.offer == replace(offer, end=now.offer.end):
            now.offer = offer
            return now.number
        self._end(followed)
        number = next(self._numbers)
        in_list = offer.text != text
        followed.shown = _Shown(number, offer, fate, self._clock(), in_list)
        return number

    def changed(self, uri: str, text: str, *, at_once: bool) -> bool:
        """The document is now ``text``; ``at_once``: several letters came in together. Whether
        that took all that was left of a suggestion."""
        if (followed := self._documents.get(uri)) is None:
            return False
        if followed.regions:
            span = Span.between(followed.text, text)
            for _, region in followed.regions.values():
                region.moved(span)
        followed.text = text
        if (shown := followed.shown) is None:
            return False
        if (after := _after(shown.offer, text)) is None:
            if not shown.in_list:  # there the next answer says whether it is the same still
                self._end(followed)
            return False
        shown.in_list = False
        return self._went_on(followed, shown, after, at_once=at_once)

    def by_command(self, number: object) -> bool:
        """The editor says that suggestion ``number`` was taken; whether that is news."""
        for followed in self._documents.values():
            shown = followed.shown
            if shown is not None and shown.number == number and not shown.is_said:
                shown.is_said = True
                self.total += 1
                return True
        return False

    def forget(self, uri: str) -> None:
        """The document was closed: what stands of it stands."""
        if (followed := self._documents.pop(uri, None)) is None:
            return
        self._end(followed)
        for number in list(followed.regions):
            self._look(followed, number, "at_end")

    def close(self) -> None:
        """The session ends."""
        for uri in list(self._documents):
            self.forget(uri)

    def _follow(self, uri: str, text: str) -> _Followed:
        followed = self._documents.setdefault(uri, _Followed(text))
        self._documents.move_to_end(uri)
        while len(self._documents) > REMEMBERED:
            self.forget(next(iter(self._documents)))
        return followed

    def _went_on(self, followed: _Followed, shown: _Shown, after: Offer, *, at_once: bool) -> bool:
        """A part of a suggestion is in the document now, and ``after`` is what is left."""
        start, taken = shown.offer.offset, after.offset - shown.offer.offset
        piece, shown.offer = shown.offer.rest[:taken], after
        how = _how(piece, after.rest, at_once=at_once or shown.is_said)
        if piece and how == "typed":
            shown.fate.typed += taken
        elif piece:
            name = f"by_{how}"
            setattr(shown.fate, name, getattr(shown.fate, name) + taken)
            self._stand(followed, shown, start, piece)
        if after.rest.strip():
            return False
        whole = how != "typed"
        if whole and not shown.is_said:
            self.total += 1
        self._end(followed)
        return whole

    def _stand(self, followed: _Followed, shown: _Shown, start: int, piece: str) -> None:
        """Follow what was taken; parts that follow each other are one region."""
        region = shown.region
        if region is not None and region.end == start:
            region.end, region.text = start + len(piece), region.text + piece
            return
        if region is not None:
            return  # typed in between: the first part is what is followed
        shown.region = Region(start, start + len(piece), piece)
        followed.regions[shown.number] = shown.fate, shown.region
        for seconds, name in zip(AFTER, ("after_30s", "after_5m"), strict=True):
            self._later(seconds, lambda name=name: self._look(followed, shown.number, name))  # type: ignore[misc]
        while len(followed.regions) > REGIONS:
            self._look(followed, next(iter(followed.regions)), "at_end")

    def _look(self, followed: _Followed, number: int, name: str) -> None:
        if (found := followed.regions.get(number)) is None:
            return
        fate, region = found
        if (still := region.standing(followed.text)) is not None:
            share = still / len(region.text)
            setattr(fate, name, min(fate.accepted, round(share * fate.accepted)))
        self._record(number, fate)
        if name == "at_end":
            del followed.regions[number]

    def _end(self, followed: _Followed) -> None:
        """No more can become of what is shown, but for what was taken of it."""
        shown, followed.shown = followed.shown, None
        if shown is None:
            return
        if shown.is_said and not shown.fate.accepted:  # its text came in some other way
            shown.fate.by_all += len(shown.offer.rest)
        touched = shown.fate.typed or shown.fate.accepted
        if touched or self._clock() - shown.since >= SEEN:
            self._record(shown.number, shown.fate)


def _after(offer: Offer, text: str) -> Offer | None:
    """What is left of an offer when the document is ``text``; None where anything but some of it
    came in."""
    if text[: offer.offset] != offer.text[: offer.offset]:
        return None
    for end in dict.fromkeys((offer.end, offer.offset)):
        came = _inserted(offer, text, end)
        if came is None or not (came or end == offer.offset):
            continue
        behind = offer.end - end  # of what is to be replaced, still there
        closers = _closers(offer.rest, came)
        if closers is not None and (not closers or end == offer.offset):
            taken = len(came) - closers
            offset = offer.offset + taken
            return Offer(text, offset, offset + closers + behind, offer.rest[taken:])
    return None


def _inserted(offer: Offer, text: str, end: int) -> str | None:
    """What stands in ``text`` instead of the offer's from its offset to ``end``; None where more is
    another."""
    tail = len(offer.text) - end
    if len(text) - tail < offer.offset or text[len(text) - tail :] != offer.text[end:]:
        return None
    return text[offer.offset : len(text) - tail]


def _closers(rest: str, came: str) -> int | None:
    """How many brackets an editor put behind the cursor by itself, where what came is otherwise how
    the suggestion goes on; None where it is not."""
    if rest.startswith(came):
        return 0
    most = min(len(came) - len(came.rstrip(CLOSERS)), MOST_CLOSERS, len(came) - 1)
    return next((n for n in range(1, most + 1) if rest.startswith(came[: len(came) - n])), None)


def _how(piece: str, rest: str, *, at_once: bool) -> How:
    """By which key a piece came in. A line end with the next line's indentation is Enter's."""
    if not at_once or len(piece) < 2 or not piece.strip():
        return "typed"
    if not rest.strip():
        return "all"
    ends_line = rest[0] in BREAKS or piece.rstrip(" \t")[-1] in BREAKS
    is_line = any(letter in BREAKS for letter in piece.rstrip()) or (
        ends_line and len(piece.split()) > 1
    )
    if is_line or piece.rstrip(" \t")[-1] in BREAKS:
        return "line"
    return "word"
