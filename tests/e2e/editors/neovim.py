"""A Neovim driven as its own user interface would: keys in, screen out.

Everything waits for a condition with a time-out; a condition that never comes fails with the screen
as it is. Knows nothing about Homespun.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pynvim

from .screen import Screen

COLUMNS, ROWS = 200, 16  # wide: a message on two lines makes Neovim wait for a key


class Neovim:
    """A clean Neovim in `folder`, with `init` as its init.lua; its state is kept beside it."""

    def __init__(self, binary: Path, folder: Path, init: str) -> None:
        home = folder.parent / f"{folder.name}.nvim"
        home.mkdir(exist_ok=True)
        init_file = home / "init.lua"
        init_file.write_text(init)
        self.screen = Screen(COLUMNS, ROWS)
        argv = [str(binary), "--embed", "--clean", "-n", "-u", str(init_file)]
        with _environment(home), _working_folder(folder):
            self._nvim = pynvim.attach("child", argv=argv)
        self._nvim.ui_attach(COLUMNS, ROWS, rgb=True, ext_linegrid=True)

    def keys(self, keys: str) -> None:
        """Type keys as in a mapping: "<Tab>", "<Esc>"."""
        self._nvim.input(keys)

    def type(self, text: str, pause: float = 0.02) -> None:
        """Type plain text, one key at a time, as a person does."""
        for character in text:
            self.keys({"<": "<lt>", "\n": "<CR>"}.get(character, character))
            self.pump(pause)

    def lua(self, code: str, *arguments: object) -> Any:
        self._not_blocked()
        return self._nvim.exec_lua(code, *arguments)

    def command(self, command: str) -> None:
        self._not_blocked()
        self._nvim.command(command)

    def buffer(self) -> list[str]:
        self._not_blocked()
        return list(self._nvim.current.buffer)

    def cursor(self) -> tuple[int, int]:
        """Line from 1 and byte column from 0."""
        self._not_blocked()
        line, column = self._nvim.current.window.cursor
        return line, column

    def pump(self, seconds: float = 0.03) -> None:
        """Let messages of Neovim arrive and be drawn."""
        timer = threading.Timer(seconds, lambda: self._nvim.async_call(self._nvim.stop_loop))
        timer.start()
        self._nvim.run_loop(None, self._on_notification)
        timer.join()

    def becomes(self, condition: Callable[[], object], timeout: float) -> bool:
        """Whether the condition holds before the time is out."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            self.pump()
        return True

    def wait(self, condition: Callable[[], object], what: str, timeout: float = 20) -> None:
        """Until `condition()` holds; an AssertionError that shows the screen if it never does."""
        if not self.becomes(condition, timeout):
            raise AssertionError(
                f"not within {timeout:g} s: {what}\n{self.buffer()}\n{self.screen.text()}"
            )

    def wait_for_screen(self, *texts: str, timeout: float = 20) -> None:
        """Until each text stands on the screen."""
        self.wait(
            lambda: all(text in self.screen.text() for text in texts), f"{texts} on screen", timeout
        )

    def wait_for_buffer(self, lines: Sequence[str]) -> None:
        self.wait(lambda: self.buffer() == list(lines), f"the buffer to hold {list(lines)}")

    def quiet(self, seconds: float, condition: Callable[[], object], what: str) -> None:
        """`condition` holds all along: how to see an absence, which sends no event."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert condition(), f"{what}\n{self.screen.text()}"
            self.pump()

    def close(self) -> None:
        try:
            self._nvim.command("qall!", async_=True)
            self.pump(0.2)
            self._nvim.close()
        except (OSError, EOFError):
            pass  # it has gone already

    def _not_blocked(self) -> None:
        """Neovim answers nothing while it waits for a key, and a test would wait with it."""
        for _ in range(50):
            if not self._nvim.api.get_mode()["blocking"]:
                return
            self.pump()
        raise AssertionError(f"Neovim waits for a key:\n{self.screen.text()}")

    def _on_notification(self, name: str, arguments: Sequence[Any]) -> None:
        if name == "redraw":
            self.screen.draw(arguments)


class _working_folder:
    """The child inherits the folder that is current when it starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._before = Path.cwd()
        os.chdir(self._folder)

    def __exit__(self, *_: object) -> None:
        os.chdir(self._before)


class _environment:
    """The child inherits the variables set when it starts: nothing of the user's own Neovim."""

    def __init__(self, home: Path) -> None:
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        self._set = {name: str(home / name.lower()) for name in names}
        self._set["NVIM_LOG_FILE"] = str(home / "nvim.log")

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._set}
        os.environ.update(self._set)

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
