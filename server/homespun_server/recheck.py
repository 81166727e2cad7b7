"""The last look at a suggestion: what a model may have learnt, but nobody may be shown, and what
was right where it was made, but is not where it is to be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
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

if TYPE_CHECKING:
    from homespun_model.completer import Suggestion


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
    place, crlf = answer.place, "\r\n" in answer.text
    seen = replace(
        place,
        prefix=place.prefix.replace("\r\n", "\n"),
        suffix=place.suffix.replace("\r\n", "\n"),
    )
    text = answer.text.replace("\r\n", "\n")
    trimmed = Trimmer(seen, sentinels).trim(text, ended=True)
    if not (trimmed.parses and trimmed.fits) or leaks(place, answer.text):
        return None
    if trimmed.reason in ("line", "block"):
        cursor = CursorScan(seen)
        text = text[: Closing(cursor, text, whole=True).doubled()]
        text = SyntaxCheck(cursor).longest(without_deeper(cursor, text)) or ""
    elif trimmed.text != text.rstrip():
        text = trimmed.text
    if not text.strip():
        return None
    return replace(answer, text=text.replace("\n", "\r\n") if crlf else text)


def leaks(place: Place, text: str) -> bool:
    """Whether ``text`` adds a secret to the line it continues, or holds one of its own."""
    begun = place.prefix[place.prefix.rfind("\n") + 1 :]
    return len(_secrets(begun + text)) > len(_secrets(begun))


def _secrets(text: str) -> list[object]:
    return list(find_secrets(text.encode("utf-8", "replace")))
