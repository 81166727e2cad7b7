"""The language server as an editor meets it: a process, two pipes, real weights.

The base and the adapters are tiny models that were taught one answer each, so that an answer tells
which weights gave it.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from homespun_model.store.store import AdapterStore, Revision
from lsp_client import Client
from lsp_team import CODE, CURSOR, Start, Team, insertion
from taught_models import Taught


@pytest.fixture(scope="module")
def shared(launch: Start) -> Client:
    """One server for every test that does not need its own: loading weights takes seconds."""
    client = launch()
    client.initialize(options={"status": True, "exclude": ["*_secret.py"]})
    return client


@pytest.fixture
def client(shared: Client) -> Iterator[Client]:
    """The shared server, which every test has to leave alive."""
    shared.notifications.clear()
    yield shared
    assert shared.process.poll() is None


# What an editor does


def test_what_the_server_says_it_can_do(launch: Start) -> None:
    for wanted, agreed in (
        (["utf-8", "utf-16"], "utf-8"),
        (["utf-16"], "utf-16"),
        (["utf-7", "utf-32"], "utf-32"),
        (None, "utf-16"),
    ):
        client = launch()
        capabilities = client.initialize(wanted)
        assert capabilities["positionEncoding"] == agreed
        assert capabilities["inlineCompletionProvider"] == {}
        assert capabilities["textDocumentSync"]["openClose"] is True
        assert capabilities["textDocumentSync"]["change"] == 2
        assert "completionProvider" not in capabilities
        client.kill()


def test_open_ask_and_accept(client: Client, team: Team, taught: Taught) -> None:
    client.open(team.uri, CODE)
    (item,) = client.inline(team.uri, *CURSOR)
    assert item["insertText"] == taught.base_says
    here = {"line": CURSOR[0], "character": CURSOR[1]}
    assert item["range"] == {"start": here, "end": here}
    served = item["command"]["arguments"][0]
    assert (served["revision"], served["base"]) == (None, str(taught.base))
    client.ask(
        "workspace/executeCommand", {"command": item["command"]["command"], "arguments": [served]}
    )
    client.until_logged("accepted (1)")


def test_typing_along_is_answered_from_the_cache(
    client: Client, team: Team, taught: Taught
) -> None:
    client.open(team.uri, CODE)
    (first,) = client.inline(team.uri, *CURSOR)
    assert first["command"]["arguments"][0]["cached"] is False
    line, character = CURSOR
    for number, letter in enumerate(taught.base_says[:5]):
        client.change(team.uri, 2 + number, insertion(line, character + number, letter))
        (item,) = client.inline(team.uri, line, character + number + 1)
        assert item["insertText"] == taught.base_says[number + 1 :]
        assert item["command"]["arguments"][0]["cached"] is True


@pytest.mark.parametrize("as_pair", [False, True])
def test_what_is_selected_in_an_open_list_is_gone_on_from(
    client: Client, team: Team, taught: Taught, as_pair: bool
) -> None:
    client.open(team.uri, CODE)
    client.inline(team.uri, *CURSOR)
    (line, character), word = CURSOR, taught.base_says[:6]
    client.change(team.uri, 2, insertion(line, character, word[:2]))
    start, end = ({"line": line, "character": character + n} for n in (0, 2))
    span = [start, end] if as_pair else {"start": start, "end": end}  # VS Code's own client: a pair
    context = {"triggerKind": 2, "selectedCompletionInfo": {"range": span, "text": word}}
    (item,) = client.inline(team.uri, line, character + 2, context=context)
    assert item["insertText"] == taught.base_says
    assert item["range"] == {"start": start, "end": end}
    context["selectedCompletionInfo"] = {"range": [start], "text": word}  # as if nothing was said
    (item,) = client.inline(team.uri, line, character + 2, context=context)
    assert item["insertText"] == taught.base_says[2:]


def test_columns_count_as_agreed_and_clamp(client: Client, team: Team) -> None:
    client.open(team.notes, "x = 1\n    é😀\f", "plaintext")  # a form feed is no line break here
    client.change(team.notes, 2, insertion(1, 8, "\n    "))
    for column in (4, 99):
        (item,) = client.inline(team.notes, 2, column)
        assert item["range"]["start"] == {"line": 2, "character": 4}


def test_of_a_burst_of_requests_each_is_answered_and_the_last_has_text(
    client: Client, team: Team
) -> None:
    client.open(team.notes, CODE, "plaintext")
    client.inline(team.notes, *CURSOR)
    line, ids = 2, []
    for step in range(20):  # as Neovim: a request at every letter, none cancelled
        client.change(team.notes, 2 + step, insertion(line, step, "z"))
        ids.append(client.request_inline(team.notes, line, step + 1))
    answers = [client.answer(msg_id) for msg_id in ids]
    assert all("error" not in answer for answer in answers)
    assert sum(bool(answer["result"]["items"]) for answer in answers[:-1]) <= 2
    assert answers[-1]["result"]["items"]


def test_a_cancel_storm_leaves_nothing_behind(client: Client, team: Team) -> None:
    client.open(team.uri, CODE)
    ids = []
    for step in range(100):
        client.change(team.uri, 2 + step, insertion(2, step, "y"))
        ids.append(client.request_inline(team.uri, 2, step + 1))
        client.notify("$/cancelRequest", {"id": ids[-1]})
    for msg_id in ids:
        answer = client.answer(msg_id)
        assert answer.get("error", {}).get("code", -32800) == -32800
    assert client.inline(team.uri, *CURSOR)


def test_ten_documents_at_once(client: Client, team: Team) -> None:
    uris = [(team.root / f"file{number}.py").as_uri() for number in range(10)]
    for uri in uris:
        client.open(uri, CODE)
    ids = [client.request_inline(uri, *CURSOR) for uri in uris]
    assert all(client.answer(msg_id)["result"]["items"] for msg_id in ids)


def test_documents_without_a_file_or_a_known_language(client: Client) -> None:
    for uri, language in (("untitled:Untitled-1", "plaintext"), ("weird", "")):
        client.open(uri, "some text ", language)
        assert "error" not in client.answer(client.request_inline(uri, 0, 10))


def test_half_a_character_is_survived(client: Client, team: Team) -> None:
    client.open(team.uri, "x = '😀'\n" + CODE)
    end = {"line": 0, "character": 6}
    half = {"range": {"start": {"line": 0, "character": 5}, "end": end}, "text": ""}
    client.change(team.uri, 2, half)
    assert client.inline(team.uri, 2, 4)


def test_while_the_base_loads_requests_wait_can_be_cancelled_and_grow_stale(
    launch: Start, team: Team
) -> None:
    client = launch()
    client.initialize()
    client.open(team.uri, CODE)
    cancelled = client.request_inline(team.uri, *CURSOR)
    client.notify("$/cancelRequest", {"id": cancelled})
    assert client.answer(cancelled)["error"]["code"] == -32800
    stale = client.request_inline(team.uri, *CURSOR)
    client.change(team.uri, 2, insertion(0, 0, "# "))
    waiting = client.request_inline(team.uri, *CURSOR)
    assert client.answer(stale)["result"]["items"] == []
    assert client.answer(waiting)["result"]["items"]
    assert client.quit() == 0


# Adapters


def test_a_published_adapter_is_served_without_a_restart(
    client: Client, team: Team, taught: Taught, store: AdapterStore
) -> None:
    client.open(team.uri, CODE)
    (before,) = client.inline(team.uri, *CURSOR)
    assert before["insertText"] == taught.base_says
    first = taught.publish(store, team.identity)
    assert says(client, team.uri, first.name) == taught.adapter_says
    second = taught.publish(store, team.identity)
    assert says(client, team.uri, second.name) == taught.adapter_says
    store.rollback(team.identity)
    assert says(client, team.uri, first.name) == taught.adapter_says
    assert client.notified("homespun/status", second.name)["state"] == "ready"
    store.rollback(team.identity)
    assert says(client, team.uri, None) == taught.base_says


def test_each_document_has_its_own_repositorys_adapter(
    client: Client, team: Team, taught: Taught, store: AdapterStore, tmp_path: Path
) -> None:
    revision = taught.publish(store, team.identity)
    outside = (tmp_path / "elsewhere.py").as_uri()
    client.open(team.uri, CODE)
    client.open(outside, CODE)
    assert says(client, team.uri, revision.name) == taught.adapter_says
    assert says(client, outside, None) == taught.base_says


@pytest.mark.parametrize("damage", ["flipped", "foreign", "pickled"])
def test_a_bad_revision_is_refused_and_the_old_one_stays(
    client: Client, team: Team, taught: Taught, store: AdapterStore, damage: str
) -> None:
    first = taught.publish(store, team.identity)
    client.open(team.uri, CODE)
    says(client, team.uri, first.name)
    second = taught.publish(store, team.identity)
    {"flipped": flip_a_byte, "foreign": change_the_base, "pickled": add_a_pickle}[damage](second)
    deadline = time.monotonic() + 60
    while "stays in use" not in json.dumps(client.notifications):  # the store is looked at seldom
        assert time.monotonic() < deadline
        assert says(client, team.uri, first.name) == taught.adapter_says
        time.sleep(0.1)
    assert first.name in client.notified("window/logMessage", "stays in use")["message"]
    assert says(client, team.uri, first.name) == taught.adapter_says


def says(client: Client, uri: str, revision: str | None) -> str:
    """What ``revision`` says at the cursor: it is loaded while the one before it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (item,) = client.inline(uri, *CURSOR)
        if item["command"]["arguments"][0]["revision"] == revision:
            return str(item["insertText"])
    raise AssertionError(f"{revision} never answered; standard error:\n{client.stderr[-2000:]}")


