"""The last look at a suggestion: what a model may have learnt, but nobody may be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homespun_corpus.place import Place
from homespun_corpus.secrets import find_secrets

if TYPE_CHECKING:
    from homespun_model.completer import Suggestion


def screened(place: Place, suggestion: Suggestion) -> Suggestion:
    """The suggestion; without its text, and stopped at "secret", if it spells one out."""
    if not leaks(place, suggestion.text):
        return suggestion
    return replace(suggestion, text="", replace=0, shown=False, stopped="secret")


def leaks(place: Place, text: str) -> bool:
    """Whether ``text`` adds a secret to the line it continues, or holds one of its own."""
    begun = place.prefix[place.prefix.rfind("\n") + 1 :]
    return len(_secrets(begun + text)) > len(_secrets(begun))


def _secrets(text: str) -> list[object]:
    return list(find_secrets(text.encode("utf-8", "replace")))
