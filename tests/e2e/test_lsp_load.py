"""Much at once, for long, and badly: nothing is lost, nothing grows, nothing is told but answers.

Short forms of what a day brings. Every request gets exactly one answer (the client checks that),
and the one that was asked for last gets a suggestion.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from homespun_model.store.store import AdapterStore
from lsp_client import Client, framed
from lsp_team import CODE, CURSOR, Start, Team, insertion
from taught_models import Taught

pytestmark = pytest.mark.slow  # it is load

MEGABYTE = 1 << 20
RETRIES = 600  # of a tenth of a second


@pytest.fixture(scope="module")
def client(launch: Start) -> Client:
    client = launch()
    client.initialize()
    return client


def memory(client: Client) -> int:
    return int(psutil.Process(client.process.pid).memory_info().rss)


def no_word_but_answers(client: Client) -> None:
    told = json.dumps(client.notifications) + json.dumps(list(client.answers.values()))
    assert client.process.poll() is None
    for text in ("Traceback", "site-packages", "homespun_server"):
        assert text not in told
        assert text not in client.stderr
    assert not [note for note in client.notifications if note["method"] == "window/showMessage"]


def test_a_thousand_open_documents(client: Client, team: Team) -> None:
    uris = [(team.root / f"file{number}.py").as_uri() for number in range(1000)]
    client.open(uris[0], CODE)
    assert client.inline(uris[0], *CURSOR)
    before = memory(client)
    for uri in uris[1:]:
        client.open(uri, CODE)
    for uri in uris[::100]:
        client.change(uri, 2, insertion(0, 0, "# \n"))
        assert client.inline(uri, CURSOR[0] + 1, CURSOR[1])
    assert memory(client) - before < 64 * MEGABYTE
    for uri in uris:
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.inline(uris[0], *CURSOR) == []
    no_word_but_answers(client)


def test_an_hour_of_typing(client: Client, team: Team) -> None:
    """Letters, new lines and steps back; every third request cancelled, some files opened anew.

    What is kept on purpose (stretches of tokens, answers, what each session read) is full after two
    thousand keys, where the comparison begins: after that a leak would grow, and nothing else.
    """
    rng = random.Random(7)
    text, version, grown = CODE * 40, 1, 0
    client.open(team.notes, text, "plaintext")
    for part in range(5):
        asked = []
        for step in range(1000):
            version += 1
            column = step % 50
            if column == 0:
                line = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 50}}
                client.change(team.notes, version, {"range": line, "text": ""})
                version += 1
            client.change(team.notes, version, insertion(2, column, rng.choice("abc_( =")))
            if step % 3:
                asked.append(client.request_inline(team.notes, 2, column + 1))
            if step % 9 == 1:
                client.notify("$/cancelRequest", {"id": asked[-1]})
            if step % 250 == 7:
                client.open((team.root / f"part{part}_{step}.py").as_uri(), text)
        for msg_id in asked:
            error = client.answer(msg_id).get("error", {})
            assert error.get("code", -32800) == -32800
        if part == 1:
            grown = memory(client)
    assert memory(client) - grown < 24 * MEGABYTE
    assert client.inline(team.notes, 2, 0)
    no_word_but_answers(client)


def test_ten_documents_of_five_workspaces(
    launch: Start, taught: Taught, store: AdapterStore, tmp_path: Path
) -> None:
    """Each repository's adapter answers in its own files, all typed in at once."""
    client = launch()
    client.initialize()
    teams = [Team.create(tmp_path / f"{tmp_path.name}-{number}") for number in range(5)]
    revisions = [taught.publish(store, team.identity).name for team in teams[:4]]
    wanted = dict(zip([team.root for team in teams], [*revisions, None], strict=True))
    uris = {(team.root / f"{n}.py").as_uri(): wanted[team.root] for team in teams for n in "ab"}
    for uri in uris:
        client.open(uri, CODE)
    for version in range(2, RETRIES):  # until the weights of all are there; nobody waits for them
        for uri in uris:
            client.change(uri, version, insertion(2, 0, "#"))
        asked = {uri: client.request_inline(uri, *CURSOR) for uri in uris}
        answered = {uri: client.answer(msg_id)["result"]["items"] for uri, msg_id in asked.items()}
        assert all(len(items) == 1 for items in answered.values())
        items = {uri: found[0] for uri, found in answered.items()}
        served = {uri: item["command"]["arguments"][0]["revision"] for uri, item in items.items()}
        for uri, item in items.items():
            assert item["insertText"] == (
                taught.base_says if served[uri] is None else taught.adapter_says
            )
        if served == uris:
            break
        time.sleep(0.1)
    assert served == uris
    no_word_but_answers(client)


