"""The VS Code extension with the real server: from a key to the model and back to the window.

Where it matters what is said, base and adapter are tiny models that were taught one answer each.
"""

import json
import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from homespun_corpus.repo.identity import identity_of
from homespun_model.bases.base import load_base
from homespun_model.remote.names import adapter_name
from hub_server import HubServer
from remote_servers import remote_stand_in

from .conftest import ROOT, OpenWorkbench, RealServer
from .starter import Clone, Typist, publish_blank_adapter
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

    statements = (f"n{number} = {number}\n" for number in count())

    def asked_anew(says: str) -> bool:
        """Behind a statement of its own: what the line above says is not suggested again."""
        workbench.do("type", text=next(statements))
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
    # The parts are counted as what they were: one suggestion, which was taken.
    counted = (1, 1, len(taught.base_says))

    def used() -> tuple[int, int, int]:
        row = real_server.used(team, None)
        return row.taken, row.by_word, row.accepted

    workbench.wait(lambda: used() == counted, f"counts {counted}")
    # On the screen: what is undone while it is being saved is not saved again.
    workbench.press("Control+z")
    workbench.wait_for_ghost(rest)
    workbench.press("Control+y")
    workbench.wait(lambda: not workbench.ghost(), "the accepted text again")
    workbench.press("Control+End")

    # A revision is published: it answers, and is named, without a restart; rolled back, the base,
    # and what another base has stays.
    revision = taught.publish(real_server.store, team)
    publish_blank_adapter(real_server.store, team)
    workbench.wait(lambda: asked_anew(taught.adapter_says), "the adapter's answer")
    workbench.wait(lambda: revision.name in workbench.status(), "the revision in the status bar")
    workbench.screenshot("vscode-adapter")
    workbench.do("command", title="Homespun: Roll Back to the Revision Before")
    currents = real_server.store.currents
    workbench.wait(lambda: [one.base for one in currents(team)] == ["starter"], "the base again")
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
def test_a_better_model_is_got_stopped_gone_on_with_and_answers(
    open_workbench: OpenWorkbench, offering: RealServer, hub: HubServer
) -> None:
    item = '.statusbar-item[id*="homespun.status"] a'
    store = str(offering.store.root)
    workbench = open_workbench("shapes.py", command=str(offering.path), store=store, device="cpu")
    ready(workbench)

    def wait_for_text(selector: str, text: str) -> None:
        workbench.wait(lambda: text in "".join(workbench.do("texts", selector=selector)), text)

    def choose(label: str, title: str) -> None:
        workbench.do("click", selector=item)
        wait_for_text(".quick-input-title", title)
        workbench.do("choose", label=label)

    # Offered where one looks, and nowhere else.
    said = ".notification-list-item-message"
    workbench.do("hover", selector=item)
    wait_for_text(".monaco-hover a", "Get a better model (1 MB)")
    workbench.screenshot("vscode-better-offered")
    assert workbench.do("texts", selector=said) == []

    # Stopped while the hub lets it wait, and gone on with.
    choose("Get a better model (1 MB)", "Homespun: starter answers")
    wait_for_text(said, "getting qwen2.5-coder-tiny: 0 of 0 MB")
    workbench.screenshot("vscode-better-progress")
    workbench.do("click", selector='.notification-list-item .monaco-button:has-text("Cancel")')
    wait_for_text(said, "qwen2.5-coder-tiny is not here yet; what has come of it is kept.")
    assert hub.hangs is not None
    hub.hangs.set()
    choose("Get a better model (1 MB, 1 MB of it here)", "Homespun: starter answers")
    wait_for_text(said, "qwen2.5-coder-tiny is here, and answers in a moment.")
    asked = [file for file, _ in hub.asked]
    assert asked.count(asked[0]) == 1, "what had come is not fetched again"

    # The server has taken it up by itself, and there is nothing more to get.
    new_line(workbench)
    workbench.wait(lambda: asked_again(workbench, offering.taught.base_says), "its answer")
    workbench.do("command", title="Homespun: Get a Better Model")
    wait_for_text(said, "qwen2.5-coder-tiny answers already.")
    workbench.do("click", selector=item)
    wait_for_text(".quick-input-title", "Homespun: qwen2.5-coder-tiny answers")
    entries = workbench.do("texts", selector=".quick-input-list .monaco-list-row")
    assert not [entry for entry in entries if "better" in entry]
    workbench.screenshot("vscode-better-answers")
    assert len(offering.pids()) == 1