def flip_a_byte(revision: Revision) -> None:
    weights = revision.path / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)


def change_the_base(revision: Revision) -> None:
    manifest = json.loads((revision.path / "manifest.json").read_text())
    manifest["base"]["weights_hash"] = "0" * 64
    manifest["base"]["identity"]["architecture"] = "another"
    (revision.path / "manifest.json").write_text(json.dumps(manifest))


def add_a_pickle(revision: Revision) -> None:
    (revision.path / "adapter_model.bin").write_bytes(b"\x80\x04.")


# What no editor should do


def test_a_document_never_opened_is_answered_with_nothing(client: Client, team: Team) -> None:
    assert client.inline(team.uri, *CURSOR) == []
    client.change(team.uri, 2, insertion(0, 0, "x"))
    client.notify("textDocument/didClose", {"textDocument": {"uri": "file:///nowhere"}})
    assert client.inline(team.uri, *CURSOR) == []
    assert not [note for note in client.notifications if note["method"] == "window/showMessage"]


@pytest.mark.parametrize("context", [{"triggerKind": 0}, {}, None, {"jsonrpc": 1}])
def test_contexts_that_clients_get_wrong(client: Client, team: Team, context: Any) -> None:
    client.open(team.uri, CODE)
    assert client.inline(team.uri, *CURSOR, context=context)


