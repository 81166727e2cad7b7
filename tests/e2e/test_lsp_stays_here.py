"""What stays on this machine is in no prompt that a server sees, nor copied into one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from homespun_model.bases.base import load_base
from lsp_client import Client
from lsp_team import Team, insertion
from remote_servers import RemoteStandIn, remote_stand_in
from taught_models import Taught
from tiny_models import tiny_base

pytestmark = pytest.mark.slow
SECONDS = 60.0  # far more than anything takes

APP = "def connect_database(host):\n    return connect_internally(host)\n\n\n"
OWN = "def connect_internally(host):\n    correct_horse = host\n    return correct_horse\n"
SHARED = "def connect_publicly(host):\n    battery_staple = connect_internally(host)\n"


@pytest.fixture
def stand_in(taught: Taught) -> Iterator[RemoteStandIn]:
    with remote_stand_in(load_base(str(taught.base)), text="return 4") as stand_in:
        yield stand_in


@pytest.fixture
def client(stand_in: RemoteStandIn, taught: Taught, tmp_path: Path) -> Iterator[Client]:
    user = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("DATA", "CONFIG")}
    flags = ["--base", str(tiny_base(tmp_path / "here", seed=5)), "--remote", stand_in.url]
    flags += ["--remote-base", str(taught.base), "--store", str(tmp_path / "store")]
    client = Client(*flags, "--device", "cpu", cwd=tmp_path, env=os.environ | user)
    client.initialize(options={"status": True})
    yield client
    client.kill()


def prompts(stand_in: RemoteStandIn) -> list[str]:
    asked = [body["prompt"] for path, _, body in list(stand_in.asked) if "completions" in path]
    return [stand_in.base.tokenizer.decode(prompt) for prompt in asked]


def save(client: Client, path: Path, text: str) -> None:
    path.write_text(text)
    client.open(path.as_uri(), text)
    client.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})


def type_until(client: Client, stand_in: RemoteStandIn, uri: str, word: str, first: int) -> int:
    """Type in a document until a prompt holds a word; the next number."""
    deadline = time.monotonic() + SECONDS
    for number in range(first, first + 10_000):
        client.change(uri, number, insertion(3, 0, " "))
        client.inline(uri, 3, 1)
        if any(word in prompt for prompt in prompts(stand_in)):
            return number + 1
        assert time.monotonic() < deadline, client.stderr[-2000:]
        time.sleep(0.05)
    raise AssertionError(word)


def test_what_is_saved_and_ignored_is_no_context(
    client: Client, stand_in: RemoteStandIn, team: Team
) -> None:
    (team.root / ".gitignore").write_text("own.py\n")
    client.open(team.uri, APP)
    client.until_logged("read ")
    save(client, team.root / "own.py", OWN)
    save(client, team.root / ".env.py", OWN)
    save(client, team.root / "public.py", SHARED)
    type_until(client, stand_in, team.uri, "battery_staple", 2)
    assert not [prompt for prompt in prompts(stand_in) if "correct_horse" in prompt]


def test_a_file_that_is_ignored_while_it_is_open_is_sent_no_more(
    client: Client, stand_in: RemoteStandIn, team: Team
) -> None:
    client.open(team.uri, APP)
    type_until(client, stand_in, team.uri, "connect_database", 2)
    ignore = team.root / ".gitignore"
    ignore.write_text("shapes.py\n")
    change = {"changes": [{"uri": ignore.as_uri(), "type": 1}]}
    client.notify("workspace/didChangeWatchedFiles", change)
    client.change(team.uri, 100_000, insertion(0, 0, "correct_horse = 1\n"))
    client.inline(team.uri, 1, 0)
    assert not [prompt for prompt in prompts(stand_in) if "correct_horse" in prompt]
