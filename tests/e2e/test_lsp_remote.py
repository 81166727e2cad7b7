"""Typing on a team's own server: llama.cpp's, with two adapters, taken away and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from homespun_model.bases.base import load_base
from homespun_model.remote.names import adapter_name
from homespun_model.sharing.export import export
from homespun_model.store.store import AdapterStore
from llama_servers import LlamaServer, gguf_of, llama_cpp
from lsp_client import Client
from lsp_team import CODE, CURSOR, Team, insertion
from random_adapters import random_adapter
from remote_servers import remote_stand_in
from taught_models import Taught
from tiny_models import tiny_base

pytestmark = pytest.mark.slow
SECONDS = 60.0  # far more than anything takes
KEY = "hush-9f3c21"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The base of this machine, which is another than the server's and says something else."""
    return tiny_base(tmp_path / "here", seed=5)


Begin = Callable[..., Client]


@pytest.fixture
def begin(taught: Taught, here: Path, tmp_path: Path) -> Iterator[Begin]:
    clients: list[Client] = []

    def start(url: str, *more: str) -> Client:
        user = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("DATA", "CONFIG")}
        flags = ["--base", str(here), "--remote", url, "--remote-base", str(taught.base)]
        flags += ["--store", str(tmp_path / "store"), "--device", "cpu", *more]
        environment = os.environ | user | {"HOMESPUN_REMOTE_KEY": KEY}
        clients.append(Client(*flags, cwd=tmp_path, env=environment))
        clients[-1].initialize(options={"status": True})
        return clients[-1]

    yield start
    for client in clients:
        client.kill()


def served(client: Client, team: Team, number: int) -> dict[str, Any] | None:
    """What is shown after one more key, and by whom; None for nothing."""
    client.change(team.uri, number, insertion(3, 0, "\n"))
    items = client.inline(team.uri, *CURSOR)
    if not items:
        return None
    return {"text": items[0]["insertText"], **items[0]["command"]["arguments"][0]}


def until(client: Client, team: Team, what: dict[str, Any], first: int) -> int:
    """Type until what is shown is that; the next number."""
    deadline, found = time.monotonic() + SECONDS, None
    for number in range(first, first + 10_000):
        found = served(client, team, number)
        if found is not None and what.items() <= found.items():
            return number + 1
        assert time.monotonic() < deadline, (what, found, client.stderr[-2000:])
        time.sleep(0.05)
    raise AssertionError(found)


def named_last(client: Client) -> str | None:
    """The server that the status names, for who types to see where it goes."""
    notes = [note["params"] for note in list(client.notifications)]
    remotes = [note["remote"] for note in notes if "remote" in note]
    return remotes[-1] if remotes else None


def said_of_the_server(client: Client) -> list[str]:
    """Once for each outage, in the editor's log and in front of nobody."""
    notes = [note["params"] for note in list(client.notifications)]
    return [note["message"] for note in notes if "this machine does" in (note.get("message") or "")]


@llama_cpp
def test_the_server_dies_while_people_type_and_comes_back(
    taught: Taught, begin: Begin, team: Team, tmp_path: Path
) -> None:
    base, store = load_base(str(taught.base)), AdapterStore(tmp_path / "store")
    mine = taught.publish(store, team.identity)
    staged = store.stage("example.org/team/other")
    random_adapter(base, tmp_path / "random")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (tmp_path / "random" / name).rename(staged / name)
    about = {"base": base.record.to_json(), "prompt_version": base.prompt_versions[-1]}
    other = store.publish("example.org/team/other", staged, about)
    files = [
        export(each, base, tmp_path / adapter_name(each.repository, each.name), "gguf")
        for each in (other, mine)
    ]
    model = gguf_of(base, tmp_path / "base.gguf")
    with LlamaServer(model, files) as first:
        client = begin(first.url)
        client.open(team.uri, CODE)
        by_adapter = {"text": taught.adapter_says, "revision": mine.name}
        number = until(client, team, by_adapter, 2)
    # It was killed. Every request is answered, by this machine now; nobody is told twice.
    begun = time.monotonic()
    for key in range(20):
        asked = time.monotonic()
        found = served(client, team, number + key)
        assert time.monotonic() - asked < 10
        assert found is None or found["revision"] is None
    assert time.monotonic() - begun < SECONDS
    logged, status = said_of_the_server(client)
    assert logged == f"homespun: {status}"
    assert "cannot be reached" in status or "breaks off" in status
    assert client.stderr.count("this machine does") == 1
    assert not [note for note in client.notifications if note["method"] == "window/showMessage"]
    with LlamaServer(model, files, port=first.port):
        until(client, team, by_adapter, number + 20)
        assert client.quit() == 0
    assert "Traceback" not in client.stderr


