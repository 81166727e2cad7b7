"""A checkpoint that travels: kept at the store's URL too, so that another machine goes on from it.

A thread looks whether there is a new one and puts it there; the training neither waits nor knows.
What is fetched is taken only where it is a checkpoint and further than what is here.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from homespun_model.errors import StoreError
from homespun_model.sharing.unfinished_runs import UnfinishedRuns

from homespun_finetune import checkpoint

LOOK = 1.0  # seconds between two looks at the file
REST = 9.0  # times as long as putting it took: a slow line carries it a tenth of the time
LAST = 60.0  # seconds that a run waits at its end for what is under way


class SharedCheckpoint:
    """Of the run with ``key``. ``say`` tells people; it is called from the thread too."""

    def __init__(self, runs: UnfinishedRuns, key: str, say: Callable[[str], None]) -> None:
        self._runs, self._key, self._say = runs, key, say
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = False

    def begin(self, folder: Path) -> None:
        """Bring what another machine has done into ``folder``, and keep what is done there."""
        self._try(lambda: self._fetch(folder))
        self._try(lambda: self._runs.remove_others(self._key))
        file = folder / checkpoint.FILE
        follow = threading.Thread(
            target=self._follow, args=(file, _written(file)), name="checkpoint", daemon=True
        )
        self._thread = follow
        follow.start()

    def finish(self) -> None:
        """Nothing of it is needed again."""
        if self._thread is None:
            return
        self._ended.set()
        self._thread.join(LAST)
        if not self._thread.is_alive():
            self._try(lambda: self._runs.remove(self._key))

    def _fetch(self, folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder, prefix="coming-") as coming:
            file = Path(coming) / checkpoint.FILE
            if not self._runs.fetch(self._key, file):
                return
            there, here = _sound(Path(coming)), _sound(folder)
            if there is None:
                raise StoreError("what is kept there of this run is no checkpoint of homespun's")
            if here is None or here.step < there.step:
                file.replace(folder / checkpoint.FILE)

    def _follow(self, file: Path, put: int) -> None:
        """``put``: when what is there was written."""
        pause = LOOK
        while not self._ended.wait(pause):
            if (now := _written(file)) in (put, 0):
                continue
            begun = time.monotonic()
            self._try(lambda: self._put(file))
            put, pause = now, max(LOOK, REST * (time.monotonic() - begun))

    def _put(self, file: Path) -> None:
        """By way of a copy: the next one may take its place meanwhile."""
        with tempfile.TemporaryDirectory(dir=file.parent, prefix="going-") as going:
            copy = Path(going) / file.name
            shutil.copyfile(file, copy)
            self._runs.put(self._key, copy)

    def _try(self, do: Callable[[], None]) -> None:
        """What fails is said once and stops nothing: the run is good without."""
        try:
            do()
        except (StoreError, OSError) as error:
            if not self._failed:
                self._say(f"what is done so far does not travel: {error}")
            self._failed = True


def _sound(folder: Path) -> checkpoint.Checkpoint | None:
    """The checkpoint in ``folder``; None for whatever else a file may be, however that shows."""
    try:
        found = checkpoint.read(folder)
        return found if found is not None and found.is_sound() else None
    except Exception:
        return None


def _written(file: Path) -> int:
    """When a file was; 0 where there is none."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
