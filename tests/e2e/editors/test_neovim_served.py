"""The Neovim plugin with the real server: from a key to the model and back to the screen.

In most of it base and adapter are tiny models that were taught one answer each, so what the screen
must show is known, and which of the two said it.
"""

import os
import signal

import pytest
from homespun_model.bases.base import load_base
from hub_server import HubServer
from remote_servers import remote_stand_in
from sure_places import SurePlace

from .conftest import OpenNeovim, RealServer
from .neovim import Neovim
from .starter import Clone

STATUS = "return require('homespun').status()"


def ready(neovim: Neovim) -> None:
    """The base is loaded."""
    neovim.wait(lambda: "ready" in neovim.lua(STATUS), "readiness", timeout=120)


def ask_until(neovim: Neovim, text: str) -> None:
    """Leave and enter Insert mode at the end of the line until `text` is shown."""

    def shown() -> bool:
        if text not in neovim.screen.text():
            neovim.keys("<Esc>A")
            neovim.pump(0.5)
        return text in neovim.screen.text()

    neovim.wait(shown, f"{text!r} on screen", timeout=60)


def test_one_session(open_neovim: OpenNeovim, real_server: RealServer, team: str) -> None:
    """All in one: starting the server takes longer than everything else."""
    taught = real_server.taught
    neovim = open_neovim("shapes.py", server=str(real_server.path), **real_server.flags())
    ready(neovim)

    # Seen, and accepted by a word, by typing along, and whole.
    neovim.keys("2GA")
    neovim.wait_for_screen("    " + taught.base_says, timeout=60)
    assert neovim.buffer()[1] == "    "
    first, rest = taught.base_says.split(" ", 1)
    neovim.keys("<M-Right>")
    neovim.wait(lambda: neovim.buffer()[1] == "    " + first, "the first word")
    neovim.wait_for_screen("    " + taught.base_says)
    neovim.type(" " + rest[:2])
    neovim.wait_for_screen("    " + taught.base_says)
    neovim.pump(0.5)  # Neovim tells of letters a while after they are typed
    neovim.keys("<Tab>")
    neovim.wait(lambda: neovim.buffer()[1] == "    " + taught.base_says, "all of it")

    # The parts are counted as what they were: one suggestion, which was taken.
    def used() -> tuple[int, int, int]:
        row = real_server.used(team, None)
        return row.taken, row.by_word, row.accepted

    neovim.wait(lambda: used() == (1, 1, len(taught.base_says) - 3), f"counts, not {used()}")

    # A revision is published: it answers, and is named, without a restart.
    neovim.keys("<Esc>0C    ")
    revision = taught.publish(real_server.store, team)
    ask_until(neovim, taught.adapter_says)
    short = revision.name.rpartition("-")[2]
    neovim.wait(lambda: short in neovim.lua(STATUS), "the revision in the status")
    said = neovim.lua("return vim.fn.execute('Homespun status')")
    assert f"revision {revision.name}" in said
    assert len(real_server.pids()) == 1

    # The server is killed: it comes back and suggests.
    os.kill(real_server.pids()[-1], signal.SIGKILL)
    neovim.wait(lambda: len(real_server.pids()) == 2, "a second server")
    neovim.keys("<Esc>")
    ready(neovim)
    neovim.keys("0C    ")
    ask_until(neovim, taught.adapter_says)


