"""The Neovim plugin in files of every kind, with a stub for the server."""

import subprocess
from pathlib import Path

from .conftest import OpenNeovim, Stub
from .neovim import Neovim
from .stub_server import STORY
from .test_neovim import ready


def accept_story(neovim: Neovim, first: str = "o", typed: str = "def ad") -> None:
    """Open a line with the Normal mode command `first`, type, and take what is shown."""
    neovim.keys(first)
    neovim.type(typed)
    neovim.wait_for_screen(*STORY)
    neovim.keys("<Tab>")
    neovim.wait(lambda: STORY[2] in neovim.buffer(), "the story in the buffer")
    neovim.keys("<Esc>")


def test_line_ends_of_windows_stay(open_neovim: OpenNeovim, stub: Stub, folder: Path) -> None:
    (folder / "dos.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    neovim = open_neovim("dos.py", server=str(stub.path))
    ready(neovim)
    accept_story(neovim)
    neovim.command("write")
    assert (folder / "dos.py").read_bytes() == "\r\n".join(["x = 1", *STORY, "y = 2", ""]).encode()


def test_a_new_file_another_name_and_a_file_outside_any_repository(
    open_neovim: OpenNeovim, stub: Stub, folder: Path, tmp_path: Path
) -> None:
    neovim = open_neovim("not_there_yet.py", server=str(stub.path))
    ready(neovim)
    accept_story(neovim, "i")
    neovim.command("write | saveas renamed.py")
    accept_story(neovim, "ggdGi")
    assert (folder / "renamed.py").exists()
    (tmp_path / "loose.py").write_text("x = 1\n")
    neovim.command(f"edit! {tmp_path / 'loose.py'}")
    accept_story(neovim)
    assert len(stub.events("initialized")) == 1, "one server for all of it"


def test_two_repositories_in_two_tabs(open_neovim: OpenNeovim, stub: Stub, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    (other / "b.py").write_text("")
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    accept_story(neovim, "i")
    neovim.command(f"tabedit {other / 'b.py'}")
    accept_story(neovim, "i")
    neovim.command("tabprevious")
    neovim.wait(lambda: neovim.lua("return vim.fn.expand('%:t')") == "a.py", "the first file")
    accept_story(neovim, "ggdGi")
    assert len(stub.events("initialized")) == 1, "one server for both"


def test_a_bracket_closed_by_a_plugin_is_not_there_twice(
    open_neovim: OpenNeovim, stub: Stub
) -> None:
    neovim = open_neovim(server=str(stub.path))
    ready(neovim)
    neovim.command("inoremap ( ()<Left>")
    neovim.keys("i")
    neovim.type("def add(")
    neovim.wait_for_screen(*STORY)
    assert neovim.buffer() == ["def add()"]
    neovim.keys("<Tab>")
    neovim.wait_for_buffer(STORY)
