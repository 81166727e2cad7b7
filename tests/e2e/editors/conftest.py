"""The editors to drive, and the servers to drive them with.

An editor that cannot be had is skipped, with the reason where nobody can overlook it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from homespun_model.store.store import AdapterStore
from homespun_model.usage.summary import Row, of_revision
from hub_server import COMMIT, HubServer, serving

from .debian import Unavailable
from .neovim import Neovim
from .obtain import EDITORS
from .python_extension import select_python
from .starter import Clone
from .workbench import Workbench

if TYPE_CHECKING:
    from taught_models import Taught

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "nvim-client"

INIT = """
vim.opt.runtimepath:append({plugin})
vim.opt.shortmess:append('I')
vim.o.swapfile = false
vim.cmd('filetype on')
require('homespun').setup(vim.json.decode({options}))
"""


@cache
def obtained(name: str) -> Any:
    try:
        return EDITORS[name]()
    except Unavailable as reason:
        return reason


NOT_TESTED: dict[str, str] = {}
SHOTS = Path(os.environ.get("HOMESPUN_SCREENSHOTS", ROOT / "out/editors"))


def editor(name: str) -> Any:
    """What runs the editor called `name`, or a skip that nobody can overlook."""
    found = obtained(name)
    if isinstance(found, Unavailable):
        NOT_TESTED[name] = str(found)
        pytest.skip(f"NOT TESTED with {name}: {found}")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, reason in NOT_TESTED.items():
        terminalreporter.section(f"NOT TESTED with {name}", sep="!", red=True, bold=True)
        terminalreporter.write_line(reason)
    if SHOTS.exists():
        terminalreporter.write_line(f"screenshots: {SHOTS}")


# By itself one Neovim is driven; `make test-editors` drives every editor.
ALL = os.environ.get("HOMESPUN_TEST_EDITORS") == "all"
NEOVIMS = ["neovim-0.12", "neovim-0.11"] if ALL else ["neovim-0.12 or 0.11"]

collect_ignore_glob = [] if ALL else ["test_vscode*.py"]


@pytest.fixture(params=NEOVIMS)
def neovim_binary(request: pytest.FixtureRequest) -> Path:
    if request.param in EDITORS:
        return Path(editor(request.param))
    newest = obtained("neovim-0.12")
    return Path(editor("neovim-0.11") if isinstance(newest, Unavailable) else newest)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A git repository with one empty Python file."""
    folder = tmp_path / "work"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "a.py").write_text("")
    return folder


BETTER = {
    "name": "qwen2.5-coder-tiny",
    "parameters": 1000,
    "family": "qwen2.5-coder",
    "licence": "Apache-2.0",
    "tested": True,
    "hub": {"repository": "org/Tiny", "revision": COMMIT},
}


class Stub:
    """The stub server as an executable, and what it has recorded."""

    def __init__(self, folder: Path, *extra: str) -> None:
        self.log = folder / "stub.log"
        self.path = folder / "homespun"
        script = Path(__file__).parent / "stub_server.py"
        words = " ".join(extra)
        self.path.write_text(
            f"#!/bin/sh\nSTUB_LOG='{self.log}' exec '{sys.executable}' '{script}' \"$@\" {words}\n"
        )
        self.path.chmod(0o755)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == name]


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    return Stub(tmp_path)


@pytest.fixture
def slow_stub(tmp_path: Path) -> Stub:
    return Stub(tmp_path, "--slow")


OpenNeovim = Callable[..., Neovim]


@pytest.fixture
def open_neovim(neovim_binary: Path, folder: Path) -> Iterator[OpenNeovim]:
    """Opens Neovim on a.py with the plugin set up; every one is closed at the end."""
    opened: list[Neovim] = []

    def open_one(file: str = "a.py", **options: object) -> Neovim:
        settings = {"plugin": repr(str(PLUGIN)), "options": f"[==[{json.dumps(options)}]==]"}
        neovim = Neovim(neovim_binary, folder, INIT.format(**settings))
        opened.append(neovim)
        neovim.command(f"edit {file}")
        return neovim

    yield open_one
    for neovim in opened:
        neovim.close()


