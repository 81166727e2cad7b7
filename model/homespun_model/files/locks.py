"""One process at a time: a lock on a file, given back by the system when its holder dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.05
HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}

if sys.platform == "win32":
    import msvcrt

    def _try(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class NoLocksError(OSError):
    """The disk knows no locks: a share of a network, often."""


def try_lock(path: Path, *, strict: bool = False) -> IO[bytes] | None:
    """The open file that holds the lock on ``path``, None if somebody else holds it.

    Closing the file gives the lock back. Holders of one path exclude each other inside one process
    as well. ``strict``: NoLocksError where that is why there is none.
    """
    file = path.open("ab")
    try:
        _try(file)
        if _still_there(file, path):
            return file
    except OSError as error:
        if strict and error.errno not in HELD:
            file.close()
            raise NoLocksError(error.errno, error.strerror) from error
    file.close()
    return None


def wait_for_lock(path: Path, *, seconds: float) -> IO[bytes]:
    """``try_lock`` until it gives one; TimeoutError if there is none within ``seconds``."""
    end = time.monotonic() + seconds
    while (file := try_lock(path)) is None:
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(POLL_SECONDS)
    return file


def _still_there(file: IO[bytes], path: Path) -> bool:
    """Whether the locked file is the one at ``path``: a cleaner may have removed it in between."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
