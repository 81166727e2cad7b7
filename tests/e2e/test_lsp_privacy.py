"""What must not happen whatever is opened: code in a log, a connection, a workspace's orders."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from homespun_model.store.store import AdapterStore
from lsp_client import Client
from lsp_team import CURSOR, Start, Team, insertion
from taught_models import Taught

CODE = "def xyzzy(plugh):\n    \n\n\nfrotz = 'gnusto'\n"
SECONDS = 60.0  # until a look at the disk, on a busy machine
WORDS = ("xyzzy", "plugh", "frotz", "gnusto", "rezrov")

# Python tells this hook of every connection and look-up before it is made.
NO_NETWORK = """
import sys

def hook(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        with open(%r, "a") as file:
            print(event, arguments[-1], file=file)
        raise OSError("no network here")

sys.addaudithook(hook)
open(%r, "w").close()
"""


def session(client: Client, team: Team) -> None:
    """Open, type, ask, accept, save, close; and in between what is malformed."""
    client.open(team.uri, CODE)
    (item,) = client.inline(team.uri, *CURSOR)
    client.change(team.uri, 2, insertion(*CURSOR, item["insertText"]))
    served = item["command"]["arguments"]
    client.ask("workspace/executeCommand", {"command": "homespun.accepted", "arguments": served})
    client.change(team.uri, 3, insertion(2, 0, "rezrov = xyzzy("))
    client.inline(team.uri, 2, 15)
    client.notify("textDocument/didSave", {"textDocument": {"uri": team.uri}})
    for params in ({"xyzzy": "plugh"}, ["frotz"], "gnusto"):
        client.answer(client.request("textDocument/inlineCompletion", params))
        client.answer(client.request("workspace/executeCommand", params))
        client.notify("textDocument/didChange", params)
    client.request("no/xyzzy", {"frotz": 1})
    client.send_raw(b"Content-Length: 7\r\n\r\n{xyzzy}")
    client.change(team.uri, 4, {"range": {"start": "plugh"}, "text": "gnusto"})
    client.open((team.root / "frotz.py").as_uri() + "\ud800", CODE)
    client.inline((team.root / "frotz.py").as_uri() + "\ud800", *CURSOR)
    client.notify("textDocument/didClose", {"textDocument": {"uri": team.uri}})


def test_no_log_holds_code_at_any_level(
    launch: Start, team: Team, taught: Taught, store: AdapterStore, tmp_path: Path
) -> None:
    revision = taught.publish(store, team.identity)
    (revision.path / "adapter_config.json").write_text('{"xyzzy": "plugh"}')
    log = tmp_path / "server.log"
    client = launch("--debug", "--log", str(log))
    client.initialize(options={"status": True})
    session(client, team)
    assert client.quit() == 0
    kept = log.read_text() + client.stderr
    assert " DEBUG computed in " in kept
    assert "accepted (1)" in kept
    assert [word for word in (*WORDS, taught.base_says) if word in kept] == []
    assert "Traceback" not in kept


def test_nothing_leaves_the_machine(launch: Start, team: Team, tmp_path: Path) -> None:
    tried, watched = tmp_path / "tried", tmp_path / "watched"
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK % (str(tried), str(watched)))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    client = launch(env=os.environ | {"PYTHONPATH": path})
    client.initialize()
    session(client, team)
    assert client.quit() == 0
    assert watched.exists()
    assert not tried.exists(), tried.read_text()


def test_a_workspace_gives_no_orders(
    launch: Start, team: Team, taught: Taught, tmp_path: Path
) -> None:
    """Every file of it that could name a base, a store, an engine or an id does."""
    evil = {"base": "evil/model", "store": str(tmp_path / "evil"), "id": "evil", "engine": "evil"}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in evil.items())
    (team.root / "pyproject.toml").write_text(f"[tool.homespun]\n{lines}")
    (team.root / ".vscode").mkdir()
    settings = {f"homespun.{key}": value for key, value in evil.items()}
    (team.root / ".vscode/settings.json").write_text(json.dumps(settings))
    client = launch()
    client.initialize(options=evil | {"status": True, "device": "evil"})
    for name in ("shapes.py", "other.py"):
        uri = (team.root / name).as_uri()
        client.open(uri, CODE)
        assert client.inline(uri, *CURSOR) == []  # what else the file asks for is not known
    (team.root / "pyproject.toml").unlink()
    for name in ("shapes.py", "other.py"):
        (item,) = client.inline((team.root / name).as_uri(), *CURSOR)
        assert item["insertText"] == taught.base_says
        assert item["command"]["arguments"][0]["base"] == str(taught.base)
    said = [note["params"]["message"] for note in client.notifications if shown(note)]
    assert len(said) == 2  # one about the options, one about the file
    assert all(f"'{key}' is a flag" in said[0] for key in (*evil, "device"))
    assert "pyproject.toml: unknown setting 'base', 'engine', 'id', 'store'" in said[1]
    assert not (tmp_path / "evil").exists()
    assert client.quit() == 0


def test_marks_that_cannot_be_read_end_all_suggestions_until_they_can_be(
    launch: Start, team: Team, taught: Taught
) -> None:
    client = launch()
    client.initialize()
    client.open(team.uri, CODE)
    (item,) = client.inline(team.uri, *CURSOR)
    assert item["insertText"] == taught.base_says
    marks = team.root / ".homespunignore"
    marks.write_bytes("old.py\n".encode("utf-16"))  # by no editor: nobody tells the server
    deadline = time.monotonic() + SECONDS
    while client.inline(team.uri, *CURSOR) != []:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    other = (team.root / "other.py").as_uri()
    client.open(other, CODE)
    assert client.inline(other, *CURSOR) == []
    marks.write_text("old.py\n")
    assert len(client.inline(team.uri, *CURSOR)) == 1
    assert len(client.inline(other, *CURSOR)) == 1
    (said,) = [note["params"]["message"] for note in client.notifications if shown(note)]
    assert ".homespunignore is not UTF-8" in said
    assert "nothing is suggested here until" in said
    assert client.quit() == 0


def shown(note: dict[str, object]) -> bool:
    return note["method"] == "window/showMessage"