def test_malformed_messages_are_answered_and_survived(client: Client, team: Team) -> None:
    client.open(team.uri, CODE)
    client.send_raw(b"Content-Length: 3\r\n\r\n{{{")
    assert client.answer(None)["error"]["code"] == -32700
    client.send_raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    client.send_raw(b"Content-Length: 5\r\n\r\n\xff\xfe\xfd\xfc\xfb")
    client.send([1, 2])
    client.send({"jsonrpc": "2.0", "id": {"a": 1}, "method": "shutdown"})
    wrong = {"textDocument": {"uri": team.uri}, "position": {"line": "x", "character": 0}}
    for params in ({}, None, [], wrong):
        msg_id = client.request("textDocument/inlineCompletion", params)
        assert client.answer(msg_id)["error"]["code"] == -32602
    assert client.answer(client.request("no/suchMethod", {}))["error"]["code"] == -32601
    for method in ("initialized", "exit", "$/cancelRequest", "textDocument/didOpen"):
        assert client.answer(client.request(method, {}))["error"]["code"] == -32601, method
    for method in ("shutdown", "initialize", "textDocument/inlineCompletion"):
        client.notify(method, None)  # a request without an id
    assert client.answer(client.request("initialize", {}))["error"]["code"] == -32600
    command = {"command": "no.such", "arguments": []}
    assert client.answer(client.request("workspace/executeCommand", command))["error"]
    client.notify("no/suchNotification", {})
    client.notify("$/cancelRequest", {"id": 12345})
    assert client.inline(team.uri, *CURSOR)


