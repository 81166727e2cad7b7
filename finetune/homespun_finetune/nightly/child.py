"""A run as a process: on a leash, with a log, and never for longer than it was given.

What it says on standard error goes into its log, line by line as it comes; what it says on standard
output comes back. However this ends, nothing of the process is left. Knows no repository.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from homespun_finetune import interruption

GRACE = 20.0  # seconds to clean up once it is asked to end
MOST_SAID = 1 << 24  # bytes of standard output
MOST_LINE = 1 << 16
LOOK = 0.5  # seconds between two looks whether it has ended; an interruption waits as long

Tell = Callable[[str], None]


@dataclass(slots=True)
class Ended:
    """How a process did. ``code``: None where it was stopped for taking too long."""

    code: int | None = None
    said: bytes = b""
    last: str = ""
    """Its last line on standard error."""


@dataclass(slots=True)
class _Ears:
    """Threads that hear what a process says, which would wait otherwise."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    tell: Tell
    ended: Ended
    threads: list[threading.Thread] = field(default_factory=list)

    def listen(self) -> None:
        for hear in (self._errors, self._output):
            self.threads.append(threading.Thread(target=hear, daemon=True))
            self.threads[-1].start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(GRACE)

    def _errors(self) -> None:
        assert self.process.stderr is not None
        for line in iter(partial(self.process.stderr.readline, MOST_LINE), b""):
            with contextlib.suppress(OSError, ValueError):  # a full disk stops nobody here
                self.log.write(line)
                self.log.flush()
            if text := line.decode("utf-8", "replace").strip():
                self.ended.last = text
                self.tell(text)

    def _output(self) -> None:
        assert self.process.stdout is not None
        self.ended.said = self.process.stdout.read(MOST_SAID)
        while self.process.stdout.read(MOST_LINE):
            pass  # more than anybody reads


def on_leash(program: str, arguments: Sequence[str]) -> list[str]:
    """The command that runs a module so that it ends with whoever started it."""
    return [sys.executable, "-m", "homespun_finetune.nightly.leash", program, *arguments]


def run(
    command: Sequence[str], log: IO[bytes], tell: Tell, *, seconds: float, **changes: str
) -> Ended:
    """Run it to its end, or for so long; ``changes``: of the environment. OSError: it is not
    there.

    It is in a group of its own, so that all of it can be ended, and a Ctrl-C is passed on in order.
    """
    ended = Ended()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | changes,
        start_new_session=True,
    ) as process:
        ears = _Ears(process, log, tell, ended)
        ears.listen()
        try:
            ended.code = _wait(process, seconds)
        except KeyboardInterrupt:
            interruption.ignore()  # a second one would leave it running
            raise
        finally:
            _stop(process)
            ears.join()
    return ended


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Its exit code; None once it is late."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK)
    return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end where it has not, and be rid of what it left in any case."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
