"""The adapter store: a shelf of revisions for each repository, one of them current.

    <store>/<repository id>/revisions/<revision>/   adapter_model.safetensors, adapter_config.json,
                                                    manifest.json; never changed once there
    <store>/<repository id>/current                 the name of the revision that is served
    <store>/<repository id>/staging/<name>/         a revision in the making, with its lock beside

A revision is made in staging and renamed into place whole; ``current`` is replaced by a rename.
The process may be killed, or the power fail, between any two lines: a reader sees the old revision
or the new one. Where ``current`` is not there, the base is served. Readers take no lock. Knows
nothing of what is in an adapter.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from homespun_model.disk import flush, flush_files, replace, write
from homespun_model.errors import StoreError, StoreInputError
from homespun_model.locks import try_lock, wait_for_lock
from homespun_model.revision import (
    MANIFEST,
    NAME,
    SCHEMA,
    Revision,
    check_manifest,
    hashes,
    new_name,
    problems,
    read_manifest,
)
from homespun_model.shelves import shelf_folders

__all__ = ["AdapterStore", "Revision", "default_store", "problems"]

LOCK_SECONDS = 60.0  # publishing takes less than one
_FOLDERS = ("revisions", "staging")
_WAY_OUT = "`homespun adapters rollback --to-base` serves the base instead"

# The locks of stagings made by this process, held until they are published or it ends.
_live: dict[Path, IO[bytes]] = {}


def default_store() -> Path:
    """Where adapters are kept unless the user says otherwise: their own data folder."""
    import platformdirs

    return platformdirs.user_data_path("homespun", appauthor=False) / "adapters"


class AdapterStore:
    """All shelves under one root, which is made, closed to others, by the first writer."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # Reading

    def check_folder(self) -> None:
        """StoreInputError if no store can be at the root; one that is not there yet is fine."""
        there = next((path for path in (self.root, *self.root.parents) if path.exists()), None)
        if there is not None and not there.is_dir():
            raise StoreInputError(
                f"the store {self.root} cannot be: {there} is a file; choose another with --store"
            )

    def has(self, repository: str) -> bool:
        """Whether a revision is served for ``repository``."""
        try:
            return (self._shelf(repository) / "current").is_file()
        except StoreError:
            return False

    def stamp(self, repository: str) -> tuple[int, ...] | None:
        """Changes whenever ``current`` does, at the cost of one stat; None where there is none."""
        try:
            stat = (self._shelf(repository) / "current").stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def current(self, repository: str) -> Revision | None:
        """The revision that is served; None where the base is."""
        name = self.current_name(repository)
        if name is None:
            return None
        try:
            return self.open(repository, name)
        except StoreError as error:
            raise StoreError(f"{error}; {_WAY_OUT}") from error

    def current_name(self, repository: str) -> str | None:
        """What ``current`` says, whether there is such a revision or not."""
        self.check_folder()
        file = self._shelf(repository) / "current"
        try:
            name = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{file} cannot be read: {_reason(error)}; {_WAY_OUT}") from error
        if not NAME.fullmatch(name):
            raise StoreError(f"{file} holds {name[:80]!r}, no name of a revision; {_WAY_OUT}")
        return name

    def revisions(self, repository: str) -> list[Revision]:
        """Every revision, oldest first; those kept for study and the unreadable are among them."""
        self.check_folder()
        shelf = self._shelf(repository) / "revisions"
        try:
            return [self._read(repository, name) for name in _names(shelf)]
        except OSError as error:
            raise StoreError(f"{shelf} cannot be read: {_reason(error)}") from error

    def open(self, repository: str, name: str) -> Revision:
        """The revision called ``name``; StoreError if it is not there or has no manifest."""
        if not NAME.fullmatch(name):
            raise StoreError(f"{name[:80]!r} is not the name of a revision of {repository}")
        revision = self._read(repository, name)
        if not revision.path.is_dir():
            raise StoreError(f"revision {name} of {repository} is not in the store {self.root}")
        if not revision.manifest:
            raise StoreError(f"revision {name} of {repository} has no readable {MANIFEST}")
        return revision

    def verify(self, repository: str, name: str) -> list[str]:
        """What is wrong with a revision, one line each; nothing if it is as it was published."""
        if not NAME.fullmatch(name):
            return [f"{name[:80]!r} is not the name of a revision"]
        return problems(self._read(repository, name))

    # Writing

    def stage(self, repository: str) -> Path:
        """A new empty folder to put an adapter in. It is cleared away once its process is gone."""
        shelf = self._shelf(repository)
        with self._writing(shelf, "make a folder in"):
            _clean(shelf)
            folder = shelf / "staging" / uuid.uuid4().hex
            lock = try_lock(folder.with_suffix(".lock"))
            if lock is not None:
                _live[folder] = lock
            folder.mkdir()
            return folder

    def discard(self, staged: Path) -> None:
        """Give up what was staged. One that was published or kept meanwhile stays where it is.

        A shelf on which nothing else is goes with it.
        """
        shutil.rmtree(staged, ignore_errors=True)
        with contextlib.suppress(OSError):
            staged.with_suffix(".lock").unlink(missing_ok=True)
        _release(staged)
        self._clear_away(staged.parent.parent)

    def publish(self, repository: str, staged: Path, manifest: Mapping[str, Any]) -> Revision:
        """Make what is in ``staged`` a revision, and the one that is served.

        ``manifest`` must say "base" {"id", "weights_hash"} and "prompt_version". If it says
        "parent", that must still be the current revision: a run that measured itself against
        another one must not replace this one. The store adds "schema", "repository", "revision",
        "created", "parent" and "files" (the sha256 of each).
        """
        return self._add(repository, staged, manifest, serve=True)

    def keep(self, repository: str, staged: Path, manifest: Mapping[str, Any]) -> Revision:
        """As ``publish``, but only keep it for study: what is served stays."""
        return self._add(repository, staged, manifest, serve=False)

    def rollback(self, repository: str, *, to_base: bool = False) -> Revision | None:
        """Serve the revision that the current one replaced, after checking it.

        The first one replaced the base, and so does whatever is served with ``to_base``, however
        damaged: None then. Every revision stays in the store.
        """
        with self._changing(repository, "roll back in") as shelf:
            if shelf is None or not os.path.lexists(shelf / "current"):
                raise StoreError(f"{repository} has no adapter in use, so nothing to roll back")
            before = None if to_base else self._before(repository)
            if before is None:
                (shelf / "current").unlink()
                flush(shelf)
            else:
                replace(shelf / "current", f"{before.name}\n", by_way_of=shelf / "staging")
            return before

    def prune(self, repository: str, *, keep: int = 5) -> list[str]:
        """Delete all but the newest ``keep`` revisions, the current one and its parent."""
        with self._changing(repository, "delete from") as shelf:
            if shelf is None:
                return []
            now = self.current(repository)
            stay = [now.name, now.manifest.get("parent")] if now else []
            names = [revision.name for revision in self.revisions(repository)]
            gone = [name for name in names[: max(0, len(names) - keep)] if name not in stay]
            for name in gone:
                (shelf / "revisions" / name).rename(shelf / "staging" / uuid.uuid4().hex)
            _clean(shelf)
            return gone

    def _add(
        self, repository: str, staged: Path, manifest: Mapping[str, Any], *, serve: bool
    ) -> Revision:
        check_manifest(manifest)
        shelf = self._shelf(repository)
        with self._writing(shelf, "publish to"):
            parent = self._parent(repository, manifest)
            files = hashes(staged)
            names = _names(shelf / "revisions")
            name = new_name(files, after=names[-1] if names else None)
            full = {
                **manifest,
                "schema": SCHEMA,
                "repository": repository,
                "revision": name,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "parent": parent,
                "files": files,
            }
            write(staged / MANIFEST, json.dumps(full, indent=2, sort_keys=True) + "\n")
            flush_files(staged)
            path = shelf / "revisions" / name
            staged.rename(path)
            flush(path.parent)
            if serve:
                replace(shelf / "current", f"{name}\n", by_way_of=shelf / "staging")
            _release(staged)
            _clean(shelf)
            return Revision(repository, name, path, full)

    def _before(self, repository: str) -> Revision | None:
        """The revision that the current one replaced; None where that was the base."""
        now = self.current(repository)
        parent = now.manifest.get("parent") if now else None
        if not isinstance(parent, str):
            return None
        if wrong := self.verify(repository, parent):
            raise StoreError(f"revision {parent} cannot be served again: {wrong[0]}; {_WAY_OUT}")
        return self.open(repository, parent)

    def _parent(self, repository: str, manifest: Mapping[str, Any]) -> str | None:
        try:
            now = self.current(repository)
        except StoreError:  # damaged: the new revision heals it
            now = None
        parent = now.name if now else None
        if "parent" in manifest and manifest["parent"] != parent:
            raise StoreError(
                f"what is served for {repository} has changed in the meantime, to "
                f"{parent or 'the base'}: run it again"
            )
        return parent

    def _read(self, repository: str, name: str) -> Revision:
        path = self._shelf(repository) / "revisions" / name
        return Revision(repository, name, path, read_manifest(path))

    def _shelf(self, repository: str) -> Path:
        return self.root.joinpath(*shelf_folders(repository))

    def _make(self, shelf: Path) -> None:
        """The shelf's folders, on the disk up to the root."""
        missing = [path for name in _FOLDERS if not (path := shelf / name).is_dir()]
        for folder in missing:
            folder.mkdir()
        if missing:
            for folder_above in self._up_to_root(shelf):
                flush(folder_above)
            flush(self.root)

    def _up_to_root(self, shelf: Path) -> list[Path]:
        """A shelf's folder and those above it, the root not among them."""
        return [shelf, *shelf.parents[: len(shelf.relative_to(self.root).parts) - 1]]

    @contextlib.contextmanager
    def _changing(self, repository: str, doing: str) -> Iterator[Path | None]:
        """The locked shelf of a repository; None, and nothing made, where there is none."""
        self.check_folder()
        shelf = self._shelf(repository)
        if not (shelf / "revisions").is_dir():
            yield None
            return
        with self._writing(shelf, doing):
            yield shelf

    @contextlib.contextmanager
    def _writing(self, shelf: Path, doing: str) -> Iterator[None]:
        """The lock of one shelf, made if need be; what the system refuses becomes one line."""
        self.check_folder()
        try:
            if not self.root.exists():
                self.root.mkdir(parents=True, mode=0o700)
            with self._lock(shelf):
                self._make(shelf)
                yield
        except TimeoutError as error:
            raise StoreError(f"another process is writing to {shelf}: try again later") from error
        except OSError as error:
            where = error.filename or self.root
            raise StoreError(
                f"cannot {doing} the store {self.root}: {_reason(error)} ({where}); "
                "choose another with --store"
            ) from error

    def _lock(self, shelf: Path) -> IO[bytes]:
        """The lock of a shelf, which another process may just be clearing away."""
        for left in reversed(range(10)):
            try:
                shelf.mkdir(parents=True, exist_ok=True)
                return wait_for_lock(shelf / "lock", seconds=LOCK_SECONDS)
            except (FileNotFoundError, FileExistsError):  # it was there, and is not any more
                if not left:
                    raise
        raise AssertionError  # the last try has returned or raised

    def _clear_away(self, shelf: Path) -> None:
        """Remove a shelf that holds nothing: a run that came to nothing leaves nothing behind."""
        with contextlib.suppress(OSError):  # rmdir refuses a folder that holds something
            lock = try_lock(shelf / "lock")
            if lock is None:
                return
            with lock:
                if (shelf / "current").exists():
                    return
                for name in _FOLDERS:
                    (shelf / name).rmdir()
                (shelf / "lock").unlink()
            for folder in self._up_to_root(shelf):
                folder.rmdir()


def _names(folder: Path) -> list[str]:
    """The names of the revisions in ``folder``, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if NAME.fullmatch(path.name))


def _clean(shelf: Path) -> None:
    """Delete what dead processes left in staging. A living one holds the lock beside its folder."""
    for entry in (shelf / "staging").iterdir():
        folder = entry.with_suffix("") if entry.suffix == ".lock" else entry
        beside = folder.with_suffix(".lock")
        with contextlib.suppress(OSError):
            if (lock := try_lock(beside)) is not None:
                lock.close()
                shutil.rmtree(folder, ignore_errors=True)
                beside.unlink(missing_ok=True)


def _release(staged: Path) -> None:
    lock = _live.pop(staged, None)
    if lock is not None:
        lock.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