@pytest.mark.usefixtures("team")
def test_a_better_base_is_got_stopped_gone_on_with_and_answers(
    open_neovim: OpenNeovim, offering: RealServer, hub: HubServer
) -> None:
    path, store = str(offering.path), str(offering.store.root)
    neovim = open_neovim("shapes.py", server=path, store=store, device="cpu")
    ready(neovim)
    neovim.command("Homespun models")
    neovim.wait(lambda: any("recommended" in line for line in neovim.buffer()), "the list")
    neovim.command("quit")

    neovim.command("Homespun models get")
    neovim.wait_for_screen("qwen2.5-coder-tiny, 0 of 0 MB; :Homespun models cancel stops it")
    neovim.command("Homespun models get")
    neovim.wait_for_screen("a base is coming already")
    neovim.command("Homespun models cancel")
    neovim.wait_for_screen("qwen2.5-coder-tiny is not here yet; :Homespun models get")
    assert hub.hangs is not None
    hub.hangs.set()
    neovim.command("Homespun models get qwen2.5-coder-tiny")
    neovim.wait_for_screen("qwen2.5-coder-tiny is here, and answers in a moment")
    asked = [file for file, _ in hub.asked]
    assert asked.count(asked[0]) == 1, "what had come is not fetched again"

    neovim.wait(lambda: "base qwen2.5-coder-tiny" in status(neovim), "the server to take it up")
    neovim.keys("2GA")
    neovim.wait_for_screen("    " + offering.taught.base_says, timeout=60)
    neovim.keys("<Esc>")

    # Another choice, and what cannot be got.
    neovim.command("Homespun models use starter")
    neovim.wait(lambda: "base starter" in status(neovim), "the server to take it up")
    neovim.command("Homespun models get gpt-9")
    neovim.wait_for_screen("homespun: there is no gpt-9 in the list")
    assert len(offering.pids()) == 1


def status(neovim: Neovim) -> str:
    return str(neovim.lua("return vim.fn.execute('Homespun status')"))


def test_this_repository_with_the_bundled_starter(
    open_neovim: OpenNeovim, real_server: RealServer, us: Clone
) -> None:
    """Nobody knows what the starter will say: the server was asked where it says something."""
    flags = real_server.flags_of("starter")
    neovim = open_neovim(str(us.places[0].path), server=str(real_server.path), **flags)
    ready(neovim)
    # The editor's server may know more or less of the repository, but not by that much.
    assert any(is_shown_and_accepted(neovim, place) for place in us.places[1:5])


def is_shown_and_accepted(neovim: Neovim, place: SurePlace) -> bool:
    """Type at the place and take what is shown; False where that cannot be told."""
    whole = place.lead + place.key + place.says
    neovim.command(f"edit {place.path}")
    neovim.wait(lambda: f"/{place.path.name}" in neovim.screen.text(), "the file on screen")
    if whole in neovim.buffer():  # somewhere else, and so maybe on the screen
        return False
    neovim.keys(f"{place.line + 1}G")
    neovim.keys(f"A{place.key}")
    shown = neovim.becomes(lambda: is_a_line_of(neovim, whole), 10)
    if shown:
        assert neovim.buffer()[place.line] == place.lead + place.key
        neovim.keys("<Tab>")
        neovim.wait(lambda: neovim.buffer()[place.line] == whole, f"{whole!r}")
    neovim.keys("<Esc>")
    neovim.command("write")
    assert place.path.read_text() == place.with_line(place.says if shown else "")
    return shown


def is_a_line_of(neovim: Neovim, whole: str) -> bool:
    """Whether a line on the screen is just that: others may begin so."""
    return whole in map(str.rstrip, neovim.screen.text().splitlines())


def test_a_teams_server_answers(
    open_neovim: OpenNeovim, real_server: RealServer, team: str
) -> None:
    del team
    there = load_base(str(real_server.taught.base))
    with remote_stand_in(there, text="return team_says") as stand_in:
        neovim = open_neovim(
            "shapes.py",
            server=str(real_server.path),
            remote=stand_in.url,
            remote_base=str(real_server.taught.base),
            **real_server.flags_of("starter"),
        )
        ready(neovim)
        neovim.keys("2GA")
        ask_until(neovim, "return team_says")
        neovim.keys("<Tab>")
        neovim.wait(lambda: neovim.buffer()[1] == "    return team_says", "all of it")
        neovim.keys("<Esc>:Homespun status<CR>")
        neovim.wait_for_screen(f"remote {stand_in.url}")
    os.kill(real_server.pids()[-1], signal.SIGKILL)  # a new one says anew what it serves
    neovim.wait(lambda: stand_in.url not in status(neovim), "the server to be forgotten")
