"""Counting what is asked, answered, seen and taken in one editor; off until it is switched on.

Without a file everything is followed as with one, and nothing is written.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from homespun_model.usage.counted import Asked, Fate, Served

from homespun_server.answers import Question
from homespun_server.suggestions_shown import Offer, SuggestionsShown
from homespun_server.usage_recorder import UsageRecorder


class Usage:
    """Used from one event loop."""

    def __init__(self) -> None:
        self._recorder: UsageRecorder | None = None
        self._suggestions = SuggestionsShown(self._fate, _later)

    def __len__(self) -> int:
        return len(self._suggestions)

    def count(self, file: Path) -> None:
        """Write from now on."""
        self._recorder = UsageRecorder(file)

    @property
    def total(self) -> int:
        """Suggestions that were taken whole."""
        return self._suggestions.total

    def asked(self, question: Question, seconds: float | None, *, has_text: bool) -> None:
        """A request was answered within ``seconds``, or not wanted any more."""
        if self._recorder is not None:
            self._recorder.asked(Asked(_today(), _served(question), seconds, has_text))

    def shown(self, question: Question, text: str, offer: Offer) -> int:
        """A suggestion goes out for a document that is ``text``; its number."""
        session = self._recorder.session if self._recorder is not None else ""
        fate = Fate(_today(), session, _served(question), len(offer.rest))
        return self._suggestions.shown(question.uri, text, offer, fate)

    def changed(self, uri: str, text: str, *, at_once: bool) -> bool:
        """A document is now ``text``; whether that took what was left of a suggestion."""
        return self._suggestions.changed(uri, text, at_once=at_once)

    def by_command(self, number: object) -> bool:
        """The editor says that a suggestion was taken; whether that is news."""
        return self._suggestions.by_command(number)

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._suggestions.forget(uri)

    def close(self) -> None:
        """The session ends; what is known by now is written, if that goes soon."""
        self._suggestions.close()
        if self._recorder is not None:
            self._recorder.close()

    def _fate(self, number: int, fate: Fate) -> None:
        if self._recorder is not None:
            self._recorder.fate(number, fate)


def _served(question: Question) -> Served:
    root, served = question.home.root, question.serving.served
    return Served(
        repository=root.identity if root is not None else None,
        language=question.place.language or "",
        base=_name_of(served.base),
        engine=served.engine,
        revision=served.revision,
    )


def _name_of(base: str) -> str:
    """What a base is called; of a path its last part alone, for paths hold people's names."""
    return re.split(r"[/\\]", base.rstrip("/\\"))[-1] if Path(base).is_absolute() else base


def _today() -> str:
    return date.today().isoformat()


def _later(seconds: float, work: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, work)
