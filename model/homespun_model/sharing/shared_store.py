"""Adapters in a store that many machines share, pushed to it and pulled from it.

    <url>/files/<sha256>                        a file of a revision, or its manifest; never changed
    <url>/<repository id>/revisions/<name>      the sha256 of a revision's manifest; never changed
    <url>/<repository id>/current=<base>.json   what is served for a base: a revision's name, or the
                                                base alone; the only file that is ever replaced

A push writes them in this order, so that half of one is never seen. Who replaces what is served has
to have seen it: a revision that this machine's store does not know is not replaced, unless forced.
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

from homespun_model.bases.identity import BaseRecord, which
from homespun_model.errors import StoreError
from homespun_model.sharing.shared_files import ChangedMeanwhileError, SharedFiles
from homespun_model.store.adopt import adopt, serve, serve_base
from homespun_model.store.folder_names import folder_names
from homespun_model.store.revision import MANIFEST, NAME, Revision, problems, read_manifest
from homespun_model.store.store import AdapterStore

SCHEMA = 1
MOST_OF_CURRENT = 1 << 14  # bytes
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
    """``files`` at ``url``, which is for messages."""

    def __init__(self, files: SharedFiles, url: str) -> None:
        self._files, self._url = files, url

    def push(
        self,
        store: AdapterStore,
        repository: str,
        base: BaseRecord | str | None = None,
        *,
        force: bool = False,
    ) -> list[Change]:
        """Have served there what ``store`` serves. StoreError where it has nothing to serve, or
        where somebody else's is served there that it does not know."""
        currents = store.currents(repository, base)
        if not currents:
            raise StoreError(f"{repository} has no adapter in {store.root}: run finetune-repo")
        self._must_exist()
        known = {revision.name for revision in store.revisions(repository)}
        changes = []
        for current in currents:
            revision = store.open_current(repository, current.file)
            if wrong := problems(revision):
                raise StoreError(f"revision {revision.name} is not pushed: {wrong[0]}")
            record = BaseRecord.in_manifest(revision.manifest)
            assert record is not None, "a revision without a base is not published"
            served = Served(record, revision.name)
            changes.append(self._serve(repository, served, revision, known, force=force))
        return changes

    def push_base(self, store: AdapterStore, repository: str, base: BaseRecord) -> Change:
        """Have the base served there by itself."""
        known = {revision.name for revision in store.revisions(repository)}
        served = Served(base, None)
        return self._serve(repository, served, None, known, force=False)

    def pull(
        self, store: AdapterStore, repository: str, base: BaseRecord | str | None = None
    ) -> list[Change]:
        """Have served in ``store`` what is served there, for one base, which may be all that it is
        called, or for each; nothing changes
        where nothing is. StoreError where what is there is not what it says, or not to be had."""
        found = list(self._served(repository, base))
        if not found:
            self._must_exist()
        return [self._take(store, repository, served) for served in found]

    def bring(self, store: AdapterStore, repository: str, name: str) -> None:
        """Have a revision in ``store``, whole, without serving it."""
        known = name in {revision.name for revision in store.revisions(repository)}
        if known and not store.verify(repository, name):
            return
        with _staged(store, repository) as staged:
            self._download(repository, name, staged)
            adopt(store, repository, name, staged)

    def _serve(
        self,
        repository: str,
        served: Served,
        revision: Revision | None,
        known: set[str],
        *,
        force: bool,
    ) -> Change:
        name = _at(repository, served.file)
        there = self._files.read(name, MOST_OF_CURRENT)
        before = Served.read(there[0], name) if there else None
        unknown = there is not None and (
            before is None or (before.revision is not None and before.revision not in known)
        )
        if unknown and not force:
            raise self._unseen(repository, before.revision if before else "what cannot be read")
        if before is not None and before.revision == served.revision:
            return Change(served.base.id, before.revision, served.revision)
        if revision is not None:
            self._upload(repository, revision)
        try:
            self._files.replace(name, served.to_bytes(), there[1] if there else None)
        except ChangedMeanwhileError as error:
            raise self._unseen(repository, "another revision since a moment ago") from error
        return Change(served.base.id, before.revision if before else None, served.revision)

    def _must_exist(self) -> None:
        if not self._files.exists():
            raise StoreError(f"there is no store at {self._url}: make the folder or bucket first")

    def _unseen(self, repository: str, what: str | None) -> StoreError:
        return StoreError(
            f"{self._url} serves {what} for {repository}, which was not here when this adapter was "
            "measured: `homespun adapters pull` it and fine-tune again, or push with --force"
        )

    def _upload(self, repository: str, revision: Revision) -> None:
        for file, digest in revision.manifest["files"].items():
            self._files.put(f"files/{digest}", revision.path / file)
        digest = hashlib.sha256((revision.path / MANIFEST).read_bytes()).hexdigest()
        self._files.put(f"files/{digest}", revision.path / MANIFEST)
        with tempfile.TemporaryDirectory() as work:
            named = Path(work) / "named"
            named.write_text(digest, encoding="ascii")
            self._files.put(_at(repository, f"revisions/{revision.name}"), named)

    def _served(self, repository: str, base: BaseRecord | str | None) -> Iterator[Served]:
        """What is there for a base, under its own key or another that means it; or all."""
        if isinstance(base, BaseRecord) and (own := self._one(repository, Served(base, None).file)):
            yield own
            return
        for name in self._files.names(_at(repository, "")):
            found = self._one(repository, name) if _CURRENT.fullmatch(name) else None
            if found is not None and which(base, [found.base], [found.base.id]):
                yield found

    def _one(self, repository: str, name: str) -> Served | None:
        """What one file says; None where there is none."""
        if (found := self._files.read(_at(repository, name), MOST_OF_CURRENT)) is None:
            return None
        if (served := Served.read(found[0], name)) is None:
            raise StoreError(f"{self._url}/{_at(repository, name)} is not what homespun writes")
        return served

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
        self._get(digest, staged / MANIFEST, "its manifest")
        files = _files_of(read_manifest(staged))
        if files is None:
            raise StoreError(
                f"revision {name} at {self._url} has a manifest that is not homespun's"
            )
        for file, its_digest in files.items():
            self._get(its_digest, staged / file, file)
        if wrong := problems(Revision(repository, name, staged, read_manifest(staged))):
            raise StoreError(f"revision {name} at {self._url} is not taken: {wrong[0]}")

    def _get(self, digest: str, to: Path, what: str) -> None:
        self._files.get(f"files/{digest}", to)
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


def _at(repository: str, name: str) -> str:
    return "/".join([*folder_names(repository), name])


def _files_of(manifest: dict[str, Any]) -> dict[str, str] | None:
    """The names and hashes that a manifest, which is data, gives; None where one is no plain name
    or no hash."""
    files = manifest.get("files")
    if not isinstance(files, dict):
        return None
    plain = all(re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", name) and name[0] != "." for name in files)
    hashed = all(isinstance(each, str) and _HASH.fullmatch(each) for each in files.values())
    return files if plain and hashed else None
