"""The adapter store: a folder of revisions for each repository, one of them current for each base.

    <store>/<repository id>/revisions/<revision>/   adapter_model.safetensors, adapter_config.json,
                                                    manifest.json; never changed once there
    <store>/<repository id>/current=<base>          the name of what is served for a base
    <store>/<repository id>/staging/<name>/         a revision in the making, with its lock beside

A revision is made in staging and renamed into place whole; what is current is replaced by a rename.
The process may be killed, or the power fail, between any two lines: a reader sees the old revision
or the new one. Where nothing is current, the base is served. Readers take no lock. Knows nothing of
what is in an adapter.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homespun_model.bases.identity import BaseRecord
from homespun_model.errors import StoreError, StoreInputError
from homespun_model.files.disk import flush, flush_files, write
from homespun_model.store import current_file
from homespun_model.store.current_file import WAY_OUT, Current
from homespun_model.store.repository_folder import RepositoryFolder, check_root, reason, release
from homespun_model.store.revision import (
    MANIFEST,
    NAME,
    SCHEMA,
    Revision,
    by_base,
    check_manifest,
    first_commits,
    hashes,
    new_name,
    problems,
    read_manifest,
)
from homespun_model.store.shelves import shelf, shelves

__all__ = ["AdapterStore", "Current", "Revision", "default_store", "problems"]


def default_store() -> Path:
    """Where adapters are kept unless the user says otherwise: their own data folder."""
    import platformdirs

    return platformdirs.user_data_path("homespun", appauthor=False) / "adapters"


class AdapterStore:
    """All folders under one root, which is made, closed to others, by the first writer."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # Reading

    def check_folder(self) -> None:
        """StoreInputError if no store can be at the root; one that is not there yet is fine."""
        check_root(self.root)

    def has(self, repository: str) -> bool:
        """Whether a revision is served for ``repository``, for whichever base."""
        try:
            return bool(self._folder(repository).current_files())
        except (StoreError, OSError):
            return False

    def stamp(self, repository: str, base: BaseRecord) -> tuple[int, ...] | None:
        """Changes whenever what is current for a base does; None where it has no adapter."""
        try:
            file = current_file.find(self._folder(repository), base)
            stat = file.stat() if file is not None else None
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_ino, stat.st_size) if stat is not None else None

    def current(self, repository: str, base: BaseRecord) -> Revision | None:
        """The revision that is served for a base; None where that is served by itself."""
        self.check_folder()
        try:
            file = current_file.find(self._folder(repository), base)
        except OSError as error:
            raise StoreError(f"the store {self.root} cannot be read: {reason(error)}") from error
        return self.open_current(repository, file) if file is not None else None

    def open_current(self, repository: str, file: Path) -> Revision:
        """The revision that one file names; StoreError where it cannot be had."""
        name, _ = current_file.name_in(file)
        try:
            return self.open(repository, name)
        except StoreError as error:
            raise StoreError(f"{error}; {WAY_OUT}") from error

    def currents(self, repository: str, base: BaseRecord | str | None = None) -> list[Current]:
        """What is served for each base, or for ``base``, which may be all that it is called."""
        self.check_folder()
        try:
            return current_file.every(self._folder(repository), base)
        except OSError as error:
            raise StoreError(f"the store {self.root} cannot be read: {reason(error)}") from error

    def revisions(self, repository: str) -> list[Revision]:
        """Every revision, oldest first; those kept for study and the unreadable are among them."""
        self.check_folder()
        folder = self._folder(repository)
        try:
            return [self._read(repository, name) for name in folder.names()]
        except OSError as error:
            raise StoreError(f"{folder.revisions} cannot be read: {reason(error)}") from error

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

    def grown_from(self, first_commit: str) -> list[str]:
        """Ids under which a revision of a repository with this first commit lies: its forks, or the
        same one by another address. What cannot be read is none."""
        found = []
        for path, identity in shelves(self.root):
            folder = RepositoryFolder(self.root, path)
            trained_on = (read_manifest(folder.revisions / name) for name in folder.names()[-1:])
            if any(first_commit in first_commits(manifest) for manifest in trained_on):
                found.append(identity)
        return found

    def verify(self, repository: str, name: str) -> list[str]:
        """What is wrong with a revision, one line each; nothing if it is as it was published."""
        if not NAME.fullmatch(name):
            return [f"{name[:80]!r} is not the name of a revision"]
        return problems(self._read(repository, name))

    # Writing

    def stage(self, repository: str) -> Path:
        """A new empty folder to put an adapter in. It is cleared away once its process is gone."""
        folder = self._folder(repository)
        with folder.writing("make a folder in"):
            folder.clean()
            return folder.stage()

    def discard(self, staged: Path) -> None:
        """Give up what was staged. One that was published or kept meanwhile stays where it is.

        A folder on which nothing else is goes with it.
        """
        folder = RepositoryFolder(self.root, staged.parent.parent)
        folder.give_up(staged)
        folder.clear_away()

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

    def rollback(
        self, repository: str, *, base: BaseRecord | str | None = None, to_base: bool = False
    ) -> tuple[str, Revision | None]:
        """Serve the revision that the current one replaced, after checking it; the base's name too.

        ``base``: of whose adapters this speaks, or what that is called; needed where several have
        one. The first one replaced the base, and so does whatever is served with ``to_base``,
        however damaged: None then. Every revision stays in the store.
        """
        with self._changing(repository, "roll back in") as folder:
            now = self._one_of(repository, folder, base)
            before = None if to_base else self._before(repository, now)
            if before is None:
                current_file.serve_base(self._folder(repository), now)
            else:
                current_file.serve_again(self._folder(repository), now, before.name)
            return now.base, before

    def prune(
        self, repository: str, *, keep: int = 5, base: BaseRecord | str | None = None
    ) -> dict[str, list[str]]:
        """Delete all but the newest ``keep`` revisions of each base, or of ``base``; what is
        current and its parent stay. Returns what is gone, by what its base is called."""
        with self._changing(repository, "delete from") as folder:
            if folder is None:
                return {}
            stay = set(self._in_use(repository, folder))
            gone: dict[str, list[str]] = {}
            for called, names in by_base(self.revisions(repository), base):
                old = [name for name in names[: max(0, len(names) - keep)] if name not in stay]
                gone.setdefault(called, []).extend(old)
            for name in [name for names in gone.values() for name in names]:
                (folder.revisions / name).rename(folder.staging / uuid.uuid4().hex)
            folder.clean()
            return gone

    def _add(
        self, repository: str, staged: Path, manifest: Mapping[str, Any], *, serve: bool
    ) -> Revision:
        base = check_manifest(manifest)
        folder = self._folder(repository)
        with folder.writing("publish to"):
            parent = self._parent(repository, base, manifest)
            files = hashes(staged)
            names = folder.names()
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
            path = folder.revisions / name
            staged.rename(path)
            flush(path.parent)
            if serve:
                current_file.serve(folder, base, name)
            release(staged)
            folder.clean()
            return Revision(repository, name, path, full)

    def _one_of(
        self, repository: str, folder: RepositoryFolder | None, base: BaseRecord | str | None
    ) -> Current:
        """What is current for ``base``, or for the only one that there is."""
        found = self.currents(repository, base) if folder is not None else []
        if not found:
            about = f" on {base if isinstance(base, str) else base.id}" if base is not None else ""
            raise StoreError(f"{repository} has no adapter in use{about}, so nothing to roll back")
        if len(found) > 1:
            names = " and ".join(one.base for one in found)
            raise StoreInputError(f"{repository} has adapters on {names}: say which with --base")
        return found[0]

    def _before(self, repository: str, now: Current) -> Revision | None:
        """The revision that the current one replaced; None where that was the base."""
        parent = self.open_current(repository, now.file).manifest.get("parent")
        if not isinstance(parent, str):
            return None
        if wrong := self.verify(repository, parent):
            raise StoreError(f"revision {parent} cannot be served again: {wrong[0]}; {WAY_OUT}")
        return self.open(repository, parent)

    def _parent(self, repository: str, base: BaseRecord, manifest: Mapping[str, Any]) -> str | None:
        try:
            now = self.current(repository, base)
        except StoreError:  # damaged: the new revision heals it
            now = None
        parent = now.name if now else None
        if "parent" in manifest and manifest["parent"] != parent:
            raise StoreError(
                f"what is served for {repository} has changed in the meantime, to "
                f"{parent or 'the base'}: run it again"
            )
        return parent

    def _in_use(self, repository: str, folder: RepositoryFolder) -> Iterator[str]:
        """The current revisions and their parents. StoreError where one cannot be read."""
        for file in folder.current_files():
            now = self.open_current(repository, file)
            yield now.name
            if isinstance(parent := now.manifest.get("parent"), str):
                yield parent

    def _read(self, repository: str, name: str) -> Revision:
        path = self._folder(repository).revisions / name
        return Revision(repository, name, path, read_manifest(path))

    def _folder(self, repository: str) -> RepositoryFolder:
        return RepositoryFolder(self.root, shelf(self.root, repository))

    @contextlib.contextmanager
    def _changing(self, repository: str, doing: str) -> Iterator[RepositoryFolder | None]:
        """The locked folder of a repository; None, and nothing made, where there is none."""
        self.check_folder()
        folder = self._folder(repository)
        if not folder.revisions.is_dir():
            yield None
            return
        with folder.writing(doing):
            yield folder
