"""The folder of a night's logs and reports: one night's at a time, with nothing of the one before.

Knows not what is written there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from homespun_model.files.locks import NoLocksError, try_lock

from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly.task import RepositoryTask

LOCK = "lock"


@contextlib.contextmanager
def claimed(folder: Path, tasks: Sequence[RepositoryTask]) -> Iterator[None]:
    """It is this night's alone, and holds nothing yet of these. RunUsageError where it cannot."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(_lock(folder))
            for task in tasks:
                for name in (task.log, task.report):
                    (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunUsageError(
                f"{error.filename or folder}: {error.strerror}: name another folder with --logs"
            ) from error
        yield


def _lock(folder: Path) -> AbstractContextManager[Any]:
    try:
        lock = try_lock(folder / LOCK, strict=True)
    except NoLocksError:  # some mounts
        return contextlib.nullcontext()
    if lock is None:
        raise RunUsageError(
            f"another night is writing to {folder}: wait for it, or name another folder with --logs"
        )
    return lock
