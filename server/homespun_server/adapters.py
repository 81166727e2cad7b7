"""``homespun adapters``: a repository's folder in the store, looked at and looked after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homespun_corpus.errors import one_line
from homespun_corpus.repo.identity import find_root, identity_of
from homespun_model.errors import StoreError
from homespun_model.store.store import AdapterStore, Revision

from homespun_server.errors import CommandUsageError, ServerError
from homespun_server.models import store_root
from homespun_server.settings import LaunchOptions


@dataclass(frozen=True, slots=True)
class AdapterCommands:
    """The revisions of one repository."""

    store: AdapterStore
    repository: str

    @classmethod
    def of(cls, store: str | None, repository: Path, identity: str | None) -> AdapterCommands:
        """The folder of the repository at a path, or of the one called ``identity``."""
        return cls(
            AdapterStore(store_root(LaunchOptions(store=store))),
            _identity(repository) if identity is None else identity,
        )

    def list(self, *, as_json: bool) -> int:
        """Print the revisions, oldest first; 1 if what should be served is not among them."""
        revisions = self.store.revisions(self.repository)
        name, problem = self._current()
        if as_json:
            rows = [_row(revision, name) for revision in revisions]
            print(json.dumps({"repository": self.repository, "revisions": rows}))
        else:
            print(f"{self.repository}: {len(revisions)} revisions")
            for revision in revisions:
                print(_line(revision, name))
        if problem is not None and name not in [revision.name for revision in revisions]:
            raise ServerError(problem)
        return 0

    def show(self, revision: str | None) -> int:
        """Print a manifest."""
        print(json.dumps(self._find(revision).manifest, indent=2, sort_keys=True))
        return 0

    def rollback(self, *, to_base: bool) -> int:
        """Serve what was served before, or the base."""
        revision = self.store.rollback(self.repository, to_base=to_base)
        served = revision.name if revision else "the base, without an adapter,"
        print(f"{self.repository}: {served} is served again")
        return 0

    def verify(self) -> int:
        """Name every file that is not what its manifest says; 1 if there is one."""
        revisions = self.store.revisions(self.repository)
        _, problem = self._current()
        problems = [f"current: {problem}"] if problem is not None else []
        problems += [
            f"{revision.name}: {problem}"
            for revision in revisions
            for problem in self.store.verify(self.repository, revision.name)
        ]
        for problem in problems:
            print(problem)
        print(f"{self.repository}: {len(revisions)} revisions, {len(problems)} problems")
        return 1 if problems else 0

    def prune(self, keep: int) -> int:
        """Delete all but the newest and the current."""
        gone = self.store.prune(self.repository, keep=keep)
        print(f"{self.repository}: {len(gone)} revisions deleted")
        return 0

    def _current(self) -> tuple[str | None, str | None]:
        """The name of what is served, as far as it can be read, and what is wrong with it."""
        name = None
        try:
            name = self.store.current_name(self.repository)
            self.store.current(self.repository)
        except StoreError as error:
            return name, str(error)
        return name, None

    def _find(self, name: str | None) -> Revision:
        if name is None:
            current = self.store.current(self.repository)
            if current is None:
                raise ServerError(f"{self.repository} has no adapter yet: run finetune-repo")
            return current
        for revision in self.store.revisions(self.repository):
            if revision.name == name:
                return revision
        raise CommandUsageError(
            f"{self.repository} has no revision {name!r}: see homespun adapters list"
        )


def _identity(path: Path) -> str:
    root = find_root(path) if path.exists() else None
    if root is None and not path.is_dir():
        raise CommandUsageError(f"there is no folder {path}")
    return identity_of(root or path.resolve())


def _row(revision: Revision, current: str | None) -> dict[str, Any]:
    """What a manifest says, which may be anything: it is only shown."""
    decision = revision.manifest.get("decision")
    return {
        "revision": revision.name,
        "current": revision.name == current,
        "decision": decision.get("outcome") if isinstance(decision, dict) else None,
        "created": revision.manifest.get("created"),
        "parent": revision.manifest.get("parent"),
    }


def _line(revision: Revision, current: str | None) -> str:
    row = _row(revision, current)
    mark = "*" if row["current"] else " "
    if not revision.manifest:
        return f"{mark} {revision.name}  no readable manifest"
    about = f"{row['decision'] or 'decision unknown'}, {row['created']}"
    return f"{mark} {revision.name}  {one_line(about)}"
