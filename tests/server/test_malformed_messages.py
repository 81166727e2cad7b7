"""Whatever a client sends, the text is as the editor has it, or the editor hears that it is not.

The real protocol and application without a model: bodies in, answers and documents looked at.
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from homespun_server.app import App
from homespun_server.documents import Encoding
from homespun_server.settings import LaunchOptions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_documents import Edit, naive_edit

URI, OTHER = "untitled:one.py", "untitled:other.py"
TEXT = "one = 1\ntwo = 2\n\nthree = '😀'\n"

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 6),
    st.sampled_from([2**31 - 1, 2**31, 2**53, 10**30, 10**400, -(2**40), 1.0, 2.5, 1e300]),
    st.floats(),
    st.sampled_from(["", "1", "x", "\n", "\ud83d", "😀"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["start", "end", "line", "character", "text", "x"]), inner, max_size=3
        ),
    ),
    max_leaves=5,
)


class Session:
    """An editor with two documents open, and what it is told."""

    def __init__(self, folder: Path) -> None:
        options = LaunchOptions(str(folder / "no base"), str(folder / "store"), "cpu")
        self.app = App(options, version="0")
        self.told: list[dict[str, Any]] = []
        self.app.server.protocol.malformed = self.app._malformed
        self.app.server.protocol.set_writer(self)
        self.send(id=0, method="initialize", params={"capabilities": {}})
        self.open(URI)
        self.open(OTHER)

    def write(self, data: bytes) -> None:
        self.told.append(json.loads(data.partition(b"\r\n\r\n")[2]))

    def close(self) -> None:
        self.app.service.close()

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message})
        self.app.server.protocol.receive(body.encode())

    def open(self, uri: str) -> None:
        item = {"uri": uri, "languageId": "python", "version": 1, "text": TEXT}
        self.send(method="textDocument/didOpen", params={"textDocument": item})

    def text(self, uri: str) -> str | None:
        document = self.app.documents.get(uri)
        return document.text if document is not None else None

    def warnings(self) -> list[str]:
        shown = [m["params"] for m in self.told if m.get("method") == "window/showMessage"]
        return [params["message"] for params in shown if "out of step" in params["message"]]

    def answers(self, msg_id: Any) -> list[dict[str, Any]]:
        """Those under an id of the same type and value."""
        mine = [m for m in self.told if "method" not in m and "id" in m]
        return [m for m in mine if (type(m["id"]), m["id"]) == (type(msg_id), msg_id)]


def change(*events: Any, uri: Any = URI, version: Any = 2) -> dict[str, Any]:
    document = {"uri": uri, "version": version}
    return {"textDocument": document, "contentChanges": list(events)}


def event(edit: Edit) -> dict[str, Any]:
    ends = [{"line": point[0], "character": point[1]} for point in (edit.start, edit.end)]
    return {"range": {"start": ends[0], "end": ends[1]}, "rangeLength": 0, "text": edit.text}


points = st.tuples(st.integers(0, 5), st.integers(0, 9))
edits = st.builds(Edit, points, points, st.sampled_from(["", "x", "\n", "é\n", "😀"]))
PLACES = [
    (),
    ("textDocument",),
    ("textDocument", "version"),
    ("contentChanges",),
    ("contentChanges", 0),
    ("contentChanges", 0, "range"),
    ("contentChanges", 0, "rangeLength"),
    ("contentChanges", 0, "text"),
    *(
        ("contentChanges", 0, "range", end, *more)
        for end in ("start", "end")
        for more in ((), ("line",), ("character",))
    ),
]


@st.composite
def changes(draw: st.DrawFn) -> Any:
    """The parameters of a change, of which a part may be anything, or missing."""
    whole: Any = {"params": change(*map(event, draw(st.lists(edits, min_size=1, max_size=2))))}
    if draw(st.booleans()):
        return whole["params"]
    *path, last = ("params", *draw(st.sampled_from(PLACES)))
    holder = whole
    for key in path:
        holder = holder[key]
    if draw(st.booleans()):
        holder[last] = draw(anything)
    else:
        del holder[last]
    return whole.get("params")


def followed(text: str, params: Any) -> str | None:
    """What the editor has after a change; None where nobody can say."""
    events = params.get("contentChanges") if isinstance(params, dict) else None
    if not isinstance(events, list):
        return None
    for each in events:
        if not isinstance(each, dict) or not isinstance(each.get("text"), str):
            return None
        if each.get("range") is None:
            text = each["text"]
            continue
        ends = [point(each["range"], end) for end in ("start", "end")]
        if None in ends:
            return None
        text = naive_edit(text, Edit(*ends, each["text"]), Encoding.UTF16)
    return text


def point(span: Any, end: str) -> tuple[int, int] | None:
    position = span.get(end) if isinstance(span, dict) else None
    numbers = [position.get(k) for k in ("line", "character")] if isinstance(position, dict) else []
    clamped = [clamp(number) for number in numbers]
    return (clamped[0], clamped[1]) if clamped and None not in clamped else None


def clamp(number: Any) -> int | None:
    if isinstance(number, bool) or not isinstance(number, int | float) or number != number:  # noqa: PLR0124
        return None
    number = max(-99, min(number, 99))
    return int(number) if number == int(number) else None


def names(params: Any) -> bool:
    document = params.get("textDocument") if isinstance(params, dict) else None
    return isinstance(document, dict) and document.get("uri") == URI


@pytest.mark.slow
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(changes(), min_size=1, max_size=5))
def test_the_text_is_the_editors_or_said_to_be_out_of_step(tmp_path: Path, sent: list[Any]) -> None:
    async def session() -> None:
        here = Session(tmp_path)
        text: str | None = TEXT
        for params in sent:
            before = copy.deepcopy(params)
            here.send(method="textDocument/didChange", params=params)
            if text is not None and names(before):
                text = followed(text, before)
            assert here.text(URI) == text
            assert len(here.warnings()) == (text is None)
        assert here.text(OTHER) == TEXT
        here.open(URI)
        here.send(method="textDocument/didChange", params=change({"text": "new"}))
        assert here.text(URI) == "new"
        here.send(id=7, method="no/suchMethod")
        assert here.answers(7)
        here.close()

    asyncio.run(session())


@pytest.fixture
async def here(tmp_path: Path) -> Any:
    session = Session(tmp_path)
    yield session
    session.close()


@pytest.mark.parametrize("msg_id", [1.0, 1.5, -1, 0, 2**53, 2**31, "1", "", "\ud800", -0.5])
async def test_every_id_comes_back_as_it_was(here: Session, msg_id: Any) -> None:
    before = len(here.answers(msg_id))
    here.send(id=msg_id, method="shutdown")
    here.send(id=msg_id, method="no/suchMethod")
    assert len(here.answers(msg_id)) == before + 2


@pytest.mark.parametrize("msg_id", [None, True, [], {}, math.nan, math.inf])
async def test_what_is_no_id_is_answered_with_none(here: Session, msg_id: Any) -> None:
    here.send(id=msg_id, method="shutdown")
    (answer,) = here.answers(None)
    assert answer["error"]["code"] == -32600


async def test_two_requests_of_one_id_get_two_answers_and_are_cancelled_together(
    here: Session,
) -> None:
    asked = {"textDocument": {"uri": OTHER}, "position": {"line": 0, "character": 1}}
    for _ in range(2):
        here.send(id=5, method="textDocument/inlineCompletion", params=asked)
    for odd in (None, 4, "5", True, {}, [5], 2**70):
        here.send(method="$/cancelRequest", params={"id": odd})
    here.send(method="$/cancelRequest", params=None)
    here.send(method="$/cancelRequest")
    assert not here.answers(5)
    here.send(method="$/cancelRequest", params={"id": 5.0})
    await asyncio.sleep(0.01)
    assert [answer["error"]["code"] for answer in here.answers(5)] == [-32800, -32800]


async def test_unknown_methods_and_missing_parameters(here: Session) -> None:
    for number, method in enumerate(("$/no", "no", "textDocument/didOpen"), 10):
        here.send(id=number, method=method)
        assert here.answers(number)[0]["error"]["code"] == -32601
        here.send(method=method)
    for number, method in enumerate(("textDocument/inlineCompletion", "workspace/executeCommand")):
        here.send(id=20 + number, method=method)
        assert here.answers(20 + number)[0]["error"]["code"] == -32602
    assert here.text(URI) == TEXT
    assert not here.warnings()


async def test_a_document_opened_with_an_odd_version_or_language_is_open(here: Session) -> None:
    for version in (2**31, -5, 1.0, None, "x", []):
        item = {"uri": "untitled:odd", "languageId": version, "version": version, "text": "t"}
        here.send(method="textDocument/didOpen", params={"textDocument": item})
        assert here.text("untitled:odd") == "t"
        closed = {"textDocument": {"uri": "untitled:odd", "more": version}}
        here.send(method="textDocument/didClose", params=closed)
        assert here.text("untitled:odd") is None


async def test_an_open_document_opened_again_without_a_text_is_out_of_step(here: Session) -> None:
    item = {"uri": URI, "languageId": "python", "version": 1, "text": None}
    here.send(method="textDocument/didOpen", params={"textDocument": item})
    assert here.text(URI) is None
    assert len(here.warnings()) == 1
    here.send(method="textDocument/didChange", params=change({"text": "x"}))
    assert here.text(URI) is None
    here.open(URI)
    assert here.text(URI) == TEXT
