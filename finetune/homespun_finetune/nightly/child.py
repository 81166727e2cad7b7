"""A run as a process: on a leash, with a log, and never for longer than it was given.

What it says on standard error goes into its log, line by line as it comes; what it says on standard
output comes back. However this ends, nothing of the process is left; one that comes to a result
although it was asked to end has come to it. Knows no repository.
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

from homespun_model.exit_codes import DONE, NOT_PUBLISHED

from homespun_finetune import interruption
from homespun_finetune.nightly import leash

GRACE = 180.0  # seconds to end once it is asked to: what it publishes by then is served
HEAR = 10.0  # seconds for its last words, which another that it left may hold up for ever
MOST_SAID = 1 << 24  # bytes of standard output
MOST_LINE = 1 << 16
LOOK = 0.5  # seconds between two looks whether it has ended; an interruption waits as long

Tell = Callable[[str], None]


@dataclass(slots=True)
class Ended:
    """How a process did. ``code``: None where it was stopped, and came to no result in spite."""

    code: int | None = None
    said: bytes = b""
    last: str = ""
    """Its last line on standard error."""
    interrupted: bool = False
    """Whether somebody wants the night to end, which is the caller's to raise."""


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
        """Until all is heard. A pipe that is still read from stays open: closing it would wait."""
        for thread, pipe in zip(
            self.threads, (self.process.stderr, self.process.stdout), strict=True
        ):
            thread.join(HEAR)
            if pipe is not None and not thread.is_alive():
                pipe.close()

    def _errors(self) -> None:
        assert self.process.stderr is not None
        for line in iter(partial(self.process.stderr.readline, MOST_LINE), b""):
            with contextlib.suppress(OSError, ValueError):  # a full disk stops nobody here
                self.log.write(line)
                self.log.flush()
            if text := line.decode("utf-8", "replace").strip():
                self.ended.last = text
                with contextlib.suppress(Exception):  # a pipe that nobody empties stops the process
                    self.tell(text)

    def _output(self) -> None:
        assert self.process.stdout is not None
        while part := os.read(self.process.stdout.fileno(), MOST_LINE):
            if len(self.ended.said) < MOST_SAID:  # more than anybody reads is heard and forgotten
                self.ended.said += part


def on_leash(program: str, *arguments: str) -> list[str]:
    """The command that runs a module so that it ends with whoever started it."""
    # -P: the folder we are in may be anybody's, and its modules are not ours.
    return [sys.executable, "-P", "-m", leash.__name__, program, *arguments]


def command_on_leash(command: Sequence[str]) -> list[str]:
    """The same of any command."""
    return on_leash(leash.COMMAND, *command)


def run(
    command: Sequence[str], log: IO[bytes], tell: Tell, *, seconds: float, **changes: str
) -> Ended:
    """Run it to its end, or for so long; ``changes``: of the environment. OSError: it is not
    there.

    It is in a group of its own, so that all of it can be ended, and a Ctrl-C is passed on in order:
    what was under way may still come to its end.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | changes,
        start_new_session=True,
    )
    ended = Ended()
    ears = _Ears(process, log, tell, ended)
    ears.listen()
    try:
        ended.code = _wait(process, seconds)
        _stop(process, ears)
    except KeyboardInterrupt:
        interruption.ignore()  # a second one would leave it running
        ended.interrupted = True
        _stop(process, ears)
    if ended.code is None and process.returncode in (DONE, NOT_PUBLISHED):
        ended.code = process.returncode
    return ended


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Its exit code; None once it is late."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        interruption.check()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK)
    return None


def _stop(process: subprocess.Popen[bytes], ears: _Ears) -> None:
    """Ask it to end where it has not, and be rid of what it left in any case."""
    assert process.stdin is not None
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # not even a signal, where it has ended
    process.wait()
    process.stdin.close()
    ears.join()
