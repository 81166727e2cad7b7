"""A language client made of bytes: what a real editor sends, and what none should.

Deliberately not built on an LSP library, which would refuse to send anything malformed.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

TIMEOUT = 60.0  # far above what anything takes; a test that waits this long has failed


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


class Client:
    """One server process, spoken to over its pipes."""

    def __init__(self, *arguments: str, cwd: Path, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "homespun_server.cli", "serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
        )
        self.answers: dict[Any, dict[str, Any]] = {}
        self.order: list[Any] = []
        self.notifications: list[dict[str, Any]] = []
        self.stderr = ""
        self._next_id = 0
        self._came: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_stderr, daemon=True).start()

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Any) -> None:
        self.send_raw(framed(json.dumps(message).encode()))

    def notify(self, method: str, params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any) -> int:
        """Send a request; its id."""
        self._next_id += 1
        self.send({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        return self._next_id

    def answer(self, msg_id: Any, timeout: float = TIMEOUT) -> dict[str, Any]:
        """The whole answer to a request, result or error."""
        self._until(lambda: msg_id in self.answers, timeout, f"no answer to {msg_id}")
        return self.answers[msg_id]

    def ask(self, method: str, params: Any) -> Any:
        """A request and its result."""
        answer = self.answer(self.request(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def notified(self, method: str, text: str = "", timeout: float = TIMEOUT) -> dict[str, Any]:
        """The first notification of a method whose parameters hold ``text``."""

        def found() -> dict[str, Any] | None:
            return next(
                (
                    note["params"]
                    for note in list(self.notifications)
                    if note["method"] == method and text in json.dumps(note["params"])
                ),
                None,
            )

        self._until(lambda: found() is not None, timeout, f"no {method} with {text!r}")
        params = found()
        assert params is not None
        return params

    def initialize(self, encodings: list[str] | None = None, options: Any = None) -> Any:
        """The handshake; the server's capabilities."""
        capabilities = {"general": {"positionEncodings": encodings}} if encodings else {}
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": capabilities,
            "initializationOptions": options,
        }
        result = self.ask("initialize", params)
        self.notify("initialized", {})
        return result["capabilities"]

    def open(self, uri: str, text: str, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": uri, "version": version}
        self.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)}
        )

    def request_inline(self, uri: str, line: int, character: int, **more: Any) -> int:
        """Ask for inline completions; the request's id."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 2},
        }
        return self.request("textDocument/inlineCompletion", params | more)

    def inline(self, uri: str, line: int, character: int, **more: Any) -> list[dict[str, Any]]:
        """The items at a position."""
        answer = self.answer(self.request_inline(uri, line, character, **more))
        assert "error" not in answer, answer
        items: list[dict[str, Any]] = answer["result"]["items"]
        return items

    def until_logged(self, text: str, timeout: float = TIMEOUT) -> None:
        """Wait for a line on standard error."""
        self._until(lambda: text in self.stderr, timeout, f"{text!r} was not logged")

    def quit(self) -> int:
        """Shut down as the specification says; the exit code."""
        self.ask("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(TIMEOUT)

    def kill(self) -> None:
        """End the process if it is still there."""
        self.process.kill()
        self.process.wait(TIMEOUT)

    def _until(self, done: Any, timeout: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, f"{complaint}; standard error:\n{self.stderr[-3000:]}"
            try:
                self._came.get(timeout=min(left, 0.2))
            except queue.Empty:
                continue

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            if not header.lower().startswith(b"content-length:"):
                continue
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self._sort(json.loads(stream.read(length)))
            self._came.put(None)

    def _sort(self, message: dict[str, Any]) -> None:
        if "method" in message and "id" in message:
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        elif "method" in message:
            self.notifications.append(message)
        else:
            assert message["id"] is None or message["id"] not in self.answers, "answered twice"
            self.answers[message["id"]] = message
            self.order.append(message["id"])

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr += line.decode(errors="replace")
            self._came.put(None)
