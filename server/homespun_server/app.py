"""The language server: LSP's requests and notifications mapped onto the service, and back.

Handlers hold no logic: they take plain data out of a message, call the service, and wrap what it
says. Knows of models only that there is something to wait for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from homespun_model.usage.database import usage_file
from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder

from homespun_server.document_home import Homes
from homespun_server.documents import Change, Documents, Encoding, Point
from homespun_server.logs import failure
from homespun_server.models import Models
from homespun_server.paths import shown_name
from homespun_server.protocol import HomespunLanguageServer
from homespun_server.remote_models import RemoteModels
from homespun_server.service import Ghost, Service
from homespun_server.serving import ModelsInUse, Status
from homespun_server.settings import LaunchOptions, read_editor_settings
from homespun_server.transport import Connection, Stream

ACCEPTED = "homespun.accepted"
STATUS = "homespun/status"
PROGRESS = "homespun-base"
TEXTS = (types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE)
UNNOTICED = 0.5  # seconds

logger = logging.getLogger(__name__)


class App:
    """One editor's session."""

    def __init__(self, options: LaunchOptions, *, version: str, log: str | None = None) -> None:
        self.server = HomespunLanguageServer("homespun", version)
        self.documents = Documents()
        there = options.remote is not None
        made = RemoteModels if there else Models
        self.models: ModelsInUse = made(options, self._status)
        store = self.models.store
        self.homes = Homes(store.has, self._warn, options.id, for_server=there)
        self.service = Service(self.documents, self.models, self.homes, for_server=there)
        self.exit_code = 1  # an editor that is gone without a word
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()
        self._out_of_step: set[str] = set()
        """Documents that the editor has open, and whose text is not known."""
        self._register()

    async def run(self, stream: Stream) -> int:
        """Serve until the editor says exit or is gone; the exit code that LSP asks for."""
        connection = Connection(stream)
        protocol = self.server.protocol
        protocol.set_writer(connection)

        def exited(code: int) -> None:
            self.exit_code = code
            connection.stop()

        protocol.exited = exited
        protocol.malformed = self._malformed
        self.models.preload()
        await connection.run(protocol.receive)
        self.service.close()
        return self.exit_code

    def _register(self) -> None:
        inline = types.InlineCompletionOptions()  # without it pygls does not advertise the feature
        self._on(types.INITIALIZE, self._initialize)
        self._on(types.INITIALIZED, self._initialized)
        self._on(types.TEXT_DOCUMENT_DID_OPEN, self._did_open)
        self._on(types.TEXT_DOCUMENT_DID_CHANGE, self._did_change)
        self._on(types.TEXT_DOCUMENT_DID_CLOSE, self._did_close)
        self._on(types.TEXT_DOCUMENT_DID_SAVE, self._did_save)
        self._on(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._did_change_watched_files)
        self._on(types.TEXT_DOCUMENT_INLINE_COMPLETION, self._inline_completion, inline)
        self.server.command(ACCEPTED)(partial(self._accepted))

    def _on(self, method: str, handler: Callable[..., Any], options: Any = None) -> None:
        """pygls writes on what it is given, which a bound method does not allow."""
        self.server.feature(method, options)(partial(handler))

    def _initialize(self, params: types.InitializeParams) -> None:
        encoding = ServerCapabilitiesBuilder.choose_position_encoding(params.capabilities)
        self.documents.encoding = Encoding(str(getattr(encoding, "value", encoding)))
        settings, problem = read_editor_settings(params.initialization_options)
        self.service.settings = settings
        if settings.usage:
            self.service.usage.count(usage_file())
        if problem is not None:
            self._warn(problem)

    def _initialized(self, _params: types.InitializedParams) -> None:
        self._begin(self._warm())

    async def _warm(self) -> None:
        """Load the base, with a progress bar where that takes long enough to wonder."""
        loading = asyncio.ensure_future(self.models.warm())
        await asyncio.wait({loading}, timeout=UNNOTICED)
        window = self.server.client_capabilities.window
        if not loading.done() and window is not None and window.work_done_progress:
            progress = self.server.work_done_progress
            await progress.create_async(PROGRESS)
            progress.begin(PROGRESS, types.WorkDoneProgressBegin("homespun: loading the model"))
            await asyncio.wait({loading})
            progress.end(PROGRESS, types.WorkDoneProgressEnd())
        await loading

    def _did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        self._out_of_step.discard(item.uri)
        self.service.opened(
            item.uri, language_id=str(item.language_id), version=item.version, text=item.text
        )

    def _did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        item = params.text_document
        if item.uri in self._out_of_step:
            return  # it was said
        changes = [_change(event) for event in params.content_changes]
        try:
            is_open = self.service.changed(item.uri, changes, item.version)
        except Exception as error:
            logger.error("a change failed: %s", failure(error))
            self._lose(item.uri)
        else:
            if not is_open:
                logger.warning("ignored a change to a document that is not open")

    def _did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._out_of_step.discard(params.text_document.uri)
        self.service.closed(params.text_document.uri)

    def _did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        self._begin(self.service.saved(params.text_document.uri))

    def _did_change_watched_files(self, _params: types.DidChangeWatchedFilesParams) -> None:
        self.service.files_changed()

    async def _inline_completion(
        self, params: types.InlineCompletionParams
    ) -> types.InlineCompletionList:
        told = params.context.selected_completion_info
        selected = _put_in(told.range, told.text) if told is not None else None
        point = _point(params.position)
        ghost = await self.service.suggest(params.text_document.uri, point, selected)
        return types.InlineCompletionList(items=[] if ghost is None else [_item(ghost)])

    def _accepted(self, *arguments: Any) -> None:
        """What comes back after an acceptance: the argument that went out with the item."""
        first = arguments[0] if arguments else None
        served = first if isinstance(first, dict) else {}
        if "part" in served:
            return  # what part it was, the text says, which came before this request
        if self.service.usage.by_command(served.get("item")):
            total, revision = self.service.usage.total, str(served.get("revision"))[:40]
            logger.info("accepted (%d): revision %s", total, revision)

    def _malformed(self, method: str, params: Any) -> None:
        """A text that could not be read is unknown."""
        document = params.get("textDocument") if isinstance(params, dict) else None
        uri = document.get("uri") if isinstance(document, dict) else None
        if method in TEXTS and isinstance(uri, str):
            self._lose(uri)

    def _lose(self, uri: str) -> None:
        """Ask for nothing in a document that is not as the editor has it, until it is opened."""
        if self.documents.get(uri) is None:
            return
        self.service.closed(uri)
        self._out_of_step.add(uri)
        logger.warning("a document is out of step with the editor")
        self._show(f"{shown_name(uri)} is out of step with the editor: close it and open it again")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` beside everything else; what it raises was reported where it happened."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                logger.debug("background: %s", failure(error))

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _status(self, status: Status) -> None:
        logger.info(
            "%s: base %s%s%s, revision %s%s",
            status.state,
            status.base,
            " + generic" if status.generic else "",
            f" at {status.remote}" if status.remote else "",
            status.revision,
            f": {status.message}" if status.message else "",
        )
        if status.message is not None and status.state == "error" and status.repository is None:
            self._show(status.message)  # nothing will work until somebody acts
        elif status.message is not None:
            self._note(status.message)
        if self.service.settings.status:
            self.server.protocol.notify(STATUS, _status_params(status, self._log))

    def _warn(self, message: str) -> None:
        logger.warning("%s", message)
        self._show(message)

    def _show(self, message: str) -> None:
        """In front of the person."""
        kind = types.MessageType.Warning
        self.server.window_show_message(types.ShowMessageParams(kind, f"homespun: {message}"))

    def _note(self, message: str) -> None:
        """In the editor's log."""
        kind = types.MessageType.Warning
        self.server.window_log_message(types.LogMessageParams(kind, f"homespun: {message}"))


def _change(event: types.TextDocumentContentChangeEvent) -> Change:
    if isinstance(event, types.TextDocumentContentChangePartial):
        return _put_in(event.range, event.text)
    return Change(event.text)


def _put_in(span: types.Range, text: str) -> Change:
    return Change(text, _point(span.start), _point(span.end))


def _point(position: types.Position) -> Point:
    return position.line, position.character


def _position(point: Point) -> types.Position:
    return types.Position(line=point[0], character=point[1])


def _item(ghost: Ghost) -> types.InlineCompletionItem:
    served = {
        "revision": ghost.served.revision,
        "base": ghost.served.base,
        "generic": ghost.served.generic is not None,
        "cached": ghost.cached,
        "item": ghost.number,
    }
    return types.InlineCompletionItem(
        insert_text=ghost.text,
        range=types.Range(start=_position(ghost.start), end=_position(ghost.end)),
        command=types.Command(title="Accepted", command=ACCEPTED, arguments=[served]),
    )


def _status_params(status: Status, log: str | None) -> dict[str, Any]:
    return {
        "state": status.state,
        "base": status.base,
        "generic": status.generic,
        "revision": status.revision,
        "repository": status.repository,
        "message": status.message,
        "remote": status.remote,
        "log": log,
    }
