"""A program that dies with whoever started it: a module's name, or ``--`` and a command.

    python -P -m homespun_finetune.nightly.leash homespun_finetune.cli REPO …
    python -P -m homespun_finetune.nightly.leash -- git fetch …

Standard input is a pipe that only the starter holds. When that ends, however it did, so does the
pipe, and this process with all that it has started: nobody else may begin the same work beside it.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

COMMAND = "--"


def main() -> None:
    """Become the program, or wait for the command."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()
    del sys.argv[0]
    if sys.argv[0] == COMMAND:
        sys.exit(_follow(sys.argv[1:]))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _follow(command: Sequence[str]) -> int | str:
    """What it came to; it is told of what asks us to end, and tidies up."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        return f"fatal: {command[0]}: {error.strerror}"
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    return code if code >= 0 else 128 - code


def _watch() -> None:
    while os.read(0, 1 << 10):
        pass  # nobody writes
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
