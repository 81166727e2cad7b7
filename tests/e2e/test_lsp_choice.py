"""A base that is chosen, got or taken away while an editor is open is taken up by its server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from homespun_model.catalogue.shelf import Shelf
from homespun_model.store.store import AdapterStore
from lsp_client import Client
from lsp_team import CODE, CURSOR, Team
from taught_models import Taught
from tiny_models import tiny_base

SECONDS = 60.0  # far more than anything takes


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    """Folders of a user's own."""
    return os.environ | {
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }


@pytest.fixture
def shelf(tmp_path: Path, taught: Taught) -> Shelf:
    """With "random" and "taught", neither of them in the catalogue."""
    shelf = Shelf(tmp_path / "data" / "homespun" / "bases")
    tiny_base(shelf.coming("random"), seed=3)
    shutil.copytree(taught.base, shelf.coming("taught"), dirs_exist_ok=True)
    for name in ("random", "taught"):
        files = [path.name for path in shelf.coming(name).iterdir()]
        shelf.place(name, files, {"name": None})
    return shelf


@pytest.fixture
def client(user: dict[str, str], tmp_path: Path) -> Iterator[Client]:
    client = Client("--store", str(tmp_path / "store"), "--device", "cpu", cwd=tmp_path, env=user)
    yield client
    client.kill()


def models(user: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "homespun_server.cli", "models", *arguments]
    subprocess.run(command, env=user, check=True, capture_output=True)


def statuses(client: Client) -> list[dict[str, Any]]:
    notes = [note["params"] for note in list(client.notifications)]
    return [params for params in notes if "state" in params]


def until_ready(client: Client, base: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not any(s["state"] == "ready" and s["base"] == base for s in statuses(client)):
        assert time.monotonic() < deadline, client.stderr[-2000:]
        time.sleep(0.05)


def answered(client: Client, uri: str, base: str, revision: str | None) -> dict[str, Any]:
    """Ask until what is shown comes from ``base`` and ``revision``."""
    deadline = time.monotonic() + SECONDS
    while True:
        for item in client.inline(uri, *CURSOR):
            served = item["command"]["arguments"][0]
            if (served["base"], served["revision"]) == (base, revision):
                return item
        assert time.monotonic() < deadline, client.stderr[-2000:]
        time.sleep(0.1)


def test_another_choice_is_taken_up_with_its_adapters_and_a_broken_one_is_not(
    *,
    client: Client,
    user: dict[str, str],
    shelf: Shelf,
    team: Team,
    taught: Taught,
    tmp_path: Path,
) -> None:
    models(user, "use", "random")
    revision = taught.publish(AdapterStore(tmp_path / "store"), team.identity)
    client.initialize(options={"status": True})
    until_ready(client, "random")
    client.open(team.uri, CODE)
    client.inline(team.uri, *CURSOR)

    models(user, "use", "taught")
    item = answered(client, team.uri, "taught", revision.name)
    assert item["insertText"] == taught.adapter_says

    (shelf.folder("random") / "tokenizer.json").unlink()
    models(user, "use", "random")
    error = client.notified("window/showMessage", "taught stays in use")
    assert "tokenizer.json" in error["message"]
    answered(client, team.uri, "taught", revision.name)

    models(user, "use", "taught")
    models(user, "remove", "taught")  # its server has it in memory
    until_ready(client, "starter")
    client.inline(team.uri, *CURSOR)
    said = [s["message"] for s in statuses(client) if s["message"] and not s["repository"]]
    assert len(said) == 1, said
    assert client.quit() == 0


def test_without_a_base_of_their_own_people_are_told_once_how_to_get_one(
    client: Client, team: Team
) -> None:
    client.initialize(options={"status": True})
    until_ready(client, "starter")
    client.notified("window/logMessage", "homespun models get")
    client.open(team.uri, CODE)
    client.inline(team.uri, *CURSOR)
    assert client.stderr.count("homespun models get") == 1
    assert sum("models get" in str(status["message"]) for status in statuses(client)) == 1
    assert client.quit() == 0
