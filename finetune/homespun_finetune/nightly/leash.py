"""A program that dies with whoever started it: as a module's name and its arguments.

    python -m homespun_finetune.nightly.leash homespun_finetune.cli REPO …

Standard input is a pipe that only the starter holds. When that ends, however it did, so does the
pipe, and this process with all that it has started: nobody else may begin the same work beside it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Become the program."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _watch() -> None:
    while os.read(0, 1 << 10):
        pass  # nobody writes
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
