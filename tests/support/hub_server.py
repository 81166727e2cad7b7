"""A real HTTP server on this machine that stands in for the hub, and for any other address.

It serves a few files, with ranges as real ones do, and can be told to misbehave.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c0ffee" + "0" * 34


@dataclass
class HubServer:
    """What it serves, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By path."""
    breaks_after: int | None = None
    """Bytes of a body after which the connection is cut."""
    breaks: int = 0
    """How often."""
    more: int = 0
    """Bytes that Content-Length says too many."""
    without_length: bool = False
    etag: str | None = None
    redirects: dict[str, str] = field(default_factory=dict)
    hangs: threading.Event | None = None
    """Set when an answer may go on."""
    at_once: int = 0
    """Requests that are answered before one hangs."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_file(self, repository: str, revision: str, name: str, data: bytes) -> None:
        self.files[f"/{repository}/resolve/{revision}/{name}"] = data

    def add_folder(self, repository: str, folder: Path, revision: str = "main") -> None:
        """A repository with all files of a folder, and what the hub's API states of it."""
        siblings = []
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            self.add_file(repository, COMMIT, path.name, data)
            siblings.append(_stated(path.name, data))
        about = {"id": repository, "sha": COMMIT, "siblings": siblings}
        at = f"/api/models/{repository}" + ("" if revision == "main" else f"/revision/{revision}")
        self.files[at] = json.dumps(about).encode()

    def ranges(self) -> list[str]:
        """What was asked for of a file, where that was not all of it."""
        return [headers["range"] for _, headers in self.asked if "range" in headers]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client may go at any time."""


@contextmanager
def serving(**how: Any) -> Iterator[HubServer]:
    """A server, for as long as a test takes."""
    about = HubServer(**how)
    server = _Server(("127.0.0.1", 0), _handler(about))
    server.daemon_threads = True
    about.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield about
    finally:
        if about.hangs is not None:
            about.hangs.set()
        server.shutdown()
        server.server_close()


def _stated(name: str, data: bytes) -> dict[str, Any]:
    """Large files are known by the hash of their contents, others by git's."""
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    stated: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git}
    if name.endswith(".safetensors"):
        sha256 = hashlib.sha256(data).hexdigest()
        stated["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 130}
    return stated


def _handler(about: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            about.asked.append((path, {k.lower(): v for k, v in self.headers.items()}))
            if about.hangs is not None and len(about.asked) > about.at_once:
                about.hangs.wait(60)
            if path in about.redirects:
                self._redirect(about.redirects[path])
            elif path in about.files:
                self._answer(about.files[path])
            else:
                self.send_error(404)

        def _redirect(self, target: str) -> None:
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _answer(self, data: bytes) -> None:
            at = self._range(len(data))
            self.send_response(206 if at else 200)
            if at:
                self.send_header("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")
            if about.etag is not None:
                self.send_header("ETag", about.etag)
            if about.without_length:
                self.close_connection = True
            else:
                self.send_header("Content-Length", str(len(data) - at + about.more))
            self.end_headers()
            self._send(data[at:])

        def _range(self, size: int) -> int:
            asked = self.headers.get("Range", "")
            if "If-Range" in self.headers and self.headers["If-Range"] != about.etag:
                return 0
            at = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            return at if at < size else 0

        def _send(self, rest: bytes) -> None:
            if about.more:
                self.close_connection = True
            if about.breaks and about.breaks_after is not None:
                about.breaks -= 1
                rest, self.close_connection = rest[: about.breaks_after], True
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
