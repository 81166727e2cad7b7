"""Messages of clients as lsprotocol takes them, wherever what is meant can be made out.

lsprotocol refuses a null where a key should be left out, and numbers that the specification calls
too large; a document whose change is refused is lost. Plain JSON in and out; knows no handlers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lsprotocol import types

MOST = 2**31 - 1  # of LSP's unsigned integers; further than any text goes

Params = dict[str, Any]


def put_right(message: Params) -> Params:
    """The message with what clients get wrong put right; ValueError where nobody knows what it
    says."""
    params, mend = message.get("params"), _MENDED.get(message["method"])
    if mend is None:
        return message
    return message | {"params": mend(_mapping(params))}


def as_number(value: Any) -> int | None:
    """A JSON number that is whole, at most MOST from nothing; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    value = max(-MOST, min(value, MOST))
    return int(value) if value == int(value) else None


def _opened(params: Params) -> Params:
    item = _mapping(params.get("textDocument"))
    language = item.get("languageId")
    return {
        "textDocument": {
            "uri": _text(item.get("uri")),
            "languageId": language if isinstance(language, str) else "",
            "version": _version(item),
            "text": _text(item.get("text")),
        }
    }


def _changed(params: Params) -> Params:
    document, changes = _mapping(params.get("textDocument")), params.get("contentChanges")
    if not isinstance(changes, list):
        raise ValueError("no list of changes")
    return {
        "textDocument": {"uri": _text(document.get("uri")), "version": _version(document)},
        "contentChanges": [_change(_mapping(change)) for change in changes],
    }


def _change(change: Params) -> Params:
    """Without ``rangeLength``, which says what the range has said; no range is the whole text."""
    text, span = _text(change.get("text")), change.get("range")
    if span is None:
        return {"text": text}
    return {"range": _range(_mapping(span)), "text": text}


def _position(position: Any) -> Params:
    """Before the first line is its beginning, as in Microsoft's own documents."""
    position = _mapping(position)
    line, character = as_number(position.get("line")), as_number(position.get("character"))
    if line is None or character is None:
        raise ValueError("no position")
    return {"line": max(0, line), "character": max(0, character) if line >= 0 else 0}


def _asked(params: Params) -> Params:
    """Of its context what is selected in an open list: how it came about, some send as 0, others
    not at all."""
    context: Params = {"triggerKind": types.InlineCompletionTriggerKind.Invoked.value}
    position, told = _position(params.get("position")), params.get("context")
    if isinstance(told, dict) and (selected := _selected(told.get("selectedCompletionInfo"))):
        context["selectedCompletionInfo"] = selected
    return _only_document(params) | {"position": position, "context": context}


def _selected(selected: Any) -> Params | None:
    """VS Code's own client sends a range as a pair; what is neither is as if nothing was said."""
    if not isinstance(selected, dict) or not isinstance(text := selected.get("text"), str):
        return None
    span = selected.get("range")
    if isinstance(span, list) and len(span) == 2:
        span = dict(zip(("start", "end"), span, strict=True))
    try:
        return {"range": _range(_mapping(span)), "text": text}
    except ValueError:
        return None


def _range(span: Params) -> Params:
    return {end: _position(span.get(end)) for end in ("start", "end")}


def _only_document(params: Params) -> Params:
    """What else is said is read by nobody."""
    return {"textDocument": {"uri": _text(_mapping(params.get("textDocument")).get("uri"))}}


def _initializing(params: Params) -> Params:
    """Only what is read here: a capability newer than lsprotocol must not fail the handshake."""
    capabilities = params.get("capabilities")
    capabilities = capabilities if isinstance(capabilities, dict) else {}
    general, window = capabilities.get("general"), capabilities.get("window")
    kept: Params = {}
    if isinstance(general, dict) and isinstance(general.get("positionEncodings"), list):
        kept["general"] = {"positionEncodings": _encodings(general["positionEncodings"])}
    if isinstance(window, dict) and isinstance(window.get("workDoneProgress"), bool):
        kept["window"] = {"workDoneProgress": window["workDoneProgress"]}
    return {
        "processId": as_number(params.get("processId")),
        "rootUri": None,
        "capabilities": kept,
        "initializationOptions": params.get("initializationOptions"),
    }


def _encodings(names: list[Any]) -> list[str]:
    return [name for name in names if name in ("utf-8", "utf-16", "utf-32")]


def _mapping(value: Any) -> Params:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _version(document: Params) -> int:
    """Any number, and 0 for what is none: texts follow from the changes alone."""
    return as_number(document.get("version")) or 0


_MENDED: dict[str, Callable[[Params], Params]] = {
    types.INITIALIZE: _initializing,
    types.TEXT_DOCUMENT_DID_OPEN: _opened,
    types.TEXT_DOCUMENT_DID_CHANGE: _changed,
    types.TEXT_DOCUMENT_DID_SAVE: _only_document,
    types.TEXT_DOCUMENT_DID_CLOSE: _only_document,
    types.TEXT_DOCUMENT_INLINE_COMPLETION: _asked,
}
