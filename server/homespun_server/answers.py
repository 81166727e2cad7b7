"""Answers to questions about cursors: known ones, and those that the model is asked for.

A question can also be asked before anybody has it: then it is computed while nobody waits, and the
answer is known when it is wanted. Knows nothing of the protocol, nor when to ask what.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from homespun_corpus.place import Place, Related, plain
from homespun_corpus.retrieval.secret_window import clear_of_secrets
from homespun_model.errors import Cancelled, RemoteError

from homespun_server.answer_cache import Answer, AnswerCache
from homespun_server.document_home import Home
from homespun_server.documents import Document
from homespun_server.enter import after_enter
from homespun_server.idle_cores import IdleCores
from homespun_server.logs import failure
from homespun_server.places import language_of, place_in_text
from homespun_server.recheck import refitted, screened
from homespun_server.repository_index import RepositoryIndex
from homespun_server.scheduler import Scheduler, Superseded
from homespun_server.serving import Serving

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Suggestion

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What comes at a cursor of a text, and who is to say it. Line ends are plain."""

    uri: str
    text: str
    offset: int
    home: Home
    serving: Serving
    place: Place
    most: int
    """Tokens of an answer."""
    related: tuple[Related, ...] | None = None
    """Code from other files, None to look for it."""
    code: int = 0
    """The version that ``related`` is of: with another one it is looked for."""

    @classmethod
    def at(
        cls, document: Document, offset: int, home: Home, serving: Serving, most: int
    ) -> Question:
        """The question at a cursor of an open document."""
        text, offset = plain(document.text, offset)
        place = place_in_text(text, offset, home, language_of(document, home.path))
        return cls(document.uri, text, offset, home, serving, place, most)

    def after(self, answer: Answer) -> Question:
        """The question that comes when ``answer`` has been accepted.

        With the same code from other files: the model then has most of the prompt read, and has it
        still where the answer is not accepted.
        """
        rest = self.text[self.offset + answer.replace :]
        head = self.text[: self.offset] + answer.text
        return self._moved(head + rest, len(head), answer)

    def below(self, answer: Answer) -> Question | None:
        """The question that comes when Enter is pressed, for ``answer`` is nothing to accept.

        None where the cursor is not at the end of a line.
        """
        entered = after_enter(self.text, self.offset, self.place.language)
        return self._moved(*entered, answer) if entered is not None else None

    def _moved(self, text: str, offset: int, answer: Answer) -> Question:
        place = place_in_text(text, offset, self.home, self.place.language)
        related = answer.place.related or None
        return replace(
            self, text=text, offset=offset, place=place, related=related, code=answer.code
        )


class Answers:
    """Used from one event loop; the model is asked on the scheduler's thread."""

    def __init__(self, scheduler: Scheduler, index: RepositoryIndex) -> None:
        self._scheduler = scheduler
        self._index = index
        self._cores = IdleCores()
        self._cache = AnswerCache()
        self._failures: set[str] = set()

    def known(self, question: Question) -> Answer | None:
        """An answer that needs no model, seen to fit where it is shown."""
        code = self._code(question)
        answer = self._cache.get(question.uri, question.serving.served, question.place, code)
        if answer is None or not answer.shown:
            return answer
        return refitted(answer, question.serving.completer.sentinels)

    async def ask(self, question: Question) -> Answer | None:
        """The model's answer when it is the document's turn; None if it is dropped or fails.

        RemoteError where a server was to give it: somebody else may.
        """
        try:
            answer = await self._scheduler.run(question.uri, partial(self._compute, question))
        except (Superseded, Cancelled):
            return None
        except RemoteError:
            raise
        except Exception as error:  # a model's failure is a log line, never a popup
            self._log_once(error)
            return None
        self._keep(question, answer)
        return answer

    def prepare(self, question: Question) -> None:
        """Have the answer known before it is asked for, if there is time.

        Where that is nothing and a line ends, people press Enter next: then the answer there too.
        Nothing of what others wait for, too.
        """
        if question.serving.completer.is_shared:
            return
        if (answer := self.known(question)) is None:
            self._spare(question, partial(self._prepare_below, question))
        else:
            self._prepare_below(question, answer)

    def _prepare_below(self, question: Question, answer: Answer) -> None:
        below = None if answer.shown else question.below(answer)
        if below is not None and self.known(below) is None:
            self._spare(below)

    def _spare(
        self, question: Question, then: Callable[[Answer], None] = lambda _answer: None
    ) -> None:
        def ended(answer: Answer) -> None:
            self._keep(question, answer)
            then(answer)

        self._scheduler.spare(question.uri, partial(self._compute, question), ended)

    def read(self, question: Question) -> None:
        """Have the prompt read before an answer is asked for, if there is time."""
        if self.known(question) is None:
            self._scheduler.spare(question.uri, partial(self._read, question))

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._cache.forget(uri)

    def _keep(self, question: Question, answer: Answer) -> None:
        self._cache.put(question.uri, question.serving.served, answer)

    def _compute(self, question: Question, cancelled: Callable[[], bool]) -> Answer:
        """On the scheduler's thread."""
        began = time.perf_counter()
        code = self._code(question)  # before it is looked at: it may change meanwhile
        asked = self._asked(question)
        self._cores.use()
        found = question.serving.completer.complete(
            asked,
            session=question.uri,
            cancelled=cancelled,
            max_new_tokens=question.most,
            ngrams=self._index.ngrams(question.home.root, question.serving.completer.vocabulary),
            whole=False,
        )
        suggestion = screened(asked, found)
        logger.debug(
            "computed in %.0f ms: %d characters, %s, stopped at %s",
            1000 * (time.perf_counter() - began),
            len(suggestion.text),
            "shown" if suggestion.shown else "not shown",
            suggestion.stopped,
        )
        answer = _answer_of(replace(question.place, related=asked.related), suggestion)
        return replace(answer, code=code)

    def _read(self, question: Question, cancelled: Callable[[], bool]) -> None:
        """On the scheduler's thread."""
        asked = self._asked(question)
        self._cores.use()
        question.serving.completer.warm(asked, session=question.uri, cancelled=cancelled)

    def _asked(self, question: Question) -> Place:
        """The place as a prompt may show it, with code from other files."""
        clear = clear_of_secrets(question.text, question.place)
        related = question.related
        if related is None or question.code != self._code(question):
            related = self._index.related(question.uri, question.home.root, clear)
        return replace(clear, related=related)

    def _code(self, question: Question) -> int:
        return self._index.version(question.home.root, question.place.path)

    def _log_once(self, error: Exception) -> None:
        kind = failure(error)
        if kind not in self._failures:
            self._failures.add(kind)
            logger.error("no suggestion: %s", kind)


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
