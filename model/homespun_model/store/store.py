"""The adapter store: a folder of revisions for each repository, one of them current.

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
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homespun_model.errors import StoreError
from homespun_model.store.disk import flush, flush_files, replace, write
from homespun_model.store.folder_names import folder_names
from homespun_model.store.repository_folder import RepositoryFolder, check_root, reason, release
from homespun_model.store.revision import (
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

_WAY_OUT = "`homespun adapters rollback --to-base` serves the base instead"


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
        """Whether a revision is served for ``repository``."""
        try:
            return self._folder(repository).current.is_file()
        except StoreError:
            return False

    def stamp(self, repository: str) -> tuple[int, ...] | None:
        """Changes whenever ``current`` does, at the cost of one stat; None where there is none."""
        try:
            stat = self._folder(repository).current.stat()
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
        file = self._folder(repository).current
        try:
            name = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{file} cannot be read: {reason(error)}; {_WAY_OUT}") from error
        if not NAME.fullmatch(name):
            raise StoreError(f"{file} holds {name[:80]!r}, no name of a revision; {_WAY_OUT}")
        return name

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

    def rollback(self, repository: str, *, to_base: bool = False) -> Revision | None:
        """Serve the revision that the current one replaced, after checking it.

        The first one replaced the base, and so does whatever is served with ``to_base``, however
        damaged: None then. Every revision stays in the store.
        """
        with self._changing(repository, "roll back in") as folder:
            if folder is None or not os.path.lexists(folder.current):
                raise StoreError(f"{repository} has no adapter in use, so nothing to roll back")
            before = None if to_base else self._before(repository)
            if before is None:
                folder.current.unlink()
                flush(folder.path)
            else:
                replace(folder.current, f"{before.name}\n", by_way_of=folder.staging)
            return before

    def prune(self, repository: str, *, keep: int = 5) -> list[str]:
        """Delete all but the newest ``keep`` revisions, the current one and its parent."""
        with self._changing(repository, "delete from") as folder:
            if folder is None:
                return []
            now = self.current(repository)
            stay = [now.name, now.manifest.get("parent")] if now else []
            names = [revision.name for revision in self.revisions(repository)]
            gone = [name for name in names[: max(0, len(names) - keep)] if name not in stay]
            for name in gone:
                (folder.revisions / name).rename(folder.staging / uuid.uuid4().hex)
            folder.clean()
            return gone

    def _add(
        self, repository: str, staged: Path, manifest: Mapping[str, Any], *, serve: bool
    ) -> Revision:
        check_manifest(manifest)
        folder = self._folder(repository)
        with folder.writing("publish to"):
            parent = self._parent(repository, manifest)
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
                replace(folder.current, f"{name}\n", by_way_of=folder.staging)
            release(staged)
            folder.clean()
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
        path = self._folder(repository).revisions / name
        return Revision(repository, name, path, read_manifest(path))

    def _folder(self, repository: str) -> RepositoryFolder:
        return RepositoryFolder(self.root, self.root.joinpath(*folder_names(repository)))

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
