"""The VS Code extension in VS Code's workbench, with a stub for the server.

The stub's text is known beforehand, so what each key must do is known too.
"""

import os
import signal
from pathlib import Path

from .conftest import OpenWorkbench, Stub, wait_until
from .stub_server import STORY
from .workbench import Workbench

WHOLE = "\n".join(STORY)


def ready(workbench: Workbench) -> None:
    workbench.wait(lambda: "r0007" in workbench.status(), "the revision in the status bar", 150)


def test_seen_accepted_switched_off_and_back_after_a_crash(
    open_workbench: OpenWorkbench, stub: Stub
) -> None:
    """One window for all of it: a start takes longer than everything else."""
    workbench = open_workbench(command=str(stub.path))
    ready(workbench)

    # Seen, and accepted by word, by line and whole; then taken back.
    workbench.do("type", text="def ad")
    workbench.wait_for_ghost("d(first, second):", STORY[2])
    workbench.screenshot("vscode-ghost")
    workbench.wait_for_file("a.py", "def ad")
    workbench.press("Control+ArrowRight")
    workbench.wait_for_file("a.py", "def add")
    workbench.wait_for_ghost("(first, second):", STORY[2])
    # By a line, which has a key only with this extension.
    workbench.press("Alt+End")
    workbench.wait_for_file("a.py", f"{STORY[0]}\n")
    workbench.wait_for_ghost(STORY[1].strip(), STORY[2])
    workbench.press("Tab")  # before a suggestion that begins with indentation it indents
    workbench.wait_for_file("a.py", f"{STORY[0]}\n    ")
    workbench.wait_for_ghost(STORY[1].strip(), STORY[2])
    workbench.press("Tab")
    workbench.wait_for_file("a.py", WHOLE)
    wait_until(lambda: stub.events("accepted"), "the server to be told of the acceptance")
    # Not asked of the file: an undo that comes while it is being saved is not saved again.
    workbench.press("Control+z")
    workbench.wait_for_ghost(STORY[1].strip(), STORY[2])

    # A bracket that the editor closed by itself is not there twice.
    workbench.press("Control+a", "Delete")
    workbench.do("type", text="def add(")
    workbench.wait_for_ghost("first, second", STORY[2])
    workbench.wait_for_file("a.py", "def add()")
    workbench.press("Tab")
    workbench.wait_for_file("a.py", WHOLE)

    # Switched off: nothing is asked.
    workbench.press("Control+a", "Delete")
    workbench.do("command", title="Homespun: Turn Suggestions On or Off")
    workbench.wait(lambda: "off" in workbench.status(), "the item to say off")
    asked = len(stub.events("asked"))
    workbench.do("type", text="def ad")
    workbench.wait_for_file("a.py", "def ad")
    assert workbench.ghost() == ""
    assert len(stub.events("asked")) == asked
    workbench.do("command", title="Homespun: Turn Suggestions On or Off")
    ready(workbench)

    # Killed: said, and back by itself.
    os.kill(stub.events("initialized")[-1]["pid"], signal.SIGKILL)
    workbench.wait(lambda: "error" in workbench.status(), "the item to say that it stopped")
    workbench.wait(lambda: len(stub.events("initialized")) == 2, "a second server")
    ready(workbench)
    workbench.do("type", text="d(")
    workbench.wait_for_ghost("first, second")
    workbench.press("Tab")
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


def test_the_selected_python_environment_is_asked_first(
    open_workbench: OpenWorkbench, stub: Stub, tmp_path: Path
) -> None:
    """Microsoft's extension is in no registry that this machine has: a stand-in has its API."""
    python = tmp_path / "environment/bin/python"
    python.parent.mkdir(parents=True)
    # As an interpreter that has homespun: first asked for the module, then to run it.
    python.write_text(f'#!/bin/sh\n[ "$2" = -c ] && exit 0\nshift 3\nexec \'{stub.path}\' "$@"\n')
    python.chmod(0o755)
    workbench = open_workbench(python=python)
    ready(workbench)
    assert stub.events("initialized")[0]["arguments"] == ["serve"]


def test_fine_tuning_in_a_terminal_and_what_is_missing_for_it(
    open_workbench: OpenWorkbench, stub: Stub, folder: Path
) -> None:
    workbench = open_workbench(command=str(stub.path), store="/tmp/a store")
    ready(workbench)
    workbench.do("command", title="Homespun: Fine-Tune This Repository")
    said = ".notification-list-item-message"
    workbench.wait(
        lambda: f"There is no {stub.path.parent}" in "".join(workbench.do("texts", selector=said)),
        "a message that says what is missing",
    )
    finetune, told = stub.path.with_name("finetune-repo"), stub.path.with_name("told")
    finetune.write_text(f"#!/bin/sh\nfor word; do echo \"$word\"; done >'{told}.part'\n")
    with finetune.open("a") as script:
        script.write(f"pwd >>'{told}.part'\nmv '{told}.part' '{told}'\n")
    finetune.chmod(0o755)
    workbench.do("command", title="Homespun: Fine-Tune This Repository")
    workbench.wait(told.exists, "finetune-repo to be run")
    expected = [str(folder), "--store", "/tmp/a store", str(folder)]
    assert told.read_text().splitlines() == expected
    workbench.screenshot("vscode-finetune")