def test_a_change_that_cannot_be_read_closes_the_document_rather_than_drift(
    client: Client, team: Team
) -> None:
    client.open(team.uri, CODE)
    client.change(team.uri, 2, {"range": {"start": "?"}, "text": "x"})
    assert client.inline(team.uri, *CURSOR) == []
    client.change(team.uri, 3, {"text": CODE})
    assert client.inline(team.uri, *CURSOR) == []
    said = client.notified("window/showMessage", "out of step")["message"]
    assert said.startswith("homespun: shapes.py is out of step")
    client.open(team.uri, CODE)
    assert client.inline(team.uri, *CURSOR)


def test_changes_that_clients_get_a_little_wrong_are_followed(client: Client, team: Team) -> None:
    far = {"line": 2**31, "character": 2**53}
    nowhere = {"line": -1, "character": -1}
    for number, change in enumerate(
        (
            {"range": None, "text": CODE},
            {"range": {"start": nowhere, "end": far}, "text": CODE},
            {"rangeLength": None, "text": CODE},
            insertion(2, 0, "") | {"rangeLength": "x"},
            {"range": {"start": {"line": 2.0, "character": 0.0}, "end": far}, "text": ""},
        )
    ):
        client.open(team.notes, CODE, "plaintext")
        client.change(team.notes, 2**31 + number, change)
        assert client.inline(team.notes, *CURSOR), change
    assert not [note for note in client.notifications if note["method"] == "window/showMessage"]


@pytest.mark.parametrize("msg_id", [1.5, 1000.0, -1, 2**53, "one"])
def test_a_request_is_answered_under_its_own_id(client: Client, team: Team, msg_id: Any) -> None:
    client.open(team.uri, CODE)
    client.answers.pop(msg_id, None)
    position = {"line": CURSOR[0], "character": CURSOR[1]}
    params = {"textDocument": {"uri": team.uri}, "position": position}
    method = "textDocument/inlineCompletion"
    client.send({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})
    answer = client.answer(msg_id)
    assert answer["result"]["items"]
    assert json.dumps(answer["id"]) == json.dumps(msg_id)


def test_files_that_settings_exclude_get_nothing(client: Client, team: Team) -> None:
    (team.root / "homespun.toml").write_text('exclude = ["shapes.py"]\n')
    for name, served in (("shapes.py", False), ("my_secret.py", False), ("other.py", True)):
        uri = (team.root / name).as_uri()
        client.open(uri, CODE)
        assert bool(client.inline(uri, *CURSOR)) is served


@pytest.mark.parametrize("broken", [b"exclude = [", b"exclude = 3\n", b"\xff\xfee\0"])
def test_nothing_is_suggested_until_settings_can_be_read(
    client: Client, team: Team, broken: bytes
) -> None:
    settings, other = team.root / "homespun.toml", (team.root / "other.py").as_uri()
    settings.write_bytes(broken)
    for uri in (team.uri, other, team.uri):
        client.open(uri, CODE)
        assert client.inline(uri, *CURSOR) == []
    shown = [note for note in client.notifications if note["method"] == "window/showMessage"]
    assert len(shown) == 1
    assert "nothing is suggested" in shown[0]["params"]["message"]
    settings.write_bytes(b"\xef\xbb\xbfexclude = ['other.py']\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": settings.as_uri()}})
    assert client.inline(team.uri, *CURSOR)
    assert client.inline(other, *CURSOR) == []


