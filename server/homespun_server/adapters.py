"""``homespun adapters``: a repository's folder in the store, looked at and looked after."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_corpus.errors import one_line
from homespun_corpus.repo.identity import find_root, identity_of
from homespun_model.bases.base import load_base
from homespun_model.bases.identity import BaseRecord
from homespun_model.catalogue.shelf import default_shelf
from homespun_model.errors import BaseError, StoreError
from homespun_model.sharing.store_place import StorePlace
from homespun_model.store.store import AdapterStore, Current, Revision

from homespun_server.errors import CommandUsageError, ServerError

if TYPE_CHECKING:
    from homespun_model.sharing.export import Form


FORMS: tuple[Form, ...] = ("peft", "gguf", "merged")
HOW: Mapping[str, str] = {
    "peft": "vLLM: --enable-lora --max-lora-rank 64 --lora-modules NAME=FOLDER",
    "gguf": "llama.cpp: --lora FILE beside the base's own file; Ollama: ADAPTER FILE",
    "merged": "a model of its own, for whatever takes a folder of transformers'",
}


@dataclass(frozen=True, slots=True)
class AdapterCommands:
    """The revisions of one repository."""

    place: StorePlace
    repository: str
    base: BaseRecord | str | None = None
    """Of whose adapters a command speaks, or what that is called; needed where several have one."""

    @classmethod
    def of(
        cls, store: str | None, repository: Path, identity: str | None, base: str | None = None
    ) -> AdapterCommands:
        """The folder of the repository at a path, or of the one called ``identity``."""
        return cls(
            StorePlace.of(store),
            repository_id(repository) if identity is None else identity,
            None if base is None else looked_at(base),
        )

    def pulled(self) -> AdapterCommands:
        """With what a URL serves now, where there is one. StoreError where it cannot be asked."""
        self.place.pull(self.repository)
        return self

    @property
    def store(self) -> AdapterStore:
        return self.place.store

    def list(self, *, as_json: bool) -> int:
        """Print the revisions, oldest first; 1 if what should be served is not among them."""
        revisions = self.store.revisions(self.repository)
        currents = self.store.currents(self.repository)
        served = {current.name for current in currents}
        if as_json:
            rows = [_row(revision, served) for revision in revisions]
            print(json.dumps({"repository": self.repository, "revisions": rows}))
        else:
            print(f"{self.repository}: {len(revisions)} revisions")
            for revision in revisions:
                print(_line(revision, served))
        for current in currents:
            if current.name not in [revision.name for revision in revisions]:
                raise ServerError(self._problem(current) or f"{current.file} cannot be read")
        return 0

    def show(self, revision: str | None) -> int:
        """Print a manifest."""
        print(json.dumps(self._find(revision).manifest, indent=2, sort_keys=True))
        return 0

    def rollback(self, *, to_base: bool) -> int:
        """Serve what was served before, or the base."""
        base, revision = self.place.rollback(self.repository, base=self.base, to_base=to_base)
        served = (
            f"{revision.name} on {base}" if revision else f"the base, {base}, without an adapter,"
        )
        print(f"{self.repository}: {served} is served again")
        return 0

    def verify(self) -> int:
        """Name every file that is not what its manifest says; 1 if there is one."""
        revisions = self.store.revisions(self.repository)
        currents = [self._problem(current) for current in self.store.currents(self.repository)]
        problems = [f"current: {problem}" for problem in currents if problem is not None]
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
        if self.place.url is not None:
            raise CommandUsageError("prune deletes from a folder: give that as --store")
        gone = self.store.prune(self.repository, keep=keep, base=self.base)
        for base, names in gone.items():
            print(f"{self.repository}: {len(names)} revisions on {base} deleted")
        if not gone:
            print(f"{self.repository}: 0 revisions deleted, there are none{self._about}")
        return 0

    def export(self, name: str, folder: Path, form: Form, called: str | None) -> int:
        """Write a revision as other programs take it, and say how they do."""
        revision = self._find(None if name == "current" else name)
        trained_on = BaseRecord.in_manifest(revision.manifest)
        if trained_on is None:
            raise ServerError(f"{revision.name} does not say what it was trained on")
        base = load_base(trained_on.id, fetch=False)
        from homespun_model.sharing.export import export  # torch

        written = export(revision, base, folder, form, called=called)
        print(f"{self.repository}: {revision.name} is written to {written}; {HOW[form]}")
        return 0

    def _problem(self, current: Current) -> str | None:
        """What is wrong with what is served for one base."""
        try:
            self.store.open_current(self.repository, current.file)
        except StoreError as error:
            return str(error)
        return None

    @property
    def _about(self) -> str:
        if self.base is None:
            return ""
        return f" on {self.base if isinstance(self.base, str) else self.base.id}"

    def _find(self, name: str | None) -> Revision:
        if name is None:
            return self._served()
        for revision in self.store.revisions(self.repository):
            if revision.name == name:
                return revision
        raise CommandUsageError(
            f"{self.repository} has no revision {name!r}: see homespun adapters list"
        )

    def _served(self) -> Revision:
        """The only current revision, or that of the base that was asked for."""
        found = self.store.currents(self.repository, self.base)
        if not found:
            raise ServerError(
                f"{self.repository} has no adapter{self._about} yet: run finetune-repo"
            )
        if len(found) > 1:
            names = " and ".join(one.base for one in found)
            raise CommandUsageError(
                f"{self.repository} has adapters on {names}: say which with --base"
            )
        return self.store.open_current(self.repository, found[0].file)


def form_of(text: str) -> Form:
    """The form that ``--to`` names."""
    forms: dict[str, Form] = {form: form for form in FORMS}
    if (found := forms.get(text)) is None:
        raise CommandUsageError(f"--to takes {', '.join(FORMS)}, not {text!r}")
    return found


def looked_at(base: str) -> BaseRecord | str:
    """The base, for one model has many names; a base that is gone is known by its name alone."""
    try:
        return load_base(base, fetch=False).record
    except BaseError:
        path = Path(base).expanduser()
        is_path = path.exists() and not default_shelf().has(base)
        return str(path.resolve()) if is_path else base


def repository_id(path: Path) -> str:
    """What the repository at a path is called in a store."""
    root = find_root(path) if path.exists() else None
    if root is None and not path.is_dir():
        raise CommandUsageError(f"there is no folder {path}")
    return identity_of(root or path.resolve())


def _row(revision: Revision, served: Collection[str | None]) -> dict[str, Any]:
    """What a manifest says, which may be anything: it is only shown."""
    decision = revision.manifest.get("decision")
    return {
        "revision": revision.name,
        "current": revision.name in served,
        "base": base.id if (base := BaseRecord.in_manifest(revision.manifest)) else None,
        "decision": decision.get("outcome") if isinstance(decision, dict) else None,
        "created": revision.manifest.get("created"),
        "parent": revision.manifest.get("parent"),
    }


def _line(revision: Revision, served: Collection[str | None]) -> str:
    row = _row(revision, served)
    mark = "*" if row["current"] else " "
    if not revision.manifest:
        return f"{mark} {revision.name}  no readable manifest"
    about = f"{row['decision'] or 'decision unknown'}, {row['created']}, on {row['base']}"
    return f"{mark} {revision.name}  {one_line(about)}"
