"""Where a run keeps what it has done, beside the store's staging: found again after a kill.

    <repository>/unfinished/<key>/       what the run wrote, and its lock beside it

The key says all that decides a run's result. A folder holds one unfinished run: what was left by
others that nobody works on any more goes when another begins. Knows nothing of what is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from homespun_model.files.locks import try_lock

if TYPE_CHECKING:  # it loads torch, and whoever only wants a key does not
    from homespun_finetune.shared_checkpoint import SharedCheckpoint

FOLDER = "unfinished"


def key_of(deciding: dict[str, Any]) -> str:
    """The key of a run that all this, which is JSON, decides."""
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:32]


class ResumableRun:
    """``path`` is None where another process is at the same run: this one keeps nothing then.

    ``shared``: where else it is kept, for other machines.
    """

    def __init__(self, folder: Path, key: str, shared: SharedCheckpoint | None = None) -> None:
        self.path: Path | None = None
        self._lock: IO[bytes] | None = None
        self._shared = shared
        with contextlib.suppress(OSError):  # a store that takes nothing more says so elsewhere
            _clear(folder / FOLDER, but=key)
            folder = folder / FOLDER / key
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = try_lock(folder.with_suffix(".lock"))
            self.path = folder if self._lock else None
        if self.path is not None and shared is not None:
            shared.begin(self.path)

    def finish(self) -> None:
        """It has come to an end: nothing of it is needed again."""
        if self.path is None or self._lock is None:
            return
        if self._shared is not None:
            self._shared.finish()
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()
        with contextlib.suppress(OSError):  # rmdir refuses a folder that holds another run
            self.path.parent.rmdir()
        self.path = self._lock = None


def _clear(folder: Path, *, but: str) -> None:
    """Delete the other runs, unless a living process holds their lock."""
    for entry in list(folder.iterdir()) if folder.is_dir() else ():
        run = entry.with_suffix("")
        if run.name == but or (lock := try_lock(run.with_suffix(".lock"))) is None:
            continue
        with lock:
            shutil.rmtree(run, ignore_errors=True)
            run.with_suffix(".lock").unlink(missing_ok=True)
