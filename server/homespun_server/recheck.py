"""The last look at a suggestion: what a model may have learnt, but nobody may be shown, and what
was right where it was made, but is not where it is to be shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.place import Place
from homespun_model.stopping.closing import Closing
from homespun_model.stopping.cursor_scan import CursorScan
from homespun_model.stopping.depth import without_deeper
from homespun_model.stopping.syntax import SyntaxCheck
from homespun_model.stopping.trim import Trimmer

from homespun_server.answer_cache import Answer

# On either side: a name, a call or a manifest's kind may say what the next line holds.
CONTEXT_CHARS = 800
_BRACKETS = (("(", ")"), ("{", "}"), ("[", "]"), ("<", ">"))
_LONG_BRACKET = re.compile(r"\[(=*)\[")
# A password without any of these is a word; encoded, its letters are large and small by turns.
_MAY_ADD = re.compile(r"[\d!@#$%^&*?~]|[a-z][A-Z]+[a-z]+[A-Z]")
_GOES_ON = re.compile(r"[\w$./+=:-]")

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Suggestion


def screened(place: Place, suggestion: Suggestion) -> Suggestion:
    """The suggestion; without its text, and stopped at "secret", if it spells one out."""
    if not leaks(place, suggestion.text):
        return suggestion
    return replace(suggestion, text="", replace=0, shown=False, stopped="secret")


def refitted(answer: Answer, sentinels: Sequence[str] = ()) -> Answer | None:
    """What is left of an answer, made elsewhere, at the place that it has now; None if nothing.

    How much to suggest was decided where it was made. That it does not repeat what follows, close
    what is closed, break the syntax, stand too deep or spell out a secret is looked at again.
    """
    place, text = answer.place, answer.text
    trimmed = Trimmer(place, sentinels).trim(text, ended=True)
    if not (trimmed.parses and trimmed.fits) or leaks(place, text):
        return None
    if trimmed.reason in ("line", "block"):
        cursor = CursorScan(place)
        text = text[: Closing(cursor, text, whole=True).doubled()]
        text = SyntaxCheck(cursor).longest(without_deeper(cursor, text)) or ""
    elif trimmed.text != text.rstrip():
        text = trimmed.text
    if not text.strip():
        return None
    return replace(answer, text=text)


def leaks(place: Place, text: str) -> bool:
    """Whether ``text`` holds a secret, or makes one of the lines that it stands between.

    What follows in the line may be replaced, and a string may end later than the suggestion: it is
    looked at with what follows, and with the string closed.
    """
    if find_secrets(text.encode("utf-8", "replace")):
        return True
    if not _MAY_ADD.search(text):
        return False
    before = place.prefix[-CONTEXT_CHARS:]
    after = place.suffix[:CONTEXT_CHARS]
    ends = {after, *_closers((before + text).rpartition("\n")[2])}
    return any(_adds_one(before, text, end) for end in ends)


def _closers(line: str) -> Iterator[str]:
    """What may end a string that does not end in a line: Ruby, Perl and Lua have brackets for it.

    Then again, none may be needed: a line of a file of settings ends where it ends.
    """
    yield next((quote for quote in "\"'`" if line.count(quote) % 2), "")
    for opening, closing in _BRACKETS:
        if line.count(opening) > line.count(closing):
            yield closing
    for level in _LONG_BRACKET.findall(line):
        yield f"]{level}]"


def _adds_one(before: str, text: str, after: str) -> bool:
    """Whether more secrets reach into ``text``, or others, than into the place where it is put, or
    it goes on with one that has begun there."""
    found = _secrets_at(before, text, after)
    if not found:
        return False
    goes_on = _GOES_ON.match(before[-1:]) and _GOES_ON.match(text)
    return bool(goes_on or found - _secrets_at(before, "", after))


def _secrets_at(before: str, text: str, after: str) -> Counter[str]:
    """How many secrets of each kind there are in the lines of ``text``."""
    parts = [part.encode("utf-8", "replace") for part in (before, text, after)]
    start = len(parts[0])
    end = start + len(parts[1])
    found = find_secrets(b"".join(parts))
    return Counter(secret.kind for secret in found if secret.start <= end and start <= secret.end)
