"""How far a fetch is: a bar in a terminal, elsewhere a line now and then, or JSON for an editor.

People are told on standard error; JSON is one object a line on standard output. Knows nothing of
what is fetched.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from homespun_model.catalogue.fetch import Teller

PLAIN_EVERY = 3.0  # seconds between lines
JSON_EVERY = 0.5


@contextmanager
def teller(*, as_json: bool) -> Iterator[Teller]:
    """Who tells, for as long as a fetch takes."""
    if as_json:
        yield JsonTeller()
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield bar
    else:
        yield PlainTeller()


def emit(event: str, **about: Any) -> None:
    """One JSON object on standard output."""
    print(json.dumps({"event": event, **about}), flush=True)


class PlainTeller:
    """Lines without control codes."""

    def __init__(self) -> None:
        self._spoken = time.monotonic()

    def say(self, line: str) -> None:
        """The line."""
        print(line, file=sys.stderr, flush=True)

    def progress(self, done: int, total: int | None) -> None:
        """A line, if the last is a while ago."""
        if time.monotonic() - self._spoken >= PLAIN_EVERY:
            self._spoken = time.monotonic()
            self.say(_amount(done, total))


class JsonTeller:
    """``{"event": "message" or "progress", …}``."""

    def __init__(self) -> None:
        self._spoken = float("-inf")

    def say(self, line: str) -> None:
        """An object that holds the line."""
        emit("message", message=line)

    def progress(self, done: int, total: int | None) -> None:
        """How far it is: often, and when it is all here."""
        if done == total or time.monotonic() - self._spoken >= JSON_EVERY:
            self._spoken = time.monotonic()
            emit("progress", bytes=done, total=total)


@contextmanager
def _bar() -> Iterator[Teller]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, highlight=False)
    columns = (BarColumn(30), TextColumn("{task.fields[note]}", markup=False))

    class Bar:
        def say(self, line: str) -> None:
            console.print(line, soft_wrap=True, markup=False)

        def progress(self, done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, note=_amount(done, total))

    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, note="")
        yield Bar()


def _amount(done: int, total: int | None) -> str:
    if total is None:
        return f"{done / 1e6:,.0f} MB"
    return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB ({100 * done / max(1, total):.0f}%)"
