"""The Neovim plugin, driven through the screen, with a stub for the server.

The stub's text is known beforehand, so what each key must do is known too.
"""

import os
import signal

from .conftest import OpenNeovim, Stub
from .neovim import Neovim
from .stub_server import STORY


def ready(neovim: Neovim) -> None:
    """The server has answered: from here on keys may ask for suggestions."""
    neovim.wait(
        lambda: "ready" in neovim.lua("return require('homespun').status()"), "a ready server"
    )


def show_ghost(neovim: Neovim, typed: str = "def ad") -> None:
    neovim.keys("i")
    neovim.type(typed)
    neovim.wait_for_screen(*STORY)
    assert neovim.buffer() == [typed], "ghost text is on the screen and not in the buffer"


def test_ghost_text_is_seen_and_accepted(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    show_ghost(neovim)
    neovim.keys("<Tab>")
    neovim.wait_for_buffer(STORY)
    assert neovim.cursor() == (3, len(STORY[2]))
    neovim.wait(lambda: stub.events("accepted"), "the server to be told")
    neovim.keys("<Esc>u")
    neovim.wait_for_buffer(["def ad"])


def test_words_and_lines(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    show_ghost(neovim)
    for taken in ("def add", "def add(", "def add(first"):
        neovim.wait_for_screen(*STORY)
        neovim.keys("<M-Right>")
        neovim.wait_for_buffer([taken])
    for lines in (STORY[:1], STORY[:2], STORY):
        neovim.wait_for_screen(*STORY)
        neovim.keys("<M-Down>")
        neovim.wait_for_buffer(lines)


def test_typing_on_and_accepting_at_once_leaves_no_stray_text(
    open_neovim: OpenNeovim, stub: Stub
) -> None:
    """Neovim 0.12's own accept puts the text in front of the letters typed within its debounce."""
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    show_ghost(neovim)
    neovim.keys("d(<Tab>")
    neovim.wait_for_buffer(STORY)


def test_typing_another_way_takes_the_suggestion_back(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    show_ghost(neovim)
    neovim.command("setlocal noexpandtab")
    neovim.keys("x<Tab>")
    neovim.wait_for_buffer(["def adx\t"])
    neovim.wait(lambda: STORY[1] not in neovim.screen.text(), "the ghost text to go")


def test_a_late_answer_is_not_shown_at_another_place(
    open_neovim: OpenNeovim, slow_stub: Stub
) -> None:
    neovim = open_neovim(server=str(slow_stub.path))
    ready(neovim)
    neovim.keys("i")
    neovim.type("def ad")
    neovim.wait(lambda: slow_stub.events("asked"), "a request")
    neovim.type("\n# unrelated")
    neovim.quiet(1.2, lambda: STORY[1] not in neovim.screen.text(), "a late answer was shown")


def test_tab_without_a_suggestion_is_a_tab(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    neovim.command("setlocal noexpandtab")
    neovim.keys("ix<Tab>y")
    neovim.wait_for_buffer(["x\ty"])


def test_dismiss_and_toggle(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    show_ghost(neovim)
    neovim.keys("<C-]>")
    neovim.wait(lambda: STORY[1] not in neovim.screen.text(), "the ghost text to go")
    neovim.keys("<Esc>")
    neovim.command("Homespun toggle")
    assert neovim.lua("return require('homespun').status()") == "homespun off"
    asked = len(stub.events("asked"))
    neovim.keys("cc")
    neovim.type("def add(")
    neovim.quiet(0.8, lambda: STORY[1] not in neovim.screen.text(), "shown although off")
    assert len(stub.events("asked")) == asked
    neovim.keys("<Esc>")
    neovim.command("Homespun toggle")
    neovim.keys("cc")
    neovim.type("def add(")
    neovim.wait_for_screen(*STORY)


def test_a_server_that_dies_comes_back(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    show_ghost(neovim)
    os.kill(stub.events("initialized")[-1]["pid"], signal.SIGKILL)
    neovim.wait(lambda: len(stub.events("initialized")) == 2, "a second server")
    ready(neovim)
    neovim.keys("<Esc>cc")
    neovim.type("def add(")
    neovim.wait_for_screen(*STORY)
    neovim.keys("<Tab>")
    neovim.wait_for_buffer(STORY)


def test_settings_become_flags(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path), base="starter", store="/s", device="cpu")
    ready(neovim)
    [started] = stub.events("initialized")
    arguments = " ".join(started["arguments"])
    assert arguments.startswith("serve --base starter --store /s --device cpu --log ")


def test_a_server_that_is_not_there_is_said_once(open_neovim: OpenNeovim) -> None:
    neovim = open_neovim(server="/nowhere/homespun")
    neovim.wait_for_screen("names /nowhere/homespun, which cannot be run")
    neovim.keys("ix")
    neovim.wait_for_buffer(["x"])
    assert "error" in neovim.lua("return require('homespun').status()")


def test_wrong_options_are_said_in_one_line(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path), basis="x", debounce="soon")
    neovim.wait_for_screen(
        'option "debounce" must be a number, not a string; unknown option "basis"'
    )
    ready(neovim)


def test_words_are_completed_and_unknown_ones_said(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path), base="mine")

    def completed(line: str) -> list[str]:
        return list(neovim.lua("return vim.fn.getcompletion(..., 'cmdline')", line))

    assert completed("Homespun mo") == ["models"]
    assert completed("silent Homespun to") == ["toggle"]
    assert completed("Homespun models ") == ["cancel", "get", "list", "use"]
    assert completed("Homespun models get ") == []
    neovim.keys(":Homespun models fetch<CR>")
    neovim.wait_for_screen('no "models fetch" here; use one of cancel, get, list, use')
    neovim.keys(":Homespun models use<CR>")
    neovim.wait_for_screen("use which? See :Homespun models")
    neovim.command("Homespun models cancel")
    neovim.wait_for_screen("no base is coming")
    neovim.command("Homespun models use other")
    neovim.wait_for_screen('the option "base" names another: mine')
    neovim.command("Homespun models")
    neovim.wait_for_buffer(["stub models list"])


def test_doctor_health_and_help(open_neovim: OpenNeovim, stub: Stub) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    neovim.command("Homespun doctor")
    neovim.wait(lambda: "stub doctor" in neovim.buffer()[0], "the doctor's words")
    assert neovim.buffer()[0].endswith("a.py:1:1")
    neovim.command("checkhealth homespun")
    neovim.wait(lambda: any("adapter r0007" in line for line in neovim.buffer()), "a health report")
    assert not [line for line in neovim.buffer() if "ERROR" in line or "WARNING" in line]