def asked_again(workbench: Workbench, says: str) -> bool:
    workbench.press("Escape", "Enter")
    return workbench.becomes(lambda: says in workbench.ghost(), 4)


@pytest.mark.usefixtures("team")
def test_where_there_is_no_server_it_is_installed_for_whoever_agrees(
    open_workbench: OpenWorkbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a new user has: an extension, and a Python that has no homespun."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(Path(sys.base_prefix) / "bin/python3")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    # The editor has another home here: pip is to ask where it always does, for what is pinned.
    monkeypatch.setenv("PIP_CONSTRAINT", str(ROOT / "constraints.txt"))
    if (pip := Path.home() / ".config/pip/pip.conf").exists():
        monkeypatch.setenv("PIP_CONFIG_FILE", str(pip))
    workbench = open_workbench("shapes.py")

    def wait_for_text(selector: str, text: str, timeout: float = 60) -> None:
        found = lambda: "".join(workbench.do("texts", selector=selector))  # noqa: E731
        workbench.wait(lambda: text in found(), text, timeout)

    def press(label: str, within: str) -> None:
        workbench.do("click", selector=f'{within} .monaco-button:has-text("{label}")')

    notification, dialog = ".notification-list-item", ".monaco-dialog-box"
    wait_for_text(f"{notification}-message", "No homespun executable", 150)
    press("Install", notification)
    wait_for_text(dialog, "Install Homespun's server for this extension?")
    workbench.screenshot("vscode-install")
    press("Cancel", dialog)
    home = tmp_path / "vscode0"
    assert not list(home.rglob("server-*/bin"))

    workbench.do("command", title="Homespun: Install the Server")
    press("Install", dialog)
    wait_for_text(f"{notification}-message", "installing the server")
    workbench.wait(lambda: "Homespun: ready" in workbench.status(), "a server", 540)
    assert len(list(home.rglob("server-*/whole"))) == 1
    new_line(workbench)
    workbench.do("type", text="return width * ")
    workbench.wait(workbench.ghost, "ghost text of the starter")
    workbench.screenshot("vscode-installed")


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

    def adapter_answers() -> bool:
        """On a new line: the base answers until the adapter is loaded, so it is asked again."""
        new_line(workbench)
        return workbench.becomes(lambda: taught.adapter_says in workbench.ghost(), 4)

    # The other root, which has an adapter, and its name in the status bar.
    workbench.do("show", file="inner.py")
    workbench.wait(adapter_answers, "the adapter's answer")
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
    workbench.wait(adapter_answers, "the adapter's answer")
    assert len(real_server.pids()) == 2
    workbench.do("window", name="first")
    workbench.do("show", file="two.py")
    workbench.press("Control+End")
    workbench.do("type", text="c = 3\n")  # what the line above says is not suggested again
    workbench.wait_for_ghost(taught.base_says)


def test_an_open_list_of_words_does_not_hide_it(
    open_workbench: OpenWorkbench, real_server: RealServer, folder: Path
) -> None:
    """VS Code shows ghost text beside its list only where that begins with what is selected."""
    (folder / "shapes.py").write_text("# return\ndef area(width, height):\n    x = 1\n")
    workbench = open_workbench(
        "shapes.py",
        command=str(real_server.path),
        editor_settings={"editor.quickSuggestions": {"other": "on"}},
        **real_server.flags(),
    )
    ready(workbench)
    new_line(workbench, after=3)
    workbench.do("type", text="re")

    def selected() -> list[str]:
        row = ".suggest-widget.visible .monaco-list-row.focused .label-name"
        return list(workbench.do("texts", selector=row))

    workbench.wait(selected, "the list")
    if selected() == ["re"]:  # what is being typed is a word, too, if the list came late
        workbench.press("ArrowDown")
    workbench.wait(lambda: selected() == ["return"], "the word above")
    workbench.wait_for_ghost(real_server.taught.base_says.removeprefix("re"))
    assert selected() == ["return"]
    workbench.screenshot("vscode-list")


def test_this_repository_with_the_bundled_starter(
    open_workbench: OpenWorkbench, real_server: RealServer, us: Clone
) -> None:
    """Nobody knows what the starter will say: the server was asked where it says something."""
    workbench = open_workbench(command=str(real_server.path), **real_server.flags_of("starter"))
    workbench.do("open", file="action.yml", folder=str(us.root))  # in sight without scrolling
    ready(workbench)
    typist = Typist(workbench, us.places)

    # Seen, and all of it accepted.
    place, shown = typist.until_shown()
    workbench.screenshot("vscode-starter")
    workbench.press("Tab")
    typist.saved(place, shown)

    # A word of it, then its line.
    place, shown = typist.until_shown()
    workbench.press("Control+ArrowRight")
    workbench.wait(lambda: 0 < len(workbench.ghost()) < len(shown), "what is left of it")
    rest = workbench.ghost()
    assert shown.endswith(rest)
    typist.saved(place, shown.removesuffix(rest))
    workbench.press("Alt+End")
    typist.saved(place, shown)

    # Switched off where something would be shown, and on again there.
    workbench.do("command", title="Homespun: Turn Suggestions On or Off")
    workbench.wait(lambda: "off" in workbench.status(), "the item to say off")
    place = typist.anywhere()
    typist.saved(place, "")
    assert workbench.ghost() == ""
    workbench.do("command", title="Homespun: Turn Suggestions On or Off")
    ready(workbench)
    typist.until_shown()
    workbench.press("Escape")

    # An adapter is published while files are open; it has learnt nothing, so it says the same.
    revision = publish_blank_adapter(real_server.store, identity_of(us.root))
    place, _ = typist.until_shown()

    def answered_by_the_adapter() -> bool:
        """The base answers until the adapter is loaded, so it is asked again."""
        workbench.press("Backspace")
        workbench.do("type", text=place.key)
        workbench.wait(workbench.ghost, "ghost text")
        return revision.name in workbench.status()

    workbench.wait(answered_by_the_adapter, "the revision in the status bar")
    workbench.screenshot("vscode-starter-adapter")

    # The server is killed: another one suggests.
    os.kill(real_server.pids()[-1], signal.SIGKILL)
    workbench.wait(lambda: len(real_server.pids()) == 2, "a second server")
    ready(workbench)
    typist.until_shown()


def test_a_teams_server_answers_and_this_machine_where_it_is_away(
    open_workbench: OpenWorkbench, real_server: RealServer, team: str
) -> None:
    taught = real_server.taught
    revision = taught.publish(real_server.store, team)
    there = load_base(str(taught.base))
    name = adapter_name(team, revision.name)
    with remote_stand_in(there, text="return team_says", adapters=(name,)) as stand_in:
        workbench = open_workbench(
            "shapes.py",
            command=str(real_server.path),
            remote=stand_in.url,
            remoteBase=str(taught.base),
            **real_server.flags_of("starter"),
        )
        workbench.wait(lambda: stand_in.url in workbench.status(), "the server's name", 150)
        new_line(workbench)
        workbench.wait_for_ghost("return team_says")
        workbench.wait(lambda: revision.name in workbench.status(), "the revision")
        workbench.screenshot("vscode-remote")
        workbench.press("Tab")
        accepted = "def area(width, height):\n    return team_says\n    \n"
        workbench.wait_for_file("shapes.py", accepted)
    completions = [body for path, _, body in stand_in.asked if "completions" in path]
    # The first is asked of the base, and not streamed: whether the server says a token at all.
    assert {body["model"] for body in completions if body["stream"]} == {name}
    workbench.press("Control+End", "Enter")
    workbench.do("type", text="def perimeter(")
    workbench.wait(lambda: stand_in.url not in workbench.status(), "this machine", 60)
    assert revision.name not in workbench.status(), "it is the server's"
    assert len(real_server.pids()) == 1
