"""The VS Code extension in VS Code's workbench, with a stub for the server.

The stub's text is known beforehand, so what each key must do is known too.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import RealServer, Stub, editor, wait_until
from .stub_server import STORY
from .workbench import Workbench

EXTENSION = Path(__file__).parents[3] / "vscode-client/homespun-0.1.0.vsix"
READY = '.statusbar-item[id*="homespun.status"] .codicon-check'
WHOLE = "\n".join(STORY)

OpenWorkbench = Callable[..., Workbench]


@pytest.fixture
def open_workbench(tmp_path: Path, folder: Path, keep: Path) -> Iterator[OpenWorkbench]:
    """Opens a file in a workbench that has the extension; every one is closed at the end."""
    parts = editor("vscode")
    assert EXTENSION.exists(), "make package first"
    opened: list[Workbench] = []

    def open_one(file: str = "a.py", *, trust: bool = False, **settings: object) -> Workbench:
        home = tmp_path / "vscode"
        home.mkdir()
        workbench = Workbench(parts, folder, home, keep)
        opened.append(workbench)
        workbench.install(EXTENSION)
        known = {f"homespun.{name}": value for name, value in settings.items()}
        workbench.start(known, trust=trust)
        workbench.do("open", file=file)
        return workbench

    yield open_one
    for workbench in opened:
        workbench.close()


def ready(workbench: Workbench) -> None:
    workbench.wait(lambda: "r0007" in workbench.status(), "the revision in the status bar", 150)


def test_seen_accepted_switched_off_and_back_after_a_crash(
    open_workbench: OpenWorkbench, stub: Stub
) -> None:
    """One window for all of it: a start takes longer than everything else."""
    workbench = open_workbench(command=str(stub.path))
    ready(workbench)

    # Seen, and accepted by word and whole.
    workbench.do("type", text="def ad")
    workbench.wait_for_ghost("d(first, second):", STORY[2])
    workbench.screenshot("vscode-ghost")
    workbench.wait_for_file("a.py", "def ad")
    workbench.do("press", key="Control+ArrowRight")
    workbench.wait_for_file("a.py", "def add")
    workbench.wait_for_ghost("(first, second):")
    workbench.do("press", key="Tab")
    workbench.wait_for_file("a.py", WHOLE)
    wait_until(lambda: stub.events("accepted"), "the server to be told of the acceptance")
    workbench.screenshot("vscode-accepted")

    # Switched off: nothing is asked.
    workbench.do("press", key="Control+A")
    workbench.do("press", key="Delete")
    workbench.do("command", title="Homespun: Turn Suggestions On or Off")
    workbench.wait(lambda: "r0007" not in workbench.status(), "the item to say off")
    asked = len(stub.events("asked"))
    workbench.do("type", text="def ad")
    workbench.wait_for_file("a.py", "def ad")
    assert workbench.ghost() == ""
    assert len(stub.events("asked")) == asked
    workbench.do("command", title="Homespun: Turn Suggestions On or Off")
    ready(workbench)

    # Killed: back by itself.
    os.kill(stub.events("initialized")[-1]["pid"], signal.SIGKILL)
    workbench.wait(lambda: len(stub.events("initialized")) == 2, "a second server")
    ready(workbench)
    workbench.do("type", text="d(")
    workbench.wait_for_ghost("first, second")
    workbench.do("press", key="Tab")
    workbench.wait_for_file("a.py", WHOLE)

    # The menu, and a doctor who speaks.
    workbench.do("click", selector='.statusbar-item[id*="homespun.status"] a')
    workbench.do("choose", label="Why no suggestion here?")
    workbench.wait(
        lambda: "stub doctor" in "".join(workbench.do("texts", selector=".view-lines")),
        "the doctor's words in the log",
    )
    workbench.screenshot("vscode-doctor")
    assert workbench.do("elsewhere") == [], "no other host was asked for anything"


def test_nothing_of_an_untrusted_workspace_is_run(
    open_workbench: OpenWorkbench, stub: Stub, folder: Path
) -> None:
    scripts = folder / ".venv/bin"
    scripts.mkdir(parents=True)
    (scripts / "homespun").write_bytes(stub.path.read_bytes())
    (scripts / "homespun").chmod(0o755)
    (folder / ".vscode").mkdir()
    (folder / ".vscode/settings.json").write_text(f'{{"homespun.command": "{stub.path}"}}')
    workbench = open_workbench(trust=True)
    warned = ".notification-list-item-message"
    workbench.wait(
        lambda: "No homespun executable" in "".join(workbench.do("texts", selector=warned)),
        "a message that says what is missing",
    )
    workbench.screenshot("vscode-untrusted")
    assert stub.events("initialized") == []


def test_with_the_real_server(
    open_workbench: OpenWorkbench, real_server: RealServer, team: str
) -> None:
    taught = real_server.taught
    workbench = open_workbench("shapes.py", command=str(real_server.path), **real_server.flags())
    workbench.wait(lambda: workbench.do("texts", selector=READY), "a tick in the status bar", 150)

    # Seen and accepted, on a new line.
    for key in ("Control+Home", "End", "Enter"):
        workbench.do("press", key=key)
    workbench.wait_for_ghost(taught.base_says)
    workbench.screenshot("vscode-served")
    workbench.do("press", key="Tab")
    accepted = f"def area(width, height):\n    {taught.base_says}\n    \n"
    workbench.wait_for_file("shapes.py", accepted)

    # A revision is published: it answers, and is named, without a restart.
    revision = taught.publish(real_server.store, team)

    def asked_anew() -> bool:
        workbench.do("press", key="Enter")
        workbench.wait(workbench.ghost, "ghost text on a new line")
        return taught.adapter_says in workbench.ghost()

    workbench.wait(asked_anew, "the adapter's answer")
    workbench.wait(lambda: revision.name in workbench.status(), "the revision in the status bar")
    workbench.screenshot("vscode-adapter")
    assert len(real_server.pids()) == 1
