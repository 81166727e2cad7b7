"""``homespun adapters export all``: what a team's server is fed with.

What is current for every repository of a store, and the base's generic adapter, each in a folder of
the name that ``serve --remote`` asks for. Run again, it writes what is new and takes away what has
not been current for a day: an editor may ask for it until it has looked. Knows no server.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homespun_model.bases.base import load_base
from homespun_model.bases.choice import chosen_base
from homespun_model.errors import ModelError
from homespun_model.exit_codes import DONE, FAILED
from homespun_model.remote.names import GENERIC, adapter_name, generic_name
from homespun_model.sharing.store_place import StorePlace
from homespun_model.store.revision import NAME

from homespun_server.errors import CommandUsageError

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.sharing.export import Form

ALL = "all"
KEPT = 24 * 3600.0  # seconds that what is no longer current stays
_OURS = re.compile(rf"(?:{GENERIC}@[0-9a-f]+|[^@].*@{NAME.pattern})")


@dataclass(frozen=True, slots=True)
class _Exported:
    """An adapter, a folder of peft's, and what it is called."""

    name: str
    adapter: Path


class ExportAll:
    """Of one base, into one folder."""

    def __init__(
        self, place: StorePlace, base: Base, folder: Path, form: Form, called: str | None
    ) -> None:
        if form == "merged":
            raise CommandUsageError("--to merged makes a model of each: name one revision")
        self._place, self._base, self._folder = place, base, folder
        self._form, self._called = form, called
        self._failed = 0

    @classmethod
    def of(
        cls, store: str | None, base: str | None, folder: Path, form: Form, called: str | None
    ) -> ExportAll:
        """From a store, of the base that is named or would be served."""
        loaded = load_base(base or chosen_base("serve").base, fetch=False)
        return cls(StorePlace.of(store), loaded, folder.expanduser(), form, called)

    def run(self) -> int:
        """Write and take away; one repository that fails stops no other."""
        from homespun_model.sharing.export import export_adapter  # torch

        current, new = set(), 0
        for each in self._current():
            current.add(each.name)
            folder = self._folder / each.name
            if folder.exists():
                continue
            try:
                export_adapter(each.adapter, self._base, folder, self._form, called=self._called)
            except (ModelError, OSError) as error:
                self._fail(each.name, error)
            else:
                new += 1
                print(folder)
        gone = self._take_away(current)
        print(f"{len(current)} adapters of {self._base.id}: {new} new, {gone} taken away")
        return FAILED if self._failed else DONE

    def _current(self) -> Iterator[_Exported]:
        if (generic := self._base.found_generic.adapter) is not None:
            yield _Exported(generic_name(generic.sha256), generic.path)
        record = self._base.record
        for repository in self._place.repositories():
            try:
                self._place.pull(repository, record)
                revision = self._place.store.current(repository, record)
            except (ModelError, OSError) as error:
                self._fail(repository, error)
            else:
                if revision is not None:
                    yield _Exported(adapter_name(repository, revision.name), revision.path)

    def _take_away(self, current: set[str]) -> int:
        """Of what was written here and is current no more; nothing where something failed."""
        gone = 0
        for folder in [] if self._failed or not self._folder.is_dir() else self._folder.iterdir():
            if folder.name in current or not _OURS.fullmatch(folder.name):
                continue
            if time.time() - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)
                gone += 1
        return gone

    def _fail(self, name: str, error: Exception) -> None:
        self._failed += 1
        print(f"homespun: {name}: {error}", file=sys.stderr)
