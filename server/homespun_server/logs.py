"""The server's own log: bounded in size, and never holding code.

An exception's text can quote the document it tripped over, so failures are logged as their kind and
where in our code they happened, nothing more.
"""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

from homespun_server.errors import CommandUsageError

MAX_BYTES = 1 << 20
KEPT = 3
FORMAT = "%(asctime)s %(levelname)s %(message)s"


def start_logging(file: Path | None, *, debug: bool = False) -> None:
    """Log to standard error, which editors collect, or to ``file``. CommandUsageError if not."""
    handler: logging.Handler = logging.StreamHandler() if file is None else _rotating(file)
    handler.setFormatter(logging.Formatter(FORMAT))
    ours = logging.getLogger("homespun_server")
    ours.setLevel(logging.DEBUG if debug else logging.INFO)
    ours.handlers[:] = [handler]
    ours.propagate = False


def failure(error: BaseException) -> str:
    """``error`` for a log: its kind and its frames."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {where}" if where else type(error).__name__


def _rotating(file: Path) -> RotatingFileHandler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(
            file, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise CommandUsageError(f"the log {file} cannot be written: {error.strerror}") from error