def test_a_flood_of_everything(client: Client, team: Team) -> None:
    client.open(team.uri, CODE)
    ids = []
    for number in range(300):
        ids.append(client.request_inline(team.uri, *CURSOR))
        client.request("no/suchMethod", {"number": number})
        client.notify("no/suchNotification", {})
        client.notify("$/cancelRequest", {"id": ids[-1] if number % 2 else 10**6})
        client.notify("textDocument/didOpen", {})
        client.notify("textDocument/didSave", {"textDocument": {"uri": f"file:///{number}"}})
    for msg_id in ids:
        client.answer(msg_id)
    client.open(team.uri, CODE)
    assert client.inline(team.uri, *CURSOR)
    no_word_but_answers(client)


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: -5\r\n\r\n{}",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 2\n\n{}",
        b"X" * 200_000,
        b"\r\n\r\n\r\n\r\n",
        b"\x00" * 1000,
        framed(b"[" * 100_000),
        framed(b'{"jsonrpc":"2.0","method":"initialize","id":' + b"9" * 5000 + b"}"),
        framed(b'{"jsonrpc":"2.0","method":"' + b"m" * 100_000 + b'","id":"long"}'),
        framed(b'{"jsonrpc":"2.0","id":99999,"result":{"unasked":true}}'),
        framed(b'{"jsonrpc":"2.0","id":[1.5],"method":"shutdown"}'),
        framed(b'{"jsonrpc":"2.0","method":"a","params":"\\ud800"}'),
        framed(b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{"a":[1]}}}'),
        framed(b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":[[]]}}'),
        framed(b'{"jsonrpc":"2.0","method":"$/cancelRequest"}'),
    ],
    ids=lambda sent: sent[:24].decode("latin-1"),
)
def test_frames_that_nobody_should_send(client: Client, team: Team, sent: bytes) -> None:
    client.answers.clear()
    client.send_raw(sent)
    client.send_raw(b"\r\n\r\n")
    client.open(team.uri, CODE)
    assert client.inline(team.uri, *CURSOR)
    no_word_but_answers(client)


def test_a_header_that_promises_too_much_ends_the_connection(launch: Start) -> None:
    client = launch()
    client.initialize()
    client.send_raw(b"Content-Length: 99999999999\r\n\r\n")
    assert client.process.wait(20) == 1
    assert "not sane" in client.stderr
    assert "Traceback" not in client.stderr


def test_an_editor_that_reads_nothing_and_dies_in_the_middle_of_a_message(
    taught: Taught, tmp_path: Path
) -> None:
    """Half a pipe: its reading end is closed, then a message is cut short."""
    words = [sys.executable, "-m", "homespun_server.cli", "serve", "--base", str(taught.base)]
    reading, writing = os.pipe()
    with subprocess.Popen(
        [*words, "--store", str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as server:
        os.close(writing)
        os.close(reading)
        assert server.stdin is not None
        assert server.stderr is not None
        request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
        server.stdin.write(framed(json.dumps(request).encode()) + b"Content-Length: 500\r\n\r\n{")
        server.stdin.flush()
        assert server.wait(20) == 1
        assert b"Traceback" not in server.stderr.read()