@pytest.fixture(scope="session")
def keep() -> Path:
    """Where screenshots are left for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS


def wait_until(condition: Callable[[], object], what: str, timeout: float = 30) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout:g} s: {what}"
        time.sleep(0.05)


class RealServer:
    """The real `homespun`, on a base that was taught one answer and an empty store."""

    def __init__(
        self, folder: Path, taught: Taught, program: str = "-m homespun_server.cli", **own: str
    ) -> None:
        """`own`: variables of its environment."""
        self.taught = taught
        self.store = AdapterStore(folder / "store")
        self._data = own.setdefault("XDG_DATA_HOME", str(folder / "data"))
        self.path = folder / "homespun"
        self._pids = folder / "pids"
        variables = " ".join(f"{name}='{value}'" for name, value in own.items())
        # The shell becomes the server, so its number is the server's.
        self.path.write_text(
            f"#!/bin/sh\n[ \"$1\" = serve ] && echo $$ >>'{self._pids}'\n"
            f"export OMP_NUM_THREADS=1 {variables}\n"
            f"exec '{sys.executable}' {program} \"$@\"\n"
        )
        self.path.chmod(0o755)

    def flags(self) -> dict[str, str]:
        """What a client has to be told to use it."""
        return self.flags_of(str(self.taught.base))

    def flags_of(self, base: str) -> dict[str, str]:
        """The same, with another base."""
        return {"base": base, "store": str(self.store.root), "device": "cpu"}

    def used(self, repository: str, revision: str | None) -> Row:
        """What it has counted; nothing is waited for."""
        file = Path(self._data) / "homespun" / "usage.sqlite"
        return of_revision(file, repository, revision) or Row()

    def pids(self) -> list[int]:
        """Every server there has been, the newest last."""
        return [int(line) for line in self._pids.read_text().split()] if self._pids.exists() else []


@pytest.fixture
def real_server(tmp_path: Path, taught: Taught) -> RealServer:
    return RealServer(tmp_path, taught)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """Answers two requests, and the others once `hangs` is set."""
    with serving(hangs=threading.Event(), at_once=2) as hub:
        yield hub


@pytest.fixture
def offering(tmp_path: Path, taught: Taught, hub: HubServer) -> RealServer:
    """The real `homespun` of somebody who has the starter alone: the hub has the taught base."""
    files = sorted(taught.base.iterdir())
    for file in files:
        hub.add_file("org/Tiny", COMMIT, file.name, file.read_bytes())
    row = tmp_path / "row.json"
    row.write_text(json.dumps(BETTER | {"files": [_published(file) for file in files]}))
    user = {name: str(tmp_path / name) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HF_HOME")}
    script = Path(__file__).with_name("own_catalogue.py")
    return RealServer(tmp_path, taught, f"-P '{script}' '{row}'", HF_ENDPOINT=hub.url, **user)


def _published(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    return {"name": file.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def team(folder: Path) -> str:
    """`folder` as a team's repository with shapes.py; its id in the store."""
    (folder / "shapes.py").write_text("def area(width, height):\n    \n")
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "remote", "add", "origin", "git@example.org:team/work.git"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    return "example.org/team/work"


@pytest.fixture(scope="session")
def _asked(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone.ask(tmp_path_factory.mktemp("starter") / "us", ROOT)


@pytest.fixture
def us(_asked: Clone, folder: Path) -> Clone:
    """This repository in `folder`, and where the starter says something in it."""
    return _asked.copied(folder / "us")


OpenWorkbench = Callable[..., Workbench]


@pytest.fixture
def open_workbench(tmp_path: Path, folder: Path, keep: Path) -> Iterator[OpenWorkbench]:
    """Opens a file in a workbench that has the extension; every one is closed at the end.

    `python`, an interpreter, is what a stand-in for the Python extension says is selected.
    """
    parts, extension = editor("vscode"), editor("extension")
    opened: list[Workbench] = []

    def open_one(
        file: str = "a.py",
        *,
        trust: bool = False,
        workspace: Path | None = None,
        python: Path | None = None,
        editor_settings: dict[str, object] | None = None,
        **settings: object,
    ) -> Workbench:
        home = tmp_path / f"vscode{len(opened)}"
        home.mkdir()
        workbench = Workbench(parts, folder, home, keep)
        opened.append(workbench)
        workbench.install(extension)
        if python is not None:
            workbench.install(select_python(tmp_path / "stand-in", python))
        known = {f"homespun.{name}": value for name, value in settings.items()}
        known |= editor_settings or {}
        workbench.start(known, trust=trust, workspace=workspace)
        workbench.do("open", file=file)
        return workbench

    yield open_one
    for workbench in opened:
        workbench.close()
