"""Counting through the real server: what an editor did is what `homespun usage` tells."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lsp_client import Client
from lsp_team import CODE, CURSOR, Start, Team, insertion
from taught_models import Taught


class Typist:
    """Somebody in one document, who waits until a suggestion can be seen."""

    def __init__(self, client: Client, uri: str) -> None:
        self._client, self._uri, self._version = client, uri, 1
        self._line, self._column = CURSOR
        client.open(uri, CODE)

    def see(self) -> str:
        """What is suggested at the cursor."""
        (item,) = self._client.inline(self._uri, self._line, self._column)
        time.sleep(0.15)
        return str(item["insertText"])

    def put(self, text: str) -> None:
        """Insert ``text`` in one change."""
        self._version += 1
        change = insertion(self._line, self._column, text)
        self._client.change(self._uri, self._version, change)
        lines = text.split("\n")
        self._column = len(lines[-1]) + (self._column if len(lines) == 1 else 0)
        self._line += len(lines) - 1

    def below(self, statement: str) -> None:
        """A statement of one's own, and a new line after it: nothing there is said above it."""
        for letter in statement:
            self.put(letter)
        self.put("\n    ")


def told(user: Path) -> dict[str, Any]:
    """What the command says to the user whose data lie there."""
    done = subprocess.run(
        [sys.executable, "-m", "homespun_server.cli", "usage", "--json"],
        env=os.environ | {"XDG_DATA_HOME": str(user)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_was_done_is_what_is_told(
    launch: Start, team: Team, taught: Taught, tmp_path: Path
) -> None:
    user, says = tmp_path / "data", taught.base_says
    client = launch(env=os.environ | {"XDG_DATA_HOME": str(user)})
    client.initialize()
    typist = Typist(client, team.uri)
    assert typist.see() == says
    typist.put(says)  # whole
    typist.below("\n    a = 1")
    assert typist.see() == says
    first, rest = says.split(" ", 1)
    typist.put(f"{first} ")  # a word
    assert typist.see() == rest
    typist.put(rest)  # what is left of it
    typist.below("\n    b = 2")
    # Another process has the file for a while: typing goes on, and what was done then counts too.
    file = user / "homespun" / "usage.sqlite"
    while not file.exists():
        time.sleep(0.1)
    with sqlite3.connect(file, isolation_level=None, timeout=10) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert typist.see() == says
        typist.put(says[0])  # typed along, and left
        began = time.monotonic()
        assert typist.see() == says[1:]
        assert time.monotonic() - began < 2
        typist.below("x = 3")
        time.sleep(3)
        other.execute("ROLLBACK")
    assert typist.see() == says  # seen, and left
    client.notify("textDocument/didClose", {"textDocument": {"uri": team.uri}})
    assert client.quit() == 0

    total = told(user)["total"]
    assert (total["seen"], total["taken"], total["taken_whole"]) == (4, 2, 2)
    assert (total["by_word"], total["typed_along"], total["dismissed"]) == (1, 1, 1)
    assert total["accepted"] == 2 * len(says)
    assert total["keystrokes_saved"] == 2 * len(says) - 2
    assert total["retained_at_end"] == 1.0
    assert total["asked"] == total["answered"] == total["suggested"] == 6
    assert total["latency_p50_ms"] > 0
    [row] = told(user)["by_revision"]
    assert (row["repository"], row["base"]) == (team.identity, taught.base.name)
    stored = file.read_bytes() + b"".join(f.read_bytes() for f in file.parent.glob("*-wal"))
    for secret in (says, "width", "shapes.py", str(team.root), str(taught.base.parent)):
        assert secret.encode() not in stored


def test_it_is_off_where_it_was_switched_off(launch: Start, team: Team, tmp_path: Path) -> None:
    client = launch(env=os.environ | {"XDG_DATA_HOME": str(tmp_path / "data")})
    client.initialize(options={"usage": False})
    Typist(client, team.uri).see()
    assert client.quit() == 0
    assert not (tmp_path / "data" / "homespun" / "usage.sqlite").exists()


def test_a_file_that_cannot_be_costs_no_suggestion(
    launch: Start, team: Team, taught: Taught, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    client = launch(env=os.environ | {"XDG_DATA_HOME": str(tmp_path / "data")})
    client.initialize()
    assert Typist(client, team.uri).see() == taught.base_says
    client.until_logged("usage is not counted")
    assert client.quit() == 0
