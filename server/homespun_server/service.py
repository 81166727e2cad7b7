"""From a cursor in an open document to a suggestion: everything between the protocol and the model.

Keeps the promise that the editor never waits: a stale request is dropped, a late answer is not
given, a failure is a log line. Knows nothing of the protocol's types.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pathspec
from homespun_corpus.languages import LANGUAGES, language_for
from homespun_corpus.place import Place, place_at
from homespun_corpus.windows import clear_of_secrets
from homespun_model.errors import Cancelled, ModelError

from homespun_server.cache import Answer, AnswerCache, Served
from homespun_server.documents import Document, Documents, Point
from homespun_server.engine import Engine, Serving
from homespun_server.homes import Home, Homes
from homespun_server.logs import failure
from homespun_server.neighbours import Neighbours
from homespun_server.scheduler import Scheduler, Superseded
from homespun_server.screen import screened
from homespun_server.settings import EditorSettings

if TYPE_CHECKING:
    from homespun_model.completer import Suggestion

    Work = Callable[[Callable[[], bool]], Suggestion]

# What LSP calls a language, where our own name for it differs.
LANGUAGE_IDS = {"javascriptreact": "javascript", "typescriptreact": "tsx"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ghost:
    """A suggestion as an editor shows it: ``text`` in place of ``start``..``end``."""

    text: str
    start: Point
    end: Point
    served: Served
    cached: bool


class Service:
    """Answers for the documents of one editor; used from one event loop."""

    def __init__(self, documents: Documents, engine: Engine, homes: Homes) -> None:
        self.settings = EditorSettings()
        self.accepted = 0
        self._documents = documents
        self._engine = engine
        self._homes = homes
        self._scheduler = Scheduler()
        self._cache = AnswerCache()
        self._neighbours = Neighbours(lambda: self._scheduler.busy)
        self._failures: set[str] = set()

    async def suggest(self, uri: str, point: Point) -> Ghost | None:
        """What to show at ``point``, None where there is nothing or it is too late."""
        document = self._documents.get(uri)
        if document is None:
            return None
        home = await self._homes.of(uri)
        if home.excluded or _matches(self.settings.exclude, home.path):
            return None
        try:
            serving = await self._engine.serving(home.root.identity if home.root else None)
        except (ModelError, OSError):
            return None  # reported when it happened
        if self._documents.get(uri) is not document:
            return None
        self._scheduler.drop(uri)  # whatever the document waits for is no longer wanted
        offset = document.offset(point)
        answer, cached = await self._answer(document, offset, home, serving)
        if answer is None or not answer.shown or self._documents.get(uri) is not document:
            return None
        return _ghost(document, offset, answer, serving.served, cached)

    async def prepare(self, uri: str) -> None:
        """Get ready for a document that was opened: its repository and the weights for it."""
        home = await self._homes.of(uri)
        if home.root is not None:
            self._neighbours.open(home.root)
        serving = await self._engine.serving(home.root.identity if home.root else None)
        self._neighbours.speak(serving.completer.base.tokenizer.encode)

    async def saved(self, uri: str) -> None:
        """A file on the disk is now what its document says."""
        self._homes.saved(uri)
        document, home = self._documents.get(uri), await self._homes.of(uri)
        if document is not None and home.root is not None:
            self._neighbours.saved(home.root, home.path, document.text)

    def closed(self, uri: str) -> None:
        """Forget everything about a document."""
        self._documents.close(uri)
        self._scheduler.drop(uri)
        for completer in self._engine.completers():
            self._scheduler.submit(partial(completer.forget, uri))
        self._cache.forget(uri)
        self._homes.forget(uri)
        self._neighbours.forget(uri)

    def close(self) -> None:
        """Stop computing."""
        self._scheduler.close()
        self._neighbours.close()
        self._engine.close()

    async def _answer(
        self, document: Document, offset: int, home: Home, serving: Serving
    ) -> tuple[Answer | None, bool]:
        """The answer, and whether it came from the cache."""
        uri, place = document.uri, place_in(document, offset, home)
        if (known := self._cache.get(uri, serving.served, place)) is not None:
            return known, True
        text, most = document.text, self.settings.max_new_tokens

        def work(cancelled: Callable[[], bool]) -> Suggestion:
            clear = clear_of_secrets(text, place)
            asked = replace(clear, related=self._neighbours.related(uri, home.root, clear))
            found = serving.completer.complete(
                asked,
                session=uri,
                cancelled=cancelled,
                max_new_tokens=most,
                drafts=self._neighbours.drafts(home.root),
            )
            return screened(asked, found)

        suggestion = await self._computed(uri, work)
        if suggestion is None:
            return None, False
        answer = _answer_of(place, suggestion)
        self._cache.put(uri, serving.served, answer)
        return answer, False

    async def _computed(self, uri: str, work: Work) -> Suggestion | None:
        """What ``work`` comes to when it is the document's turn; None if it is dropped or fails."""
        began = time.perf_counter()
        try:
            suggestion = await self._scheduler.run(uri, work)
        except (Superseded, Cancelled):
            return None
        except Exception as error:  # a model's failure is a log line, never a popup
            self._log_once(error)
            return None
        logger.debug(
            "answered in %.0f ms: %d characters, %s, stopped at %s",
            1000 * (time.perf_counter() - began),
            len(suggestion.text),
            "shown" if suggestion.shown else "not shown",
            suggestion.stopped,
        )
        return suggestion

    def _log_once(self, error: Exception) -> None:
        kind = failure(error)
        if kind not in self._failures:
            self._failures.add(kind)
            logger.error("no suggestion: %s", kind)


def place_in(document: Document, offset: int, home: Home) -> Place:
    """The place of a cursor, without code from other files; half characters replaced."""
    place = place_at(
        document.text, offset, path=home.path, language=language_of(document, home.path)
    )
    return replace(place, prefix=_whole(place.prefix), suffix=_whole(place.suffix))


def clear_place_in(document: Document, offset: int, home: Home) -> Place:
    """``place_in`` as a prompt may show it: without secrets, as in training."""
    return clear_of_secrets(document.text, place_in(document, offset, home))


def language_of(document: Document, path: str) -> str | None:
    """The editor's word for the language if we know it, else what the path's ending says."""
    named = LANGUAGE_IDS.get(document.language_id, document.language_id)
    if any(language.name == named for language in LANGUAGES):
        return named
    language = language_for(path)
    return language.name if language else None


def _whole(text: str) -> str:
    """``text`` of the same length with halves of characters, which no tokenizer takes, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def _answer_of(place: Place, suggestion: Suggestion) -> Answer:
    return Answer(
        place=place,
        text=suggestion.text,
        replace=suggestion.replace,
        mean_logprob=suggestion.mean_logprob,
        shown=suggestion.shown and bool(suggestion.text.strip()),
        stopped=suggestion.stopped,
        complete=suggestion.stopped != "length",
    )


def _ghost(document: Document, offset: int, answer: Answer, served: Served, cached: bool) -> Ghost:
    """Always with a range: without one VS Code shows nothing before an auto-closed bracket."""
    _, end_of_line = document.line_span(document.point(offset)[0])
    end = min(offset + answer.replace, end_of_line)
    return Ghost(answer.text, document.point(offset), document.point(end), served, cached)


def _matches(patterns: tuple[str, ...], path: str) -> bool:
    return bool(patterns) and pathspec.PathSpec.from_lines("gitignore", patterns).match_file(path)
