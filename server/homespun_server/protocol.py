"""JSON-RPC as editors really speak it, on top of pygls.

Every request gets exactly one answer, whatever is in it; nothing that goes to the client holds a
traceback, a path or a piece of code; and pygls' own logging, which holds message bodies, is off.
Knows nothing of completions: handlers are registered by ``app``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR, NOT_INITIALIZED = -32602, -32603, -32002

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
        elif (request := self._structured(message)) is None:
            self._refuse(msg_id, INVALID_PARAMS, f"the parameters do not fit {method}")
        else:
            self._initialized = True
            self.handle_message(request)

    def _receive_notification(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if method == types.EXIT:
            self.exited(0 if self._shutdown else 1)
        elif not self._initialized or self._shutdown:
            return
        elif not self._known(method) and method != types.CANCEL_REQUEST:
            logger.debug("ignored an unknown notification")
        elif method == types.CANCEL_REQUEST and _id_of(message.get("params")) is None:
            logger.debug("ignored a cancellation of nothing")  # pygls would look up any object
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

    def _known(self, method: str) -> bool:
        return method in self.fm.features or method in self.fm.builtin_features

    def _structured(self, message: dict[str, Any]) -> Any:
        """The message as lsprotocol's type, None where it does not fit."""
        kind: Any = self.get_message_type(message["method"])
        try:
            return self._converter.structure(_lenient(message), kind)
        except Exception:  # cattrs and its hooks raise many kinds, all meaning this
            return None

    def _refuse(self, msg_id: int | str | None, code: int, reason: str) -> None:
        error = {"code": code, "message": reason}
        # Plain data: lsprotocol leaves out an id of null, which JSON-RPC asks for.
        self._send_data({"jsonrpc": "2.0", "id": msg_id, "error": error})

    def _send_response(
        self, msg_id: int | str, result: Any = None, error: types.ResponseError | None = None
    ) -> None:
        """As pygls does it, but an internal error says no more than that there was one."""
        if error is not None and (error.code == INTERNAL_ERROR or error.data is not None):
            error = types.ResponseError(
                code=error.code, message="internal error: the server's log says more"
            )
        super()._send_response(msg_id, result, error)


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


def _id_of(message: Any) -> int | str | None:
    msg_id = message.get("id") if isinstance(message, dict) else None
    return msg_id if isinstance(msg_id, int | str) and not isinstance(msg_id, bool) else None


def _lenient(message: dict[str, Any]) -> dict[str, Any]:
    """The message with what known clients get wrong put right."""
    params = message.get("params")
    if not isinstance(params, dict):
        return message
    if message["method"] == types.TEXT_DOCUMENT_INLINE_COMPLETION:
        return message | {"params": params | {"context": _context(params.get("context"))}}
    if message["method"] == types.INITIALIZE:
        return message | {"params": _initialize_params(params)}
    return message


def _context(context: Any) -> dict[str, Any]:
    """A trigger kind that exists: older VS Code clients send 0, others no context at all."""
    known = dict(context) if isinstance(context, dict) else {}
    if known.get("triggerKind") not in (1, 2):
        known["triggerKind"] = types.InlineCompletionTriggerKind.Invoked.value
    return known


def _initialize_params(params: dict[str, Any]) -> dict[str, Any]:
    """Only what is read here: a capability newer than lsprotocol must not fail the handshake."""
    capabilities = params.get("capabilities")
    capabilities = capabilities if isinstance(capabilities, dict) else {}
    general, window = capabilities.get("general"), capabilities.get("window")
    kept: dict[str, Any] = {}
    if isinstance(general, dict) and isinstance(general.get("positionEncodings"), list):
        kept["general"] = {"positionEncodings": _encodings(general["positionEncodings"])}
    if isinstance(window, dict) and isinstance(window.get("workDoneProgress"), bool):
        kept["window"] = {"workDoneProgress": window["workDoneProgress"]}
    process_id = params.get("processId")
    return {
        "processId": process_id if isinstance(process_id, int) else None,
        "rootUri": None,
        "capabilities": kept,
        "initializationOptions": params.get("initializationOptions"),
    }


def _encodings(names: list[Any]) -> list[str]:
    return [name for name in names if name in {"utf-8", "utf-16", "utf-32"}]