def test_a_hostile_workspace_sets_nothing_and_no_code_is_told(
    launch: Start, team: Team, taught: Taught, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    client = launch("--log", str(log))
    early = client.request("textDocument/inlineCompletion", {})
    assert client.answer(early)["error"]["code"] == -32002
    (team.root / "homespun.toml").write_text('base = "evil/model"\nstore = "/tmp/evil"\n')
    capabilities = {
        "textDocument": {"completion": {"completionItemKind": {"valueSet": [99, "x"]}}},
        "window": {"workDoneProgress": True},
    }
    client.ask(
        "initialize",
        {
            "processId": None,
            "rootUri": None,
            "capabilities": capabilities,
            "trace": "loud",
            "initializationOptions": {"store": str(tmp_path / "evil"), "base": "evil/model"},
        },
    )
    client.notify("initialized", {})
    client.open(team.uri, "def xyzzy(plugh):\n    ")
    assert client.inline(team.uri, 1, 4) == []
    (team.root / "homespun.toml").unlink()
    (item,) = client.inline(team.uri, 1, 4)
    assert item["insertText"] == taught.base_says
    assert client.notified("$/progress", "begin")["value"]["title"] == "homespun: loading the model"
    assert client.notified("$/progress", '"end"')
    assert "'store'" in client.notified("window/showMessage", "flag")["message"]
    assert "unknown setting" in client.notified("window/showMessage", "homespun.toml")["message"]
    client.notify("textDocument/didChange", {"textDocument": "xyzzy", "contentChanges": "plugh"})
    client.request("textDocument/inlineCompletion", {"xyzzy": "plugh"})
    client.send_raw(b"Content-Length: 7\r\n\r\n{xyzzy}")
    assert client.quit() == 0
    told = json.dumps(client.notifications) + json.dumps(list(client.answers.values()))
    kept = log.read_text() + client.stderr
    assert "ready" in kept
    for text in ("xyzzy", "plugh", "Traceback"):
        assert text not in kept
    assert "Traceback" not in told
    assert "site-packages" not in told


# How it ends


def test_exit_without_shutdown_is_1(launch: Start) -> None:
    client = launch()
    client.initialize()
    client.notify("exit", None)
    assert client.process.wait(20) == 1


def test_requests_after_shutdown_are_refused(launch: Start) -> None:
    client = launch()
    client.initialize()
    client.ask("shutdown", None)
    assert client.answer(client.request("shutdown", None))["error"]["code"] == -32600
    client.notify("exit", None)
    assert client.process.wait(20) == 0


def test_an_editor_that_dies_takes_the_server_with_it(launch: Start, team: Team) -> None:
    client = launch()
    client.initialize()
    client.open(team.uri, CODE)
    client.request_inline(team.uri, *CURSOR)
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.process.wait(20) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupted_is_130(launch: Start) -> None:
    client = launch()
    client.initialize()
    client.process.send_signal(signal.SIGINT)
    assert client.process.wait(20) == 130


def test_a_missing_base_is_said_and_the_editor_goes_on(
    launch: Start, team: Team, tmp_path: Path
) -> None:
    client = launch("--base", str(tmp_path / "nowhere"))  # the last of a flag counts
    client.initialize(options={"status": True})
    client.open(team.uri, CODE)
    assert client.inline(team.uri, *CURSOR) == []
    assert "nowhere" in client.notified("window/showMessage")["message"]
    assert client.notified("homespun/status", "error")["state"] == "error"
    assert client.quit() == 0
