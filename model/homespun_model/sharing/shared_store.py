"""Adapters in a store that many machines share, pushed to it and pulled from it.

    <url>/files/<sha256>                        a file of a revision, or its manifest; never changed
    <url>/<repository id>/revisions/<name>      the sha256 of a revision's manifest; never changed
    <url>/<repository id>/current=<base>.json   what is served for a base: a revision's name, or the
                                                base alone; the only file that is ever replaced
    <url>/<repository id>/unfinished/…          not of a revision: see ``unfinished_runs.py``

A push writes them in this order, so that half of one is never seen. Who replaces what is served has
to have seen it (``seen.py``): what is served since this machine last looked is not replaced, unless
forced.
What was pulled is verified by its hashes before a local store has it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from homespun_model.bases.identity import BaseRecord, which
from homespun_model.errors import StoreError, StoreInputError
from homespun_model.sharing.seen import Seen
from homespun_model.sharing.shared_files import ChangedMeanwhileError, SharedFiles
from homespun_model.store.adopt import adopt, serve, serve_base
from homespun_model.store.folder_names import HASHED, folder_names
from homespun_model.store.revision import (
    KNOWN_FILES,
    MANIFEST,
    NAME,
    Revision,
    is_taken_from_others,
    problems,
    read_manifest,
)
from homespun_model.store.shelves import DEEPEST, REVISIONS
from homespun_model.store.store import AdapterStore

SCHEMA = 1
MOST_OF_CURRENT = 1 << 14  # bytes
MOST_OF_MANIFEST = 1 << 24
MOST_OF_FILE = 2 << 30
_FILES = "files"
_CURRENT = re.compile(r"current=[0-9a-f]{16}\.json")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Served:
    """What a shared store says is served for one base. ``revision``: None for the base alone."""

    base: BaseRecord
    revision: str | None

    @property
    def file(self) -> str:
        """Its name in the repository's folder."""
        return f"current={self.base.key}.json"

    def to_bytes(self) -> bytes:
        """What is written there."""
        told = {"schema": SCHEMA, "base": self.base.to_json(), "revision": self.revision}
        told["pushed"] = datetime.now(UTC).isoformat(timespec="seconds")
        return (json.dumps(told, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def read(cls, data: bytes, name: str) -> Served | None:
        """What a file of that name says; None for what homespun has not written so."""
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            return None
        base, revision = BaseRecord.in_manifest(told), told.get("revision")
        is_name = isinstance(revision, str) and NAME.fullmatch(revision)
        if base is None or not (is_name or revision is None):
            return None
        served = cls(base, revision)
        return served if name.endswith(served.file) else None


@dataclass(frozen=True, slots=True)
class Change:
    """What a push or a pull did for one base; nothing where ``before`` is ``now``."""

    base: str
    before: str | None
    now: str | None


class SharedStore:
    """``files`` at ``url``, which is for messages and for what was seen there."""

    def __init__(self, files: SharedFiles, url: str) -> None:
        self._files, self._url = files, url

    def repositories(self) -> list[str]:
        """The ids of all that have revisions there. StoreError."""
        waiting, found = [""], []
        while waiting:
            folder = waiting.pop()
            names = self._files.names(folder)
            if REVISIONS in names:
                found.append("/".join(map(unquote, folder.split("/"))))
            elif folder.count("/") < DEEPEST:
                inside = (f"{folder}/{name}" if folder else name for name in names)
                waiting += [name for name in inside if name != _FILES and HASHED not in name]
        return sorted(found)

    def push(
        self,
        store: AdapterStore,
        repository: str,
        base: BaseRecord | str | None = None,
        *,
        force: bool = False,
    ) -> list[Change]:
        """Have served there what ``store`` serves. StoreError where it has nothing to serve, or
        where something else is served there than was seen from here."""
        currents = store.currents(repository, base)
        if not currents:
            raise StoreError(f"{repository} has no adapter in {store.root}: run finetune-repo")
        revisions = [store.open_current(repository, current.file) for current in currents]
        return [self.push_revision(store, revision, force=force) for revision in revisions]

    def push_revision(
        self, store: AdapterStore, revision: Revision, *, force: bool = False
    ) -> Change:
        """Have a revision of ``store`` served there. ``force``: whatever is served there; what is
        damaged there is written anew."""
        if wrong := problems(revision):
            raise StoreError(f"revision {revision.name} is not pushed: {wrong[0]}")
        base = BaseRecord.in_manifest(revision.manifest)
        assert base is not None, "a revision without a base is not published"
        self._must_exist()
        return self._serve(store, revision.repository, base, revision, force=force)

    def push_base(
        self,
        store: AdapterStore,
        repository: str,
        base: BaseRecord | str | None = None,
        *,
        force: bool = False,
    ) -> BaseRecord:
        """Have a base served there by itself, which may be all that it is called, or the only one
        that has an adapter there; which it was."""
        found = [served.base for _, served, _, _ in self._found(repository, base)]
        if not found:
            raise StoreError(f"{repository} has no adapter at {self._url}, so nothing to take back")
        if len(found) > 1:
            names = " and ".join(one.id for one in found)
            raise StoreInputError(f"{repository} has adapters on {names}: say which with --base")
        self._serve(store, repository, found[0], None, force=force)
        return found[0]

    def pull(
        self, store: AdapterStore, repository: str, base: BaseRecord | str | None = None
    ) -> list[Change]:
        """Have served in ``store`` what is served there, for one base, which may be all that it is
        called, or for each; nothing changes where nothing is. StoreError where what is there is not
        what it says, or not to be had."""
        found = list(self._found(repository, base))
        if not found:
            self._must_exist()
        changes = []
        for name, served, data, _ in found:
            changes.append(self._take(store, repository, served))
            Seen(store.root, self._url).note(name, data)
        return changes

    def bring(self, store: AdapterStore, repository: str, name: str) -> None:
        """Have a revision in ``store``, whole, without serving it."""
        known = name in {revision.name for revision in store.revisions(repository)}
        if known and not store.verify(repository, name):
            return
        if not is_taken_from_others(name):
            raise StoreError(f"{self._url} names a revision {name}, of a day that is far off")
        with _staged(store, repository) as staged:
            self._download(repository, name, staged)
            adopt(store, repository, name, staged)

    def _serve(
        self,
        store: AdapterStore,
        repository: str,
        base: BaseRecord,
        revision: Revision | None,
        *,
        force: bool,
    ) -> Change:
        """Replace what is served for a base, under whichever key it is."""
        self._files.check_writable()
        name, before, data, mark = self._there(repository, base)
        now = revision.name if revision is not None else None
        is_same = before is not None and before.revision == now and not force
        seen = Seen(store.root, self._url)
        if data is not None and not (is_same or force or seen.is_still(name, data)):
            raise self._unseen(repository, before)
        change = Change(base.id, before.revision if before else None, now)
        if is_same:
            return change
        if revision is not None:
            for each in (*_before(store, revision), revision):
                self._upload(repository, each, anew=force)
        told = Served(before.base if before else base, now).to_bytes()
        try:
            self._files.replace(name, told, mark)
        except ChangedMeanwhileError as error:
            raise self._unseen(repository, None) from error
        seen.note(name, told)
        return change

    def _there(
        self, repository: str, base: BaseRecord
    ) -> tuple[str, Served | None, bytes | None, str | None]:
        """The file that speaks of a base, or would: its name, what it says as far as that can be
        read, its content and its mark."""
        own = _at(repository, Served(base, None).file)
        if (found := self._files.read(own, MOST_OF_CURRENT)) is not None:
            return own, Served.read(found[0], own), *found
        for name, served, data, mark in self._found(repository, None):
            if served.base.is_same(base):
                return name, served, data, mark
        return own, None, None, None

    def _must_exist(self) -> None:
        if not self._files.exists():
            raise StoreError(f"there is no store at {self._url}: make the folder or bucket first")

    def _unseen(self, repository: str, before: Served | None) -> StoreError:
        what = "something else" if before is None else before.revision or "the base"
        return StoreError(
            f"{self._url} serves {what} for {repository} since this machine last looked: "
            "`homespun adapters pull` it first, or push with --force"
        )

    def _upload(self, repository: str, revision: Revision, *, anew: bool) -> None:
        for file, digest in revision.manifest["files"].items():
            self._files.put(f"{_FILES}/{digest}", revision.path / file, anew=anew)
        digest = hashlib.sha256((revision.path / MANIFEST).read_bytes()).hexdigest()
        self._files.put(f"{_FILES}/{digest}", revision.path / MANIFEST, anew=anew)
        with tempfile.TemporaryDirectory() as work:
            named = Path(work) / "named"
            named.write_text(digest, encoding="ascii")
            self._files.put(_at(repository, f"revisions/{revision.name}"), named, anew=anew)

    def _found(
        self, repository: str, base: BaseRecord | str | None
    ) -> Iterator[tuple[str, Served, bytes, str]]:
        """What is there for a base, under its own key or another that means it; or all: each file's
        name, what it says, its content and its mark."""
        if isinstance(base, BaseRecord):
            own = _at(repository, Served(base, None).file)
            if (found := self._one(own)) is not None:
                yield own, *found
                return
        for each in self._files.names(_at(repository, "")):
            name = _at(repository, each)
            found = self._one(name) if _CURRENT.fullmatch(each) else None
            if found is not None and which(base, [found[0].base], [found[0].base.id]):
                yield name, *found

    def _one(self, name: str) -> tuple[Served, bytes, str] | None:
        """What one file says; None where there is none."""
        if (found := self._files.read(name, MOST_OF_CURRENT)) is None:
            return None
        if (served := Served.read(found[0], name)) is None:
            raise StoreError(f"{self._url}/{name} is not what homespun writes")
        return served, *found

    def _take(self, store: AdapterStore, repository: str, served: Served) -> Change:
        if served.revision is None:
            return Change(served.base.id, serve_base(store, repository, served.base), None)
        self.bring(store, repository, served.revision)
        revision = store.open(repository, served.revision)
        trained_on = BaseRecord.in_manifest(revision.manifest)
        if trained_on is None or not trained_on.is_same(served.base):
            raise StoreError(
                f"{self._url} serves {revision.name} for a base that it was not trained on"
            )
        return Change(served.base.id, serve(store, revision), revision.name)

    def _download(self, repository: str, name: str, staged: Path) -> None:
        """A revision into an empty folder, verified."""
        entry = self._files.read(_at(repository, f"revisions/{name}"), 64)
        digest = entry[0].decode("ascii", "replace") if entry else ""
        if not _HASH.fullmatch(digest):
            raise StoreError(f"revision {name} of {repository} is not at {self._url}")
        self._get(digest, staged / MANIFEST, "its manifest", MOST_OF_MANIFEST)
        files = _files_of(read_manifest(staged))
        if files is None:
            raise StoreError(f"revision {name} at {self._url} has a manifest of another kind")
        for file, its_digest in files.items():
            self._get(its_digest, staged / file, file, MOST_OF_FILE)
        if wrong := problems(Revision(repository, name, staged, read_manifest(staged))):
            raise StoreError(f"revision {name} at {self._url} is not taken: {wrong[0]}")

    def _get(self, digest: str, to: Path, what: str, most: int) -> None:
        self._files.get(f"{_FILES}/{digest}", to, most)
        with to.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise StoreError(f"{what} at {self._url} is not what was pushed: it was not taken")


@contextlib.contextmanager
def _staged(store: AdapterStore, repository: str) -> Iterator[Path]:
    staged = store.stage(repository)
    try:
        yield staged
    finally:
        store.discard(staged)


def _before(store: AdapterStore, revision: Revision) -> Iterator[Revision]:
    """What a revision replaced, so that it can be taken back; nothing where that is not here."""
    parent = revision.manifest.get("parent")
    if isinstance(parent, str):
        with contextlib.suppress(StoreError):
            before = store.open(revision.repository, parent)
            if not problems(before):
                yield before


def _at(repository: str, name: str) -> str:
    return "/".join([*folder_names(repository), name])


def _files_of(manifest: dict[str, Any]) -> dict[str, str] | None:
    """The names and hashes that a manifest, which is data, gives; None where one is no name of an
    adapter's file, or no hash."""
    files = manifest.get("files")
    if not isinstance(files, dict):
        return None
    plain = files.keys() <= KNOWN_FILES
    hashed = all(isinstance(each, str) and _HASH.fullmatch(each) for each in files.values())
    return files if plain and hashed else None
