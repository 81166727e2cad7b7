"""Answers already given, so that typing along with one does not ask the model again.

An entry belongs to a document, a base and an adapter revision, to what was known of the
repository's other code, and to the text before and after the cursor. It answers again where exactly
that text is asked about, or where somebody typed the beginning of what it suggested; the closing
brackets that editors put behind the cursor are seen through. Knows nothing of the model that gave
the answers, nor whether they still fit.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from homespun_corpus.place import Place

PER_DOCUMENT = 8  # answers kept for one document: a few steps back, and no more
DOCUMENTS = 64
CLOSERS = ")]}>\"'`"  # what editors insert by themselves, and move along behind the cursor
MOST_CLOSERS = 3


@dataclass(frozen=True, slots=True)
class ServedBy:
    """Which weights answer: part of every key."""

    base: str
    weights: str
    revision: str | None
    generic: str | None = None
    """The hash of the base's generic adapter, where that answers."""
    engine: str = ""
    """What computes, for whoever counts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A suggestion as it was made for ``place``."""

    place: Place
    text: str
    replace: int
    mean_logprob: float
    shown: bool
    stopped: str
    complete: bool
    """False where the text was cut off by its length: its end is not to be trusted."""
    code: int = 0
    """The version of the code from other files that was known."""


class AnswerCache:
    """The newest answers of each document, least recently used documents leaving first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, ServedBy], list[Answer]] = OrderedDict()

    def put(self, uri: str, served: ServedBy, answer: Answer) -> None:
        """Remember ``answer``, in place of an older one for the same text."""
        key = (uri, served)
        kept = [old for old in self._answers.get(key, []) if not _same(old.place, answer.place)]
        self._answers[key] = [answer, *kept][:PER_DOCUMENT]
        self._answers.move_to_end(key)
        while len(self._answers) > DOCUMENTS:
            self._answers.popitem(last=False)

    def get(self, uri: str, served: ServedBy, place: Place, code: int = 0) -> Answer | None:
        """An answer for ``place``, or what is left of one whose beginning was typed.

        ``code``: the version that is known now; what was answered knowing less, or what has gone
        since, is no answer.
        """
        for answer in self._answers.get((uri, served), []):
            if answer.code != code:
                continue
            if _same(answer.place, place):
                return answer
            if (rest := _rest(answer, place)) is not None:
                return rest
        return None

    def forget(self, uri: str) -> None:
        """Drop a document's answers."""
        for key in [key for key in self._answers if key[0] == uri]:
            del self._answers[key]


def _same(one: Place, other: Place) -> bool:
    """The same window of the same text."""
    return (
        one.prefix == other.prefix
        and one.suffix == other.suffix
        and one.before == other.before
        and one.after == other.after
        and one.path == other.path
    )


def _rest(answer: Answer, place: Place) -> Answer | None:
    """The answer less what was typed of it; None where something else was typed, or all of it."""
    typed = _typed_since(answer.place, place)
    if not typed or not answer.shown or not answer.text.startswith(typed):
        return None
    rest = answer.text[len(typed) :]
    if not rest.strip() or (not answer.complete and len(rest) < len(answer.text) // 2):
        return None
    return replace(answer, place=replace(place, related=answer.place.related), text=rest)


def _typed_since(old: Place, new: Place) -> str | None:
    """What was typed at the cursor of ``old`` to make ``new``; None where they differ elsewhere."""
    if (old.path, old.after) != (new.path, new.after) or not new.suffix.endswith(old.suffix):
        return None
    inserted = new.suffix[: len(new.suffix) - len(old.suffix)]
    if len(inserted) > MOST_CLOSERS or inserted.strip(CLOSERS):
        return None
    gone = new.before - old.before  # the window's beginning moves on in steps
    if not 0 <= gone <= len(old.prefix):
        return None
    seen = old.prefix[gone:]
    return new.prefix[len(seen) :] if new.prefix.startswith(seen) else None
