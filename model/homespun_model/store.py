"""The adapter store: a shelf of revisions for each repository, one of them current.

    <store>/<repository id>/revisions/<revision>/   adapter_model.safetensors, adapter_config.json,
                                                    manifest.json; never changed once there
    <store>/<repository id>/current                 the name of the revision that is served
    <store>/<repository id>/staging/<name>/         a revision in the making, with its lock beside

A revision is made in staging and renamed into place whole; ``current`` is replaced by a rename.
The process may be killed, or the power fail, between any two lines: a reader sees the old revision
or the new one. Readers take no lock. Knows nothing of what is in an adapter.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from homespun_model.errors import StoreError
from homespun_model.locks import locked, try_lock
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

__all__ = ["AdapterStore", "Revision", "default_store", "problems"]

LOCK_SECONDS = 60.0  # publishing takes less than one
_OWN_NAMES = ("revisions", "current", "staging", "lock")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # on Windows

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
        """The revision that is served, None before the first."""
        file = self._shelf(repository) / "current"
        try:
            name = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{file} cannot be read: {_reason(error)}") from error
        return self.open(repository, name)

    def revisions(self, repository: str) -> list[Revision]:
        """Every revision, oldest first; those kept for study and the unreadable are among them."""
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
            folder = shelf / "staging" / uuid.uuid4().hex
            lock = try_lock(folder.with_suffix(".lock"))
            if lock is not None:
                _live[folder] = lock
            folder.mkdir()
            return folder

    def discard(self, staged: Path) -> None:
        """Give up what was staged. One that was published or kept meanwhile stays where it is."""
        shutil.rmtree(staged, ignore_errors=True)
        with contextlib.suppress(OSError):
            staged.with_suffix(".lock").unlink(missing_ok=True)
        _release(staged)

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

    def rollback(self, repository: str) -> Revision:
        """Serve the revision that the current one replaced, after checking it."""
        shelf = self._shelf(repository)
        with self._writing(shelf, "roll back in"):
            now = self.current(repository)
            if now is None:
                raise StoreError(f"{repository} has no adapter, so nothing to roll back")
            parent = now.manifest.get("parent")
            if not isinstance(parent, str):
                raise StoreError(f"{now.name} is the first adapter of {repository}: none before it")
            before = self.open(repository, parent)
            if wrong := problems(before):
                raise StoreError(f"revision {parent} cannot be served again: {wrong[0]}")
            _replace(shelf / "current", f"{parent}\n")
            return before

    def prune(self, repository: str, *, keep: int = 5) -> list[str]:
        """Delete all but the newest ``keep`` revisions, the current one and its parent."""
        shelf = self._shelf(repository)
        with self._writing(shelf, "delete from"):
            now = self.current(repository)
            stay = {now.name, now.manifest.get("parent")} if now else set()
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
            _write(staged / MANIFEST, json.dumps(full, indent=2, sort_keys=True) + "\n")
            _flush_folder(staged)
            path = shelf / "revisions" / name
            staged.rename(path)
            _flush(path.parent)
            if serve:
                _replace(shelf / "current", f"{name}\n")
            _release(staged)
            _clean(shelf)
            return Revision(repository, name, path, full)

    def _parent(self, repository: str, manifest: Mapping[str, Any]) -> str | None:
        try:
            now = self.current(repository)
        except StoreError:  # damaged: the new revision heals it
            now = None
        parent = now.name if now else None
        if "parent" in manifest and manifest["parent"] != parent:
            raise StoreError(
                f"another run has published {parent} for {repository} in the meantime: run it again"
            )
        return parent

    def _read(self, repository: str, name: str) -> Revision:
        path = self._shelf(repository) / "revisions" / name
        return Revision(repository, name, path, read_manifest(path))

    def _shelf(self, repository: str) -> Path:
        return self.root.joinpath(*_folders(repository))

    def _make(self, shelf: Path) -> None:
        """The shelf's folders, on the disk up to the root."""
        if not (shelf / "staging").is_dir():
            for folder in ("revisions", "staging"):
                (shelf / folder).mkdir(parents=True, exist_ok=True)
            for folder_above in (shelf, *shelf.parents[: len(shelf.relative_to(self.root).parts)]):
                _flush(folder_above)

    @contextlib.contextmanager
    def _writing(self, shelf: Path, doing: str) -> Iterator[None]:
        """The lock of one shelf; what the system refuses becomes one line."""
        try:
            if not self.root.exists():
                self.root.mkdir(parents=True, mode=0o700)
            self._make(shelf)
            with locked(shelf / "lock", seconds=LOCK_SECONDS):
                yield
        except TimeoutError as error:
            raise StoreError(f"another process is writing to {shelf}: try again later") from error
        except OSError as error:
            where = error.filename or self.root
            raise StoreError(
                f"cannot {doing} the store {self.root}: {_reason(error)} ({where}); "
                "choose another with --store"
            ) from error


def _names(folder: Path) -> list[str]:
    """The names of the revisions in ``folder``, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if NAME.fullmatch(path.name))


def _folders(repository: str) -> list[str]:
    """The folders of a repository's id: no traversal, no name that a system or this store uses."""
    parts = repository.split("/")
    odd = len(repository) > 200 or not repository.isprintable()
    if odd or any(part in ("", ".", "..") for part in parts):
        raise StoreError(f"{repository[:80]!r} cannot be the id of a repository")
    return [_folder(part) for part in parts]


def _folder(part: str) -> str:
    name = quote(part, safe="@+")
    if name in _OWN_NAMES or _DEVICE.match(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return f"{name[:-1]}%2E" if name.endswith(".") else name


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _replace(file: Path, text: str) -> None:
    """Put ``text`` into ``file`` at once, and onto the disk."""
    with tempfile.TemporaryDirectory(dir=file.parent / "staging", prefix="current-") as folder:
        new = Path(folder) / "new"
        _write(new, text)
        new.replace(file)
    _flush(file.parent)


def _flush_folder(folder: Path) -> None:
    for entry in folder.iterdir():
        _flush(entry)
    _flush(folder)


def _flush(path: Path) -> None:
    """Onto the disk. Windows has no such thing for folders."""
    if os.name == "nt" and path.is_dir():
        return
    fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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
