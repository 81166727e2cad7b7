"""Counts in OpenMetrics' text form on a port of this machine, for whoever collects them so.

https://prometheus.io/docs/specs/om/open_metrics_spec/. Read from the user's file at each request;
nothing leaves this machine by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from homespun_model.usage.database import reading
from homespun_model.usage.summary import Grouped, Row, named, rows

from homespun_server.errors import ServerError

BY = ("repository", "language", "base", "revision")
KIND = "application/openmetrics-text; version=1.0.0; charset=utf-8"
COUNTERS: Mapping[str, tuple[str, str]] = {
    "asked": ("homespun_requests", "Requests of editors"),
    "answered": ("homespun_answers", "Answers that came in time"),
    "seen": ("homespun_suggestions_seen", "Suggestions that somebody saw"),
    "taken": ("homespun_suggestions_taken", "Suggestions of which some was accepted"),
    "accepted": ("homespun_characters_accepted", "Characters that were accepted"),
    "saved": ("homespun_keystrokes_saved", "Accepted characters, less one key a suggestion"),
}
"""Of a row's field the metric and what it is."""


def metrics(file: Path) -> str:
    """All counts so far. sqlite3.Error."""
    with reading(file) as connection:
        found = rows(connection, "", BY) if connection is not None else {}
    return "".join(f"{line}\n" for line in _lines(found))


def listening(file: Path, port: int) -> ThreadingHTTPServer:
    """Ready to serve on loopback; port 0 takes any. ServerError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                body = metrics(file).encode()
            except sqlite3.Error:
                self.send_error(503, "the counts cannot be read just now")
                return
            self.send_response(200)
            self.send_header("Content-Type", KIND)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise ServerError(f"port {port} cannot be used: {error.strerror or error}") from error


def _lines(found: Mapping[Grouped, Row]) -> Iterator[str]:
    for field, (name, about) in COUNTERS.items():
        yield f"# TYPE {name} counter"
        yield f"# HELP {name} {about}."
        for key, row in found.items():
            yield f"{name}_total{{{_labels(key)}}} {getattr(row, field)}"
    name = "homespun_answer_seconds"
    yield f"# TYPE {name} gauge"
    yield f"# UNIT {name} seconds"
    yield f"# HELP {name} From a request to its answer."
    for key, row in found.items():
        for share in (0.5, 0.95):
            if (latency := row.latency(share)) is not None:
                yield f'{name}{{{_labels(key)},quantile="{share}"}} {latency / 1e3:.4g}'
    yield "# EOF"


def _labels(key: Grouped) -> str:
    return ",".join(f'{name}="{_escaped(value or "")}"' for name, value in named(key, BY).items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
