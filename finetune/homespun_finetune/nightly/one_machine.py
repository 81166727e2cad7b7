"""A night on this machine: one run after the other.

Also what a cluster's machine does with its one repository. Whatever becomes of it is a row; only an
interruption passes through.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO

from homespun_finetune import interruption
from homespun_finetune.errors import FinetuneError
from homespun_finetune.nightly import child, git_url
from homespun_finetune.nightly.clones import Clones
from homespun_finetune.nightly.row import Row
from homespun_finetune.nightly.task import RepositoryTask

PROGRAM = "homespun_finetune.cli"
_PROGRESS = re.compile(r"[\w ]+( …|: \d+% .*)")  # of a run's lines, those that say how far it is

Say = Callable[[str], None]


def run(
    tasks: Sequence[RepositoryTask], logs: Path, say: Say, program: str = PROGRAM
) -> Generator[Row]:
    """Each task's row as it ends; KeyboardInterrupt once nothing of it runs any more."""
    for number, task in enumerate(tasks, 1):
        interruption.check()
        say(f"{task.name}: {number} of {len(tasks)}, {task.minutes:g} minutes …")
        yield run_one(task, logs, say, program)
    interruption.check()  # the last one came to a result all the same


def run_one(task: RepositoryTask, logs: Path, say: Say, program: str = PROGRAM) -> Row:
    """One repository, with its log and its report in ``logs``. KeyboardInterrupt, unless it came to
    a result all the same: then ``interruption`` remembers."""
    begun = time.monotonic()
    try:
        # Unbuffered: what a full disk does not take must not come back when the file is closed.
        with (logs / task.log).open("wb", buffering=0) as log:
            return _run(task, logs, log, say, program)
    except FinetuneError as error:
        return Row.failed(task, str(error), _minutes_since(begun))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Row.failed(task, f"{where}{error.strerror or error}", _minutes_since(begun))


def _run(task: RepositoryTask, logs: Path, log: IO[bytes], say: Say, program: str) -> Row:
    is_url = git_url.is_url(task.path)
    repository = Clones.of_user(log).bring(task.path) if is_url else Path(task.path)
    begun = time.monotonic()

    def tell(line: str) -> None:
        if _PROGRESS.fullmatch(line):
            say(f"{task.name}: {line}")

    arguments = task.arguments(repository, (logs / task.report).absolute())
    ended = child.run(child.on_leash(program, *arguments), log, tell, seconds=task.seconds)
    if ended.interrupted and ended.code is None:
        raise KeyboardInterrupt
    return Row.of(task, ended, _minutes_since(begun))


def _minutes_since(begun: float) -> float:
    return (time.monotonic() - begun) / 60
