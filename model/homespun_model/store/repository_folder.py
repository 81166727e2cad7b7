"""One repository's folder in a store: its folders, its lock, and what is in the making on it.

Whoever changes it holds its lock. A folder in staging has a lock of its own beside it, held by the
process that fills it; one whose process is gone is cleared away by the next writer. Knows no
revision.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homespun_model.errors import StoreError, StoreInputError
from homespun_model.files.disk import flush
from homespun_model.files.locks import try_lock, wait_for_lock
from homespun_model.store.revision import NAME

CURRENT = "current="  # and a base's key: no id of a repository becomes such a name
LOCK_SECONDS = 60.0  # publishing takes less than one

# The locks of stagings made by this process, held until they are published or it ends.
_live: dict[Path, IO[bytes]] = {}


def check_root(root: Path) -> None:
    """StoreInputError if no store can be at ``root``; one that is not there yet is fine."""
    there = next((path for path in (root, *root.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        raise StoreInputError(
            f"the store {root} cannot be: {there} is a file; choose another with --store"
        )


@dataclass(frozen=True, slots=True)
class RepositoryFolder:
    """``path``: its folder, below the store's ``root``. Nothing is made before it is written to."""

    root: Path
    path: Path

    @property
    def old_current(self) -> Path:
        """Names what is served for one base, in a store from before there was a file for each."""
        return self.path / "current"

    def current_of(self, key: str) -> Path:
        """The file that names what is served for the base with this key."""
        return self.path / f"{CURRENT}{key}"

    def current_files(self) -> list[Path]:
        """Every file that names what is served."""
        if not self.path.is_dir():
            return []
        own = sorted(path for path in self.path.iterdir() if path.name.startswith(CURRENT))
        return [*own, self.old_current] if os.path.lexists(self.old_current) else own

    @property
    def revisions(self) -> Path:
        return self.path / "revisions"

    @property
    def staging(self) -> Path:
        return self.path / "staging"

    def names(self) -> list[str]:
        """The names of the revisions, oldest first."""
        if not self.revisions.is_dir():
            return []
        return sorted(path.name for path in self.revisions.iterdir() if NAME.fullmatch(path.name))

    @contextlib.contextmanager
    def writing(self, doing: str) -> Iterator[None]:
        """Its lock, and its folders; what the system refuses becomes one line."""
        check_root(self.root)
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._lock():
                self._make()
                yield
        except TimeoutError as error:
            raise StoreError(
                f"another process is writing to {self.path}: try again later"
            ) from error
        except OSError as error:
            where = error.filename or self.root
            raise StoreError(
                f"cannot {doing} the store {self.root}: {reason(error)} ({where}); "
                "choose another with --store"
            ) from error

    def stage(self) -> Path:
        """A new empty folder in staging, with its lock; to be called by a writer."""
        folder = self.staging / uuid.uuid4().hex
        lock = try_lock(folder.with_suffix(".lock"))
        if lock is not None:
            _live[folder] = lock
        folder.mkdir()
        return folder

    def give_up(self, folder: Path) -> None:
        """Delete a folder in staging, if it still is there, and its lock."""
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.with_suffix(".lock").unlink(missing_ok=True)
        release(folder)

    def clean(self) -> None:
        """Delete what dead processes left in staging; a living one holds the lock beside it."""
        for entry in self.staging.iterdir():
            folder = entry.with_suffix("") if entry.suffix == ".lock" else entry
            with contextlib.suppress(OSError):
                if (lock := try_lock(folder.with_suffix(".lock"))) is not None:
                    lock.close()
                    self.give_up(folder)

    def clear_away(self) -> None:
        """Remove a folder that holds nothing: a run that came to nothing leaves nothing behind."""
        with contextlib.suppress(OSError):  # rmdir refuses a folder that holds something
            lock = try_lock(self.path / "lock")
            if lock is None:
                return
            with lock:
                if self.current_files():
                    return
                for folder in (self.revisions, self.staging):
                    folder.rmdir()
                (self.path / "lock").unlink()
            for folder in self._up_to_root():
                folder.rmdir()

    def _lock(self) -> IO[bytes]:
        """The lock of the folder, which another process may just be clearing away."""
        for left in reversed(range(10)):
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                return wait_for_lock(self.path / "lock", seconds=LOCK_SECONDS)
            except (FileNotFoundError, FileExistsError):  # it was there, and is not any more
                if not left:
                    raise
        raise AssertionError  # the last try has returned or raised

    def _make(self) -> None:
        """Its folders, on the disk up to the root."""
        missing = [path for path in (self.revisions, self.staging) if not path.is_dir()]
        for folder in missing:
            folder.mkdir()
        if missing:
            for folder_above in self._up_to_root():
                flush(folder_above)
            flush(self.root)

    def _up_to_root(self) -> list[Path]:
        """Its folder and those above it, the root not among them."""
        depth = len(self.path.relative_to(self.root).parts)
        return [self.path, *self.path.parents[: depth - 1]]


def release(staged: Path) -> None:
    """Give back the lock of a folder that was staged by this process."""
    lock = _live.pop(staged, None)
    if lock is not None:
        lock.close()


def reason(error: Exception) -> str:
    """What the system said, without its number."""
    return getattr(error, "strerror", None) or str(error)