def test_the_key_is_in_nothing_that_is_written(
    taught: Taught, begin: Begin, team: Team, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with remote_stand_in(load_base(str(taught.base)), key=KEY, text="return 4") as stand_in:
        client = begin(stand_in.url, "--log", str(log), "--debug")
        client.open(team.uri, CODE)
        number = until(client, team, {"text": "return 4", "revision": None}, 2)
        process = psutil.Process(client.process.pid)
        assert KEY not in " ".join(process.cmdline())
        stand_in.key = "another"
        served(client, team, number)
        client.notified("window/showMessage", "refuses the key")
        client.quit()
    assert any(headers.get("Authorization") == f"Bearer {KEY}" for _, headers, _ in stand_in.asked)
    assert KEY not in client.stderr + json.dumps(client.notifications)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


def test_a_server_that_hangs_holds_up_nobody(taught: Taught, begin: Begin, team: Team) -> None:
    with remote_stand_in(load_base(str(taught.base)), hangs={"/v1/models"}) as stand_in:
        client = begin(stand_in.url)
        client.open(team.uri, CODE)
        for number in range(2, 8):
            asked = time.monotonic()
            served(client, team, number)
            assert time.monotonic() - asked < 10
        client.notified("homespun/status", "says nothing")


def test_an_adapter_that_the_server_lacks_is_said_and_taken_up_once_it_has_it(
    taught: Taught, begin: Begin, team: Team, tmp_path: Path
) -> None:
    revision = taught.publish(AdapterStore(tmp_path / "store"), team.identity)
    name = adapter_name(team.identity, revision.name)
    with remote_stand_in(load_base(str(taught.base)), text="return 4") as stand_in:
        client = begin(stand_in.url)
        client.open(team.uri, CODE)
        number = until(client, team, {"text": "return 4", "revision": None}, 2)
        told = client.notified("homespun/status", f"has no adapter {name}")
        assert "homespun adapters export all" in told["message"]
        stand_in.adapters = (name,)
        stand_in.breaks_after = 0  # an outage, after which it is met anew
        served(client, team, number)
        client.notified("homespun/status", "breaks off")
        stand_in.breaks_after = None
        until(client, team, {"text": "return 4", "revision": revision.name}, number + 1)


def test_what_is_the_users_own_goes_to_no_server(
    taught: Taught, begin: Begin, team: Team, tmp_path: Path
) -> None:
    own = {
        (team.root / ".env").as_uri(): "DB_PASSWORD=correct-horse\n",
        (tmp_path / "scratch.py").as_uri(): "def mine_alone(staple):\n    \n",
        "untitled:Untitled-1": "def nobodys(battery):\n    \n",
    }
    with remote_stand_in(load_base(str(taught.base)), text="return 4") as stand_in:
        client = begin(stand_in.url)
        client.open(team.uri, CODE)
        until(client, team, {"text": "return 4", "revision": None}, 2)
        for uri, text in own.items():
            client.open(uri, text)
            for item in client.inline(uri, 1, 0):
                assert item["command"]["arguments"][0]["base"] != str(taught.base)
        assert named_last(client) == stand_in.url, "everything else still goes there"
        sent = load_base(str(taught.base)).tokenizer
        told = [sent.decode(body["prompt"]) for path, _, body in stand_in.asked if "comp" in path]
    assert any("area" in prompt for prompt in told)
    for word in ("correct-horse", "mine_alone", "nobodys"):
        assert not [prompt for prompt in told if word in prompt]


def test_one_adapter_that_cannot_be_loaded_takes_nothing_else_away(
    taught: Taught, begin: Begin, team: Team, tmp_path: Path
) -> None:
    revision = taught.publish(AdapterStore(tmp_path / "store"), team.identity)
    name = adapter_name(team.identity, revision.name)
    with remote_stand_in(load_base(str(taught.base)), text="return 4", broken=(name,)) as stand_in:
        client = begin(stand_in.url)
        client.open(team.uri, CODE)
        number = until(client, team, {"text": "return 4", "revision": None}, 2)
        client.notified("homespun/status", f"has no adapter {name}")
        for key in range(20):
            found = served(client, team, number + key)
            assert found is not None
            assert found["text"] == "return 4"
    assert not said_of_the_server(client)


def test_who_answers_is_what_the_status_says(taught: Taught, begin: Begin, team: Team) -> None:
    with remote_stand_in(load_base(str(taught.base)), text="return 4") as stand_in:
        client = begin(stand_in.url)
        client.open(team.uri, CODE)
        number = until(client, team, {"text": "return 4", "revision": None}, 2)
        assert named_last(client) == stand_in.url
        stand_in.instead["/v1/completions"] = lambda: (500, {}, b"")
        deadline = time.monotonic() + SECONDS
        while named_last(client) is not None:  # it is met all the time, and fails each time
            number += 1
            served(client, team, number)
            assert time.monotonic() < deadline
        for _ in range(10):
            number += 1
            served(client, team, number)
        assert named_last(client) is None or served(client, team, number + 1) is not None


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--remote", "http://gpu.example"], "not encrypted"),
        (["--remote", "nonsense"], "takes the URL"),
        (["--remote-base", "starter"], "give both"),
    ],
)
def test_what_cannot_be_a_server_is_refused_in_a_line(flags: list[str], why: str) -> None:
    command = [sys.executable, "-m", "homespun_server.cli", "serve", *flags]
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert ended.returncode == 2
    assert why in ended.stderr
    assert ended.stderr.count("\n") == 1
