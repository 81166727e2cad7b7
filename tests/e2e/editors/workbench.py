"""VS Code's workbench, served by code-server on loopback and driven in headless Chromium.

A condition is waited for with a time-out and fails with a screenshot. Knows nothing about Homespun.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .obtain import Workbench as Parts

GHOST = '[class*="ghost-text"]'
SETTINGS = {
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "editor.inlineSuggest.enabled": True,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.autoClosingBrackets": "always",
    "chat.disableAIFeatures": True,
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "update.mode": "none",
    # What the editor holds is then what the disk holds, without the ghost text.
    "files.autoSave": "afterDelay",
    "files.autoSaveDelay": 100,
}
NO_GALLERY = '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":""}'


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Workbench:
    """One window on `folder`; `home` keeps everything VS Code writes, `shots` the screenshots."""

    def __init__(self, parts: Parts, folder: Path, home: Path, shots: Path) -> None:
        self._parts, self._folder, self._home, self._shots = parts, folder, home, shots
        self._port = free_port()
        self._processes: list[subprocess.Popen[str]] = []

    def install(self, extension: Path) -> None:
        subprocess.run(
            [*self._code_server(), "--install-extension", str(extension)],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            timeout=120,
            check=True,
        )

    def start(
        self, settings: dict[str, object], *, trust: bool = False, workspace: Path | None = None
    ) -> None:
        """Serve the folder, or a `workspace` file; `trust` keeps workspace trust on, and asks
        nothing."""
        known = {"security.workspace.trust.enabled": trust}
        known |= {"security.workspace.trust.startupPrompt": "never"} if trust else {}
        for name in ("User", "Machine"):
            file = self._home / "data" / name / "settings.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(SETTINGS | known | settings))
        address = f"127.0.0.1:{self._port}"
        self._serve("--bind-addr", address, "--auth", "none", str(self._folder))
        self._wait_for_port()
        parts = self._parts
        script = Path(__file__).with_name("workbench.mjs")
        what = f"folder={self._folder}" if workspace is None else f"workspace={workspace}"
        url = f"http://{address}/?{what}"
        self._browser = subprocess.Popen(
            [parts.node, script, parts.modules, parts.chromium, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes.append(self._browser)

    def do(self, name: str, /, **options: object) -> Any:
        """One command of workbench.mjs; what it answers."""
        assert self._browser.stdin and self._browser.stdout
        self._browser.stdin.write(json.dumps({"do": name, **options}) + "\n")
        self._browser.stdin.flush()
        line = self._browser.stdout.readline()
        assert line, "the browser has gone"
        answer = json.loads(line)
        if "error" in answer:
            self.screenshot("failed")
            raise AssertionError(f"{name} {options}: {answer['error']}")
        return answer["value"]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.do("press", key=key)

    def ghost(self) -> str:
        """All ghost text on the screen, its lines joined."""
        return str(self.do("pieces", selector=GHOST))

    def status(self) -> str:
        """What a screen reader would say of Homespun's item in the status bar."""
        item = '.statusbar-item[id*="homespun.status"]'
        return " ".join(self.do("labels", selector=f"{item} [aria-label]"))

    def becomes(self, condition: Callable[[], object], timeout: float) -> bool:
        """Whether the condition holds before the time is out."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def wait(self, condition: Callable[[], object], what: str, timeout: float = 60) -> None:
        if not self.becomes(condition, timeout):
            self.screenshot("failed")
            shot = self._shots / "failed.png"
            raise AssertionError(f"not within {timeout:g} s: {what}; see {shot}")

    def wait_for_ghost(self, *texts: str) -> None:
        self.wait(
            lambda: all(text in self.ghost() for text in texts),
            f"ghost {texts}, not {self.ghost()}",
        )

    def wait_for_file(self, name: str, text: str) -> None:
        file = self._folder / name
        try:
            self.wait(lambda: file.read_bytes() == text.encode(), f"{name} to hold {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it holds {file.read_bytes()!r}") from None

    def screenshot(self, name: str) -> None:
        self._browser_alive() and self.do("screenshot", file=str(self._shots / f"{name}.png"))

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.stdin:
                process.stdin.close()
            else:
                process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def _browser_alive(self) -> bool:
        return self._browser.poll() is None

    def _code_server(self) -> list[str]:
        home = self._home
        folders = ["--user-data-dir", f"{home}/data", "--extensions-dir", f"{home}/extensions"]
        quiet = ["--disable-telemetry", "--disable-update-check", "--config", f"{home}/config.yaml"]
        (home / "config.yaml").touch()
        return [str(self._parts.node), str(self._parts.code_server), *folders, *quiet]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "EXTENSIONS_GALLERY": NO_GALLERY, "HOME": str(self._home)}

    def _serve(self, *arguments: str) -> None:
        with (self._home / "code-server.log").open("w") as log:
            self._processes.append(
                subprocess.Popen(
                    [*self._code_server(), *arguments],
                    env=self._environment(),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )

    def _wait_for_port(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self._home / "code-server.log").read_text())
