"""The VS Code extension with the real server: from a key to the model and back to the window.

Where it matters what is said, base and adapter are tiny models that were taught one answer each.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import ROOT, OpenWorkbench, RealServer
from .workbench import Workbench

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "a1",
            "metadata": {},
            "outputs": [],
            "source": ["def area(width, height):\n", "    x = 1"],
        }
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
AREA = "def area(width, height):\n    x = 1\n"


def ready(workbench: Workbench) -> None:
    workbench.wait(lambda: "Homespun: ready" in workbench.status(), "a ready server", 150)


def new_line(workbench: Workbench, after: int = 1) -> None:
    """A new line behind the line numbered `after`, as the editor indents it."""
    workbench.press("Control+Home", *["ArrowDown"] * (after - 1), "End", "Enter")


def test_one_session(open_workbench: OpenWorkbench, real_server: RealServer, team: str) -> None:
    taught = real_server.taught
    workbench = open_workbench("shapes.py", command=str(real_server.path), **real_server.flags())
    ready(workbench)

    def asked_anew(says: str) -> bool:
        workbench.press("Enter")
        workbench.wait(workbench.ghost, "ghost text on a new line")
        return says in workbench.ghost()

    # Seen, accepted by a word and whole, taken back.
    new_line(workbench)
    workbench.wait_for_ghost(taught.base_says)
    workbench.screenshot("vscode-served")
    workbench.press("Control+ArrowRight")
    first, rest = taught.base_says.split(" ", 1)
    workbench.wait_for_file("shapes.py", f"def area(width, height):\n    {first}\n    \n")
    workbench.wait_for_ghost(rest)
    workbench.press("Tab")
    accepted = f"def area(width, height):\n    {taught.base_says}\n    \n"
    workbench.wait_for_file("shapes.py", accepted)
    # On the screen: what is undone while it is being saved is not saved again.
    workbench.press("Control+z")
    workbench.wait_for_ghost(rest)
    workbench.press("Control+y")
    workbench.wait(lambda: not workbench.ghost(), "the accepted text again")

    # A revision is published: it answers, and is named, without a restart; rolled back, the base.
    revision = taught.publish(real_server.store, team)
    workbench.wait(lambda: asked_anew(taught.adapter_says), "the adapter's answer")
    workbench.wait(lambda: revision.name in workbench.status(), "the revision in the status bar")
    workbench.screenshot("vscode-adapter")
    workbench.do("command", title="Homespun: Roll Back to the Revision Before")
    workbench.wait(lambda: real_server.store.current(team) is None, "the base to be current")
    workbench.do("show", file="shapes.py")
    workbench.press("Control+End")
    workbench.wait(lambda: asked_anew(taught.base_says), "the base's answer")
    assert len(real_server.pids()) == 1

    # The server is killed: it comes back and suggests.
    os.kill(real_server.pids()[-1], signal.SIGKILL)
    workbench.wait(lambda: len(real_server.pids()) == 2, "a second server")
    ready(workbench)
    workbench.wait(lambda: asked_anew(taught.base_says), "the base's answer")


@pytest.mark.usefixtures("team")
def test_files_of_every_kind(  # noqa: PLR0915 - one window, because starting it takes longest
    open_workbench: OpenWorkbench, real_server: RealServer, folder: Path, tmp_path: Path
) -> None:
    """One window on two repositories, of which the second has an adapter, and a plain folder."""
    taught = real_server.taught
    (folder / "crlf.py").write_bytes(AREA.replace("\n", "\r\n").encode())
    (folder / "tabs.go").write_text("package main\n\nfunc area() int {\n\tx := 1\n}\n")
    (folder / "two.py").write_text("a = 1\nb = 2\n")
    (folder / "book.ipynb").write_text(json.dumps(NOTEBOOK))
    loose = tmp_path / "plain/loose.py"
    loose.parent.mkdir()
    loose.write_text(AREA)
    other = tmp_path / "other"
    other.mkdir()
    (other / "inner.py").write_text(AREA)
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    origin = ["remote", "add", "origin", "git@example.org:team/other.git"]
    subprocess.run(["git", "-C", str(other), *origin], check=True)
    revision = taught.publish(real_server.store, "example.org/team/other")
    workspace = tmp_path / "both.code-workspace"
    workspace.write_text(
        json.dumps({"folders": [{"path": str(root)} for root in (folder, other, loose.parent)]})
    )
    workbench = open_workbench(
        "crlf.py", workspace=workspace, command=str(real_server.path), **real_server.flags()
    )
    ready(workbench)

    def accept(says: str = taught.base_says) -> None:
        workbench.wait_for_ghost(says)
        workbench.press("Tab")

    # Line ends of Windows stay, under another name too.
    workbench.do("rename", file="crlf.py", to="renamed.py")
    workbench.wait((folder / "renamed.py").exists, "the new name")
    workbench.do("show", file="renamed.py")
    new_line(workbench, 2)
    accept()
    crlf = f"{AREA}    {taught.base_says}\n".replace("\n", "\r\n")
    workbench.wait_for_file("renamed.py", crlf)

    # Tabs stay tabs.
    workbench.do("show", file="tabs.go")
    new_line(workbench, 4)
    accept()
    go = f"package main\n\nfunc area() int {{\n\tx := 1\n\t{taught.base_says}\n}}\n"
    workbench.wait_for_file("tabs.go", go)

    # Two cursors.
    workbench.do("show", file="two.py")
    workbench.press("Control+Home", "End", "Shift+Alt+ArrowDown", "Enter")
    accept()
    both = f"a = 1\n{taught.base_says}\nb = 2\n{taught.base_says}\n"
    workbench.wait_for_file("two.py", both)
    workbench.press("Escape", "Escape")

    # The other root, which has an adapter, and its name in the status bar.
    workbench.do("show", file="inner.py")
    new_line(workbench)
    workbench.wait_for_ghost(taught.adapter_says)
    workbench.wait(lambda: revision.name in workbench.status(), "the revision in the status bar")
    workbench.screenshot("vscode-two-roots")

    # Outside any repository, and in a file that has no name yet.
    workbench.do("show", file=loose.name)
    new_line(workbench)
    accept()
    workbench.wait(lambda: taught.base_says in loose.read_text(), "acceptance")
    workbench.do("command", title="File: New Untitled Text File")
    workbench.do("type", text="x = 1\n")
    workbench.wait_for_ghost(taught.base_says)

    # A notebook's cell.
    workbench.do("showNotebook", file="book.ipynb")
    workbench.press("Control+End", "Enter")
    workbench.wait_for_ghost(taught.base_says)
    workbench.screenshot("vscode-notebook")
    workbench.press("Tab")
    workbench.wait(lambda: taught.base_says in (folder / "book.ipynb").read_text(), "acceptance")

    # A second window, on one root only: a server of its own, and the first one still answers.
    workbench.do("window", name="second")
    workbench.do("open", file="inner.py", folder=str(other))
    ready(workbench)
    new_line(workbench)
    workbench.wait_for_ghost(taught.adapter_says)
    assert len(real_server.pids()) == 2
    workbench.do("window", name="first")
    workbench.do("show", file="two.py")
    workbench.press("Control+End")
    workbench.do("type", text="c = 3\n")  # what the line above says is not suggested again
    workbench.wait_for_ghost(taught.base_says)


def test_this_repository_with_the_bundled_starter(
    open_workbench: OpenWorkbench, real_server: RealServer, folder: Path
) -> None:
    """Nobody knows what the starter will say; that it says something while one types, one sees."""
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{ROOT}", folder / "us"], check=True)
    path = folder / "us/failures.py"
    path.write_text((ROOT / "model/homespun_model/errors.py").read_text())
    workbench = open_workbench(
        command=str(real_server.path), store=str(real_server.store.root), device="cpu"
    )
    workbench.do("open", file=path.name, folder=str(path.parent))
    ready(workbench)
    workbench.press("Control+End")
    for number in range(8):
        workbench.do("type", text=f"\nclass Failure{number}(ModelError):\n")
        end = time.monotonic() + 10
        while not workbench.ghost() and time.monotonic() < end:
            time.sleep(0.1)
        if workbench.ghost():
            break
    shown = workbench.ghost()
    assert shown.strip(), "not one suggestion for eight classes"
    workbench.screenshot("vscode-starter")
    before = len("".join(path.read_text().split()))
    workbench.press("Tab")
    more = len("".join(shown.split()))  # the page does not keep ghost text in the order of lines
    workbench.wait(
        lambda: len("".join(path.read_text().split())) == before + more, f"{shown!r} in the file"
    )
