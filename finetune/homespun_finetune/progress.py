"""What a run tells people while it works, on standard error.

A live bar in a terminal; elsewhere a line now and then, without control codes. Knows nothing of
what the stages do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from homespun_finetune import interruption

PLAIN_EVERY = 15.0  # seconds between lines where there is no terminal
SILENCE = 25.0  # seconds after which the last line is said again where there is none
PLAIN_WIDTH = 110  # columns where there is no terminal to ask


def console_for_people() -> Console:
    """Standard error; colours and bars in a terminal only."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


@dataclass
class Stage:
    """One stage of a run. ``done`` is a share between 0 and 1."""

    name: str
    console: Console
    bar: Progress | None = None
    spoken: float = field(default_factory=time.monotonic)
    begun: float = field(default_factory=time.monotonic)
    last: str = ""

    def update(self, done: float, note: str = "") -> None:
        """Tell how far the stage is, unless the run is to end; cheap enough for every step."""
        interruption.check()
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=min(1.0, done), note=note)
            return
        self.last = f"{100 * min(1.0, done):.0f}% {note}"
        if time.monotonic() - self.spoken >= PLAIN_EVERY:
            self._say(self.last)

    def tell(self, note: str) -> None:
        """Say what is done before there is a share of it."""
        interruption.check()
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], note=note)
        else:
            self.last = note
            self._say(note)

    def break_silence(self) -> None:
        """Say where it was last, if nothing was said for long: one step may take minutes."""
        now = time.monotonic()
        if now - self.spoken >= SILENCE:
            self._say(f"{self.last or 'working'} ({clock(now - self.begun)} so far)")

    def _say(self, line: str) -> None:
        self.spoken = time.monotonic()
        self.console.print(f"{self.name}: {line}", soft_wrap=True, markup=False)


class Turn:
    """A stage that a number of seconds is for, given away in parts."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self._stage = stage
        self._seconds = seconds
        self._begun = time.monotonic()

    def within(self, seconds: float) -> Callable[[], bool]:
        """Whether ``seconds`` from now are not over yet; to be asked often, for it tells people."""
        begun = time.monotonic()

        def in_time() -> bool:
            now = time.monotonic()
            spent = now - self._begun
            self._stage.update(
                spent / self._seconds, f"{clock(self._seconds - spent)} left at most"
            )
            return now - begun < seconds

        return in_time


class Reporter:
    """Announces stages one after the other."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, markup=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """A stage; what it came to is the caller's to say afterwards."""
        interruption.check()
        if not self.console.is_terminal:
            self.say(f"{name} …")
            stage = Stage(name, self.console)
            with _speaking(stage):
                yield stage
            return
        columns = (
            TextColumn("{task.description:<22}"),
            BarColumn(30),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=self.console, transient=True) as bar:
            bar.add_task(name, total=1.0, note="")
            yield Stage(name, self.console, bar)


@contextmanager
def _speaking(stage: Stage) -> Iterator[None]:
    """A thread that breaks the stage's silence: whoever reads a log must not take it for dead."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SILENCE / 10):
            stage.break_silence()

    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def clock(seconds: float) -> str:
    """``3:05``: minutes and seconds."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02}"
