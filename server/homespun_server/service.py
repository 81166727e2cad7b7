"""From a cursor in an open document to a suggestion: everything between the protocol and the model.

Keeps the promise that the editor never waits: a stale request is dropped, a late answer is not
given, a failure is a log line. Between requests it gets ready for the next. Knows nothing of the
protocol's types.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from homespun_corpus.filters.path_filter import is_excluded
from homespun_corpus.filters.team_settings import FILE
from homespun_corpus.place import with_ends_of
from homespun_model.bases.memory import give_back
from homespun_model.errors import ModelError, RemoteError

from homespun_server.answer_cache import Answer, ServedBy
from homespun_server.answers import Answers, Question
from homespun_server.debounce import Debouncer
from homespun_server.document_home import Home, Homes, Root
from homespun_server.documents import Change, Document, Documents, Point
from homespun_server.repository_index import RepositoryIndex
from homespun_server.scheduler import Scheduler
from homespun_server.serving import ModelsInUse, Serving
from homespun_server.settings import EditorSettings
from homespun_server.suggestions_shown import Offer
from homespun_server.usage import Usage

REST = 5.0  # seconds without a question, after which memory that is free again is given back
HOME_SECONDS = 2.0  # that a request waits for the disk to say where its document belongs

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ghost:
    """A suggestion as an editor shows it: ``text`` in place of ``start``..``end``."""

    text: str
    start: Point
    end: Point
    served: ServedBy
    cached: bool
    number: int
    """Names it when the editor says that it was accepted."""


class Service:
    """Answers for the documents of one editor; used from one event loop."""

    def __init__(
        self, documents: Documents, models: ModelsInUse, homes: Homes, *, for_server: bool = False
    ) -> None:
        """``for_server``: whether one may answer in place of this machine."""
        self._for_server = for_server
        self.settings = EditorSettings()
        self.usage = Usage()
        self._documents = documents
        self._models = models
        self._homes = homes
        self._scheduler = Scheduler()
        self._index = RepositoryIndex(lambda: self._scheduler.busy, for_server=for_server)
        self._answers = Answers(self._scheduler, self._index)
        self._debouncer = Debouncer()
        self._cursors: dict[str, int] = {}
        """Of every open document the last offset that was heard of."""
        self._idle: list[asyncio.TimerHandle] = []
        self._closed: set[str] = set()
        """Repositories whose settings could not be read when they were last asked for."""
        self._taken: set[str] = set()
        """Documents whose newest change was a suggestion taken."""

    async def suggest(self, uri: str, point: Point, selected: Change | None = None) -> Ghost | None:
        """What to show at ``point``, None where there is nothing or it is too late. ``selected`` is
        what an open list would put in: what is shown goes on from there, and begins with it."""
        began, document = time.perf_counter(), self._documents.get(uri)
        if document is None:
            return None
        self._cursors[uri] = cursor = document.offset(point)
        seen = document.changed([selected], document.version) if selected else document
        put_in = seen.end_of(selected) if selected else None
        offset = cursor if put_in is None else put_in
        question = await self._question(document, offset, seen)
        if question is None:
            return None
        self._debouncer.end(uri)
        self._scheduler.drop(uri)  # whatever the document waits for is no longer wanted
        answer, cached = self._answers.known(question), True
        if answer is None:
            try:
                question, answer = await self._ask(question, document, offset, seen)
                cached = False
            except asyncio.CancelledError:
                self.usage.asked(question, None, has_text=False)
                raise
        if answer is None or self._documents.get(uri) is not document:
            self.usage.asked(question, None, has_text=False)
            return None
        self.usage.asked(question, time.perf_counter() - began, has_text=answer.shown)
        if not answer.shown:
            if cached or uri in self._taken:  # a suggestion was written to its end: Enter is next
                self._debouncer.begin(uri, partial(self._prepare, question))
            return None
        self._debouncer.begin(uri, partial(self._prepare, question.after(answer)))
        text, rest = with_ends_of(document.text, answer.text), offset + answer.replace
        number = self.usage.shown(question, document.text, Offer(seen.text, offset, rest, text))
        if selected and selected.start and selected.end:
            cursor = document.offset(max(selected.start, selected.end))
            text, before = selected.text + text, min(selected.start, selected.end)
        else:
            before = document.point(cursor)
        end = _end(document, cursor, answer)
        return Ghost(text, before, end, question.serving.served, cached, number)

    def opened(self, uri: str, *, language_id: str, version: int, text: str) -> None:
        """Begin to follow a document, and get ready for it: its repository, weights and prompt."""
        document = self._documents.open(uri, language_id=language_id, version=version, text=text)
        self._cursors[uri] = 0  # where editors put it
        self._debouncer.begin(uri, partial(self._get_ready, document, 0), 0)
        self._debouncer.at_once(partial(self._read_code, uri))

    def changed(self, uri: str, changes: Sequence[Change], version: int) -> bool:
        """Follow an edit; False where the document is not open."""
        document, taken = self._documents.change(uri, [], version), False
        for change in changes:
            if (document := self._documents.change(uri, [change], version)) is None:
                return False
            # Who types the last letter of a suggestion has written it, not accepted it.
            at_once = len(change.text) > 1
            taken = self.usage.changed(uri, document.text, at_once=at_once)
        if document is None:
            return False
        self._taken.discard(uri)
        if taken:
            self._taken.add(uri)
            logger.info("accepted (%d), seen in the text", self.usage.total)
        if changes and (offset := document.end_of(changes[-1])) is not None:
            self._cursors[uri] = offset
            self._debouncer.begin(uri, partial(self._get_ready, document, offset, whole=taken))
        return True

    async def saved(self, uri: str) -> None:
        """A file on the disk is now what its document says."""
        self._homes.saved(uri)
        if (document := self._documents.get(uri)) is None:
            return
        home = await self._homes.of(uri)
        if self._for_server and home.stays_here:
            return  # by the name that it was opened as, it may be, which the index does not know
        if home.root is not None and home.root.problem is None:
            self._index.saved(home.root, home.path, document.text)

    def files_changed(self) -> None:
        """The editor has seen files change on the disk."""
        self._homes.files_changed()
        self._index.look()

    def closed(self, uri: str) -> None:
        """Forget everything about a document."""
        self._documents.close(uri)
        self._cursors.pop(uri, None)
        self._taken.discard(uri)
        self._debouncer.end(uri)
        self._scheduler.drop(uri)
        self._scheduler.submit(partial(self._index.forget, uri))  # after what still runs
        for completer in self._models.completers():
            self._scheduler.submit(partial(completer.forget, uri))
        for part in (self._answers, self._homes, self.usage):
            part.forget(uri)

    def close(self) -> None:
        """Stop computing."""
        self._cancel_idle()
        self.usage.close()
        self._debouncer.close()
        self._scheduler.close()
        self._index.close()
        self._models.close()

    async def _ask(
        self, question: Question, document: Document, offset: int, seen: Document
    ) -> tuple[Question, Answer | None]:
        """The answer, by whoever answers now if a server has failed; and what was asked last."""
        try:
            return question, await self._answers.ask(question)
        except RemoteError:
            pass  # said by whoever knows the server
        again = await self._question(document, offset, seen)
        if again is None or again.serving is question.serving:
            return question, None
        try:
            return again, await self._answers.ask(again)
        except RemoteError:
            return again, None

    async def _question(
        self, document: Document, offset: int, seen: Document | None = None
    ) -> Question | None:
        """The question at a cursor of a document, or of what it is ``seen`` as; None where none may
        be asked, or not any more."""
        uri = document.uri
        if self._documents.get(uri) is not document:
            return None
        if (home := await self._home(uri)) is None:
            return None
        if home.root is not None:
            self._follow_settings(uri, home.root)
        if home.excluded or is_excluded(home.path, self.settings.exclude):
            return None
        try:
            identity = home.root.identity if home.root else None
            serving = await self._models.serving(identity, here=home.stays_here)
        except (ModelError, OSError):
            return None  # reported when it happened
        if self._documents.get(uri) is not document:
            return None
        self._wait_until_idle()
        self._index.touch(home.root)
        if self._index.has_tokenizer:  # of the base that was in use before, it may be
            self._cut_code(home, serving)
        return Question.at(seen or document, offset, home, serving, self.settings.max_new_tokens)

    def _wait_until_idle(self) -> None:
        """Count anew how long nobody asks for anything: what answers have made and dropped goes
        first, and the weights in the end."""
        self._cancel_idle()
        later = asyncio.get_running_loop().call_later
        self._idle = [later(REST, self._scheduler.submit, give_back)]
        if self.settings.idle_minutes:
            self._idle.append(later(60 * self.settings.idle_minutes, self._models.let_go))

    def _cancel_idle(self) -> None:
        for each in self._idle:
            each.cancel()

    async def _home(self, uri: str) -> Home | None:
        """The document's home, by the settings of today; None where the disk hangs."""
        home = self._homes.found(uri)
        if home is not None and home.root is not None and self._index.other_settings(home.root):
            self._homes.saved((home.root.path / FILE).as_uri())
            home = None
        try:
            return home or await asyncio.wait_for(self._homes.of(uri), HOME_SECONDS)
        except TimeoutError:
            return None

    def _follow_settings(self, uri: str, root: Root) -> None:
        """Once settings can be read that could not be, the code is read by what they say now."""
        if root.problem is not None:
            self._closed.add(root.identity)
        elif root.identity in self._closed:
            self._closed.discard(root.identity)
            self._index.drop(root)
            self._debouncer.at_once(partial(self._read_code, uri))

    async def _read_code(self, uri: str) -> None:
        """Have the repository of a document read; what was got ready before did without it."""
        home = await self._homes.of(uri)
        if home.root is None or home.root.problem is not None:
            return
        # After the base, so that the first answer is sooner.
        serving = await self._models.serving(home.root.identity, here=home.stays_here)
        self._cut_code(home, serving)
        if uri not in self._cursors or (reading := self._index.open(home.root)).done():
            return
        await asyncio.wrap_future(reading)
        if (document := self._documents.get(uri)) is not None:
            await self._get_ready(document, min(self._cursors[uri], len(document.text)))

    def _cut_code(self, home: Home, serving: Serving) -> None:
        """Have the code cut into the tokens of what answers; not for a file that stays here, which
        copies nothing: who goes to and fro would have all of it cut each time."""
        if not (self._for_server and home.stays_here):
            self._index.use_tokenizer(serving.completer.vocabulary, serving.completer.tokens)

    async def _get_ready(self, document: Document, offset: int, *, whole: bool = False) -> None:
        """Nobody has asked yet: have the prompt read till then, or the ``whole`` answer."""
        question = await self._question(document, offset)
        if question is not None and whole:
            self._answers.prepare(question)
        elif question is not None:
            self._answers.read(question)

    async def _prepare(self, question: Question) -> None:
        """It may be asked next, when the suggestion is accepted: know the answer."""
        self._answers.prepare(question)


def _end(document: Document, offset: int, answer: Answer) -> Point:
    """There is always one: without a range VS Code shows nothing before an auto-closed bracket."""
    _, end_of_line = document.line_span(document.point(offset)[0])
    return document.point(min(offset + answer.replace, end_of_line))
