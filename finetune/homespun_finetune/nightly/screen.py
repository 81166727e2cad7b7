"""What people see of a night while it lasts, on standard error.

A full disk behind it, or a pipe that nobody reads any more, stops nothing: a night goes on unseen.
"""

from __future__ import annotations

import contextlib
from typing import Any

from rich.console import Console

from homespun_finetune.nightly.table import Night


class Screen:
    """Lines, and a table in the end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """One line, as it is."""
        self._put(line, soft_wrap=True, markup=False)

    def show(self, night: Night) -> None:
        """Its table."""
        self._put(night.table())

    def _put(self, what: Any, **how: Any) -> None:
        with contextlib.suppress(OSError, SystemExit):  # rich ends a program whose pipe is closed
            self._console.print(what, **how)
