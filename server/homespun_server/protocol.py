"""JSON-RPC as editors really speak it, on top of pygls.

Every request gets exactly one answer, whatever is in it; nothing that goes to the client holds a
traceback, a path or a piece of code; and pygls' own logging, which holds message bodies, is off.
Knows nothing of completions: handlers are registered by ``app``.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter

from homespun_server.leniency import put_right

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR, NOT_INITIALIZED = -32602, -32603, -32002
CANCELLED = -32800

Id = int | float | str

# Document synchronisation is ours: pygls splits lines where LSP does not (see documents.py).
OURS = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)

logger = logging.getLogger(__name__)


class HomespunProtocol(LanguageServerProtocol):
    """pygls' protocol with a strict outside: see ``receive``."""

    def __init__(self, server: LanguageServer, converter: Any) -> None:
        super().__init__(server, converter)
        for method in OURS:
            self.fm.builtin_features.pop(method, None)
        self._initialized = False
        # Of requests in hand the client's ids by ours: two of its may be the same, or fractions.
        self._ids: dict[str, Id] = {}
        self.exited: Callable[[int], None] = lambda _code: None
        self.malformed: Callable[[str, Any], None] = lambda _method, _params: None

    def receive(self, body: bytes) -> None:
        """Handle one message; never raises."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            self._refuse(None, PARSE_ERROR, "the message is not JSON")
            return
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self._refuse(_id_of(message), INVALID_REQUEST, "not a JSON-RPC 2.0 message")
        elif "method" not in message:
            self._receive_response(message)
        elif not isinstance(message["method"], str):
            self._refuse(_id_of(message), INVALID_REQUEST, "the method is not a string")
        elif "id" in message:
            self._receive_request(message)
        else:
            self._receive_notification(message)

    def _receive_request(self, message: dict[str, Any]) -> None:
        msg_id, method = _id_of(message), message["method"]
        if msg_id is None:
            self._refuse(None, INVALID_REQUEST, "the id is neither a string nor a number")
        elif self._shutdown:
            self._refuse(msg_id, INVALID_REQUEST, "the server is shutting down")
        elif not self._initialized and method != types.INITIALIZE:
            self._refuse(msg_id, NOT_INITIALIZED, "initialize comes first")
        elif self._initialized and method == types.INITIALIZE:
            self._refuse(msg_id, INVALID_REQUEST, "already initialized")
        elif not self._known(method) or not _is_request(method):
            self._refuse(msg_id, METHOD_NOT_FOUND, f"unknown method {method[:80]}")
        elif (request := self._structured(message | {"id": (name := str(uuid4()))})) is None:
            self._refuse(msg_id, INVALID_PARAMS, f"the parameters do not fit {method}")
        else:
            self._initialized = True
            self._ids[name] = msg_id
            self.handle_message(request)

    def _receive_notification(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if method == types.EXIT:
            self.exited(0 if self._shutdown else 1)
        elif not self._initialized or self._shutdown:
            return
        elif method == types.CANCEL_REQUEST:
            self._cancel(_id_of(message.get("params")))
        elif not self._known(method):
            logger.debug("ignored an unknown notification")
        elif (notification := self._structured(message)) is None:
            logger.warning("ignored a malformed %s", method)
            self.malformed(method, message.get("params"))
        else:
            self.handle_message(notification)

    def _receive_response(self, message: dict[str, Any]) -> None:
        """The client's answer to a request of ours."""
        try:
            self.handle_message(self.structure_message(message))
        except Exception as error:
            logger.warning("ignored an answer of the client: %s", type(error).__name__)

    def _cancel(self, msg_id: Id | None) -> None:
        for name in [name for name, known in self._ids.items() if known == msg_id]:
            self._handle_cancel_notification(name)

    def _known(self, method: str) -> bool:
        return method in self.fm.features or method in self.fm.builtin_features

    def _structured(self, message: dict[str, Any]) -> Any:
        """The message as lsprotocol's type, None where it does not fit."""
        kind: Any = self.get_message_type(message["method"])
        try:
            return self._converter.structure(put_right(message), kind)
        except Exception:  # cattrs and its hooks raise many kinds, all meaning this
            return None

    def _refuse(self, msg_id: Id | None, code: int, reason: str) -> None:
        error = {"code": code, "message": reason}
        # Plain data: lsprotocol leaves out an id of null, which JSON-RPC asks for.
        self._send_data({"jsonrpc": "2.0", "id": msg_id, "error": error})

    def _send_response(
        self, msg_id: int | str, result: Any = None, error: types.ResponseError | None = None
    ) -> None:
        """As pygls does it, but an internal error says no more than that there was one."""
        if error is not None and error.code == CANCELLED:
            error = types.ResponseError(code=CANCELLED, message="the request was cancelled")
        elif error is not None and (error.code == INTERNAL_ERROR or error.data is not None):
            error = types.ResponseError(
                code=error.code, message="internal error: the server's log says more"
            )
        super()._send_response(msg_id, result, error)

    def _send_data(self, data: Any) -> None:
        """An answer goes out under the name that its request came with."""
        if (name := getattr(data, "id", None)) in self._ids:
            data = self._serialize_message(data) | {"id": self._ids.pop(name)}
        super()._send_data(data)


class HomespunLanguageServer(LanguageServer):
    """pygls' server, reporting its errors to the log instead of to the client."""

    protocol: HomespunProtocol

    def __init__(self, name: str, version: str) -> None:
        silence_pygls()
        super().__init__(
            name,
            version,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=HomespunProtocol,
            converter_factory=default_converter,
        )

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002
        """One log entry: the kind of error and where in our code, never its text, which may hold
        the user's."""
        if isinstance(error, JsonRpcException) and error.code != INTERNAL_ERROR:
            return  # the client's doing, and it has its answer
        data = getattr(error, "data", None)
        frames = data.get("traceback", []) if isinstance(data, dict) else []
        kind = str(error).partition(":")[0] if frames else type(error).__name__
        logger.error("internal error: %s\n%s", kind, "".join(frames))


def silence_pygls() -> None:
    """pygls logs whole messages, at every level: user code must not reach a log."""
    for name in ("pygls", "lsprotocol", "cattrs"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _is_request(method: str) -> bool:
    """Whether the specification has an answer to ``method``; a notification's name has none."""
    return types.METHOD_TO_TYPES.get(method, (None, None))[1] is not None


def _id_of(message: Any) -> Id | None:
    """None where there is no id that JSON can tell back."""
    msg_id = message.get("id") if isinstance(message, dict) else None
    if isinstance(msg_id, bool) or not isinstance(msg_id, Id):
        return None
    return None if isinstance(msg_id, float) and not math.isfinite(msg_id) else msg_id
