"""``homespun doctor``: what is installed, what a place would be served with, and what stands in the
way. Every finding is one line; a bad one says what to do. Changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import math
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homespun_corpus.repo.identity import first_commit
from homespun_model.catalogue.catalogue import STARTER
from homespun_model.errors import ModelError, RemoteError
from homespun_model.sharing.store_place import StorePlace

from homespun_server.complete_command import (
    Cursor,
    brought_here,
    cursor_in,
    read_document,
    suggestion_at,
)
from homespun_server.document_home import UNTIL_THEN, Home, Root, home_of
from homespun_server.errors import CommandUsageError
from homespun_server.loaded_base import pick_device
from homespun_server.places import language_of
from homespun_server.reasons import why_not_shown
from homespun_server.served_once import ServedOnce, served_once
from homespun_server.serving import Serving
from homespun_server.settings import LaunchOptions

if TYPE_CHECKING:
    from homespun_model.bases.base import Base

PACKAGES = ("homespun", "torch", "tokenizers", "tree-sitter", "pygls")
PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    text: str
    good: bool = True


def doctor(options: LaunchOptions, place: str | None) -> int:
    """Print every finding; 1 if one of them keeps suggestions away."""
    good = True
    for finding in Diagnosis(options, place).findings():
        print(f"{'ok ' if finding.good else 'BAD'} {finding.name}: {finding.text}", flush=True)
        good = good and finding.good
    return 0 if good else 1


def parse_place(text: str) -> tuple[Path, int | None, int | None]:
    """FILE, FILE:LINE or FILE:LINE:COLUMN; a file that exists under the whole name is one."""
    match = PLACE.fullmatch(text)
    if Path(text).exists() or match is None:
        return Path(text), None, None
    line, column = match["line"], match["column"]
    return Path(match["file"]), int(line) if line else None, int(column) if column else None


class Diagnosis:
    """The checks in order; each begins with what the ones before it found."""

    def __init__(self, options: LaunchOptions, place: str | None) -> None:
        self._options = options
        self._place = place
        self._place_of_store = StorePlace.of(options.store)
        self._store = self._place_of_store.store
        self._served: ServedOnce | None = None
        self._serving: Serving | None = None

    def findings(self) -> Iterator[Finding]:
        """Everything that can be said, the machine first."""
        yield Finding("python", f"{platform.python_version()} at {sys.executable}")
        yield Finding("packages", ", ".join(_versions()))
        yield self._load_base(self._options)
        if self._serving is not None:
            yield self._generic(self._serving)
        yield self._find_store()
        if self._place is not None:
            yield from self._examine_file(*parse_place(self._place))

    def _find_store(self) -> Finding:
        try:
            self._store.check_folder()
        except ModelError as error:
            return Finding("store", str(error), good=False)
        if (url := self._place_of_store.url) is not None:
            return Finding("store", f"{url}, mirrored in {self._store.root}")
        return Finding("store", str(self._store.root))

    def _load_base(self, options: LaunchOptions) -> Finding:
        try:
            self._served = served = served_once(options, self._store)
        except (ModelError, OSError) as error:
            return Finding("base", str(error), good=False)
        self._serving, base = served.plain, served.base
        where = options.remote or pick_device(options.device)
        weights = f"weights {base.weights_hash[:12]}, {base.context_length} tokens of context"
        return Finding("base", f"{base.id}, {weights}, on {where}")

    def _generic(self, serving: Serving) -> Finding:
        if serving.problem is not None:
            return Finding("generic adapter", serving.problem, good=False)
        name = serving.served.base
        if serving.served.generic is None:
            how = f"make one: homespun models adapt {name}"
            if name == STARTER or self._options.remote is not None:
                how = "it needs none" if name == STARTER else "the base alone answers"
            return Finding("generic adapter", f"none for {name}; {how}")
        return Finding("generic adapter", serving.served.generic[:12])

    def _examine_file(self, file: Path, line: int | None, column: int | None) -> Iterator[Finding]:
        try:
            document = read_document(file)
            cursor = cursor_in(file, line, column or 1) if line is not None else None
        except CommandUsageError as error:
            yield Finding("file", str(error), good=False)
            return
        home = home_of(file.absolute(), known=self._store.has)
        yield from _belongs(home, language_of(document, home.path))
        if home.stays_here and self._options.remote is not None:
            yield from self._stay_here()
        if home.root is not None and self._served is not None:
            yield self._load_adapter(home.root, self._served)
        if cursor is not None and self._serving is not None and not home.excluded:
            yield self._suggestion(self._serving, cursor, home)

    def _stay_here(self) -> Iterator[Finding]:
        self._served = self._serving = None
        yield Finding("server", "this file stays here: this machine's base answers in it")
        yield self._load_base(self._options.without_server())

    def _load_adapter(self, root: Root, served: ServedOnce) -> Finding:
        base = served.base
        if (problem := brought_here(self._place_of_store, root.identity, base)) is not None:
            return Finding("adapter", problem, good=False)
        try:
            found = served.current(root.identity)
        except (ModelError, OSError) as error:
            return Finding("adapter", f"{error}; the base serves instead", good=False)
        if found is None:
            return Finding("adapter", self._why_none(root, base))
        self._serving = found
        if found.served.revision is None:
            return Finding("adapter", found.problem or "none", good=False)
        return Finding("adapter", f"revision {found.served.revision}")

    def _why_none(self, root: Root, base: Base) -> str:
        others = " and ".join(current.base for current in self._store.currents(root.identity))
        there = f" on {base.id}, only on {others}" if others else ""
        if not others and (kin := self._kin(root)) is not None:
            return (
                f"none under this id, but {kin} began with the same commit: to be served what it "
                f"has learnt, homespun serve --id {kin}"
            )
        return f"none published yet{there}: run finetune-repo; the base serves till then"

    def _kin(self, root: Root) -> str | None:
        """A repository with an adapter that may be the same one: named, and never chosen."""
        commit = first_commit(root.path)
        found = self._store.grown_from(commit) if commit else []
        return next((identity for identity in found if identity != root.identity), None)

    def _suggestion(self, serving: Serving, cursor: Cursor, home: Home) -> Finding:
        try:
            found = suggestion_at(serving, cursor, home)
        except RemoteError as error:
            return Finding("suggestion", f"none came: {error}", good=False)
        if (reason := why_not_shown(found)) is not None:
            return Finding("suggestion", f"none is shown: {reason}", good=False)
        likely = math.exp(found.line_logprob)
        why = f"stopped at {found.stopped}, first line right with probability {likely:.2f}"
        return Finding("suggestion", f"{found.text.splitlines()[0]!r} ({why})")


def _versions() -> Iterator[str]:
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"{name} missing"


def _belongs(home: Home, language: str | None) -> Iterator[Finding]:
    unknown = "no language known here: suggestions without a look at the syntax, often none"
    yield Finding("file", f"{home.path}, {language or unknown}")
    if home.root is None:
        yield Finding("repository", "none holds this file: the base serves it")
        return
    yield Finding("repository", f"{home.root.identity} at {home.root.path}")
    if home.root.problem is not None:
        yield Finding("settings", f"{home.root.problem}; {UNTIL_THEN}", good=False)
    elif home.excluded:
        yield Finding("exclude", "the repository's settings exclude this file", good=False)
