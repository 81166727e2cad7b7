"""``homespun models``: the bases there are, which are here, and how one comes, is chosen and goes.

Sizes of memory are those of ``bases.memory``. What is chosen is the user's own setting: nothing in
a workspace is looked at. Knows nothing of how a base comes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homespun_model.bases.base import load_base
from homespun_model.bases.choice import Chooser
from homespun_model.bases.families import families, named_family
from homespun_model.bases.generic_adapter import spoken_of
from homespun_model.bases.memory import gib, machine_memory, needed
from homespun_model.catalogue import own_settings
from homespun_model.catalogue.catalogue import STARTER, Catalogue, CatalogueEntry, published
from homespun_model.catalogue.elsewhere import Found, elsewhere
from homespun_model.catalogue.fetch import Fetcher, alone_with
from homespun_model.catalogue.hub import Hub, HubCache
from homespun_model.catalogue.local import LocalSource, UrlSource
from homespun_model.catalogue.packages import Packages
from homespun_model.catalogue.shelf import Shelf, default_shelf
from homespun_model.catalogue.source import Source
from homespun_model.errors import BaseError, ModelError

from homespun_server.errors import CommandUsageError
from homespun_server.fetch_progress import PlainTeller, emit, teller

SOURCES = ("hub", "packages")


@dataclass(frozen=True, slots=True)
class ModelCommands:
    """The commands, on one shelf and one catalogue."""

    shelf: Shelf = field(default_factory=default_shelf)
    catalogue: Catalogue = field(default_factory=published)
    settings: Path = field(default_factory=own_settings.default_file)
    memory: int = field(default_factory=machine_memory)

    def list(self, *, as_json: bool) -> int:
        """Print the table; sizes in GiB of memory."""
        chosen, others = self._in_use(), _bases_of(elsewhere())
        rows = [self._row(entry, chosen) for entry in self.catalogue.entries]
        known = {entry.name for entry in self.catalogue.entries}
        own = [self._own(name, chosen) for name in self.shelf.names() if name not in known]
        if as_json:
            print(json.dumps(self._to_json(rows + own, chosen, others)))
            return 0
        print(
            f"  {'base':<29}{'parameters':>10}{'download':>10}{'serve':>8}{'train':>8}   fits here"
        )
        for row in rows:
            print(_line(row))
        for row in own:
            adapted = "; adapted" if row["adapted"] else ""
            mark = "*" if row["chosen"] else " "
            print(f"{mark} {row['name']:<29}your own, at {row['path']}{adapted}")
        for found in others:
            print(f"  {found.name:<29}{found.program}'s: --base {found.path}")
        if chosen is not None and not any(row["chosen"] for row in rows + own):
            print(f"* {chosen}")
        names = ", ".join(family.name for family in families())
        print(
            f"\n* is in use where none is named. There are {gib(self.memory)} GiB of memory here."
        )
        print(f"Any model of these families works with --base FOLDER or a hub name: {names}.")
        return 0

    def get(self, name: str, *, source: str | None, given: str | None, as_json: bool) -> int:
        """Bring a base here."""
        with teller(as_json=as_json) as told:
            try:
                entry = self._wanted(name, given)
                sources = _sources(entry, source, given)
                if entry is not None:
                    told.say(f"{name}: {entry.published}, licence: {entry.licence}")
                if (doubt := _doubt(entry, given)) is not None:
                    told.say(f"{name}: {doubt}")
                known = entry.files if entry is not None else ()
                path = Fetcher(self.shelf, told, _examine).get(name, sources, known)
            except (ModelError, CommandUsageError) as error:
                if as_json:
                    emit("error", message=str(error))
                raise
        if as_json:
            emit("done", path=str(path))
        else:
            used = "used where none is named" if self._in_use() == name else "not used yet"
            print(f"{name} is here, {used}: {path}")
        return 0

    def use(self, name: str) -> int:
        """Note the user's choice."""
        base = self._usable(name)
        own_settings.choose(self.settings, base)
        print(f"{base} is used from now on where none is named ({self.settings})")
        return 0

    def remove(self, name: str) -> int:
        """Take a base away, and the choice of it back. A server that runs goes on with what it has
        loaded, where the system lets it; where not, this is refused."""
        if name == STARTER:
            raise CommandUsageError("the starter is part of homespun: it cannot be taken away")
        with alone_with(self.shelf, name, PlainTeller()):
            was_chosen = self._chosen() == name
            if not self.shelf.remove(name):
                raise CommandUsageError(f"{name} is not here: there is nothing to take away")
            if was_chosen:
                own_settings.choose(self.settings, None)
        chosen = f"; it was the chosen one, now {self._in_use()} is used" if was_chosen else ""
        print(f"{name} is gone{chosen}")
        return 0

    def _chosen(self) -> str | None:
        with suppress(BaseError):
            return own_settings.chosen(self.settings)
        return None

    def _in_use(self) -> str | None:
        """None where the user's settings cannot be read."""
        with suppress(BaseError):
            return self._chooser().choice().base
        return None

    def _chooser(self) -> Chooser:
        return Chooser("serve", self.shelf, self.settings, self.catalogue, self.memory)

    def _wanted(self, name: str, given: str | None) -> CatalogueEntry | None:
        """The row of a name; CommandUsageError for one that cannot be got."""
        self.shelf.folder(name)
        entry = self.catalogue.find(name)
        if name == STARTER:
            raise CommandUsageError("the starter is part of homespun: it is here")
        if entry is None:
            named_family([name])  # says why, of those that cannot be bases
            if given is None:
                raise CommandUsageError(
                    f"there is no {name} in the list of `homespun models`: bring your own with "
                    "--from, or give a hub name to --base"
                )
        return entry

    def _usable(self, name: str) -> str:
        """What to note for ``name``; BaseError where it does not load."""
        if name == STARTER or self.shelf.has(name):
            return name
        if self.catalogue.find(name) is not None:
            raise BaseError(f"{name} is not on this machine yet: homespun models get {name}")
        path = Path(name).expanduser()
        if not path.exists():
            raise BaseError(
                f"there is no {name}: give a name that is here, a folder or a .gguf file"
            )
        return load_base(str(path.resolve())).id

    def _row(self, entry: CatalogueEntry, chosen: str | None) -> dict[str, Any]:
        need = needed(entry.parameters)
        fits = (
            "serve and train"
            if need.train < self.memory
            else "serve"
            if need.serve < self.memory
            else "no"
        )
        offers = [kind for kind in SOURCES if getattr(entry, kind) is not None]
        return {
            "name": entry.name,
            "family": entry.family,
            "parameters": entry.parameters,
            "licence": entry.licence,
            "instruct": entry.instruct,
            "tested": entry.tested,
            "doubt": entry.doubt,
            "size": entry.size,
            "sources": offers,
            "key": entry.key,
            "serve_gib": gib(need.serve),
            "train_gib": gib(need.train),
            "fits": fits,
            "recommended": entry == self._chooser().recommended(),
            "chosen": entry.name == chosen,
            "adapted": self._is_adapted(entry.name),
        } | self._place(entry.name)

    def _own(self, name: str, chosen: str | None) -> dict[str, Any]:
        adapted = self._is_adapted(name)
        return {"name": name, "chosen": name == chosen, "adapted": adapted} | self._place(name)

    def _is_adapted(self, name: str) -> bool:
        """Whether a base that is here has a generic adapter; only one that may have is read."""
        if not self.shelf.has(name) or self.shelf.about(name).get("name") not in spoken_of():
            return False
        with suppress(BaseError):
            return load_base(str(self.shelf.folder(name))).generic is not None
        return False

    def _place(self, name: str) -> dict[str, Any]:
        """Where it lies, or would; the starter comes with the program."""
        if name == STARTER:
            return {"here": True, "from": "homespun", "path": None, "fetched": 0}
        here = self.shelf.has(name)
        return {
            "here": here,
            "from": self.shelf.about(name).get("source") if here else None,
            "path": str(self.shelf.folder(name)),
            "fetched": 0 if here else self.shelf.fetched(name),
        }

    def _to_json(
        self, rows: Sequence[dict[str, Any]], chosen: str | None, others: Sequence[Found]
    ) -> dict[str, Any]:
        return {
            "memory_gib": gib(self.memory),
            "families": [family.name for family in families()],
            "chosen": chosen,
            "models": rows,
            "elsewhere": [
                {"program": o.program, "name": o.name, "path": str(o.path), "size": o.size}
                for o in others
            ],
        }


def _sources(entry: CatalogueEntry | None, source: str | None, given: str | None) -> list[Source]:
    """Where to look, in this order."""
    if source is not None and given is not None:
        raise CommandUsageError("--source and --from both say where from: give one of them")
    if source not in (None, *SOURCES):
        raise CommandUsageError(f"--source takes {' or '.join(SOURCES)}, not {source!r}")
    if given is not None and "://" in given:
        return [UrlSource(given, entry)]
    if given is not None:
        return [LocalSource(Path(given).expanduser(), entry)]
    assert entry is not None
    found: list[Source] = []
    if entry.hub is not None and source is None:
        found.append(HubCache(entry, entry.hub))
    if entry.hub is not None and source in (None, "hub"):
        found.append(Hub(entry, entry.hub))
    if entry.packages is not None and source in (None, "packages"):
        found.append(Packages(entry, entry.packages))
    if not found:
        raise CommandUsageError(f"{entry.name} cannot be had from {source}")
    return found


def _doubt(entry: CatalogueEntry | None, given: str | None) -> str | None:
    """What is not known of what is about to come."""
    if entry is None or (given is not None and not entry.files):
        return "nothing is known about it that it could be held to"
    return entry.doubt


def _examine(folder: Path) -> None:
    """BaseError for what is no base, or does not say how it fills in the middle."""
    load_base(str(folder))


def _bases_of(found: Sequence[Found]) -> list[Found]:
    """Those that a known family is written on."""
    bases = []
    for one in found:
        with suppress(BaseError):
            if named_family([one.name.replace(":", "-")]) is not None:
                bases.append(one)
    return bases


def _line(row: dict[str, Any]) -> str:
    size = f"{row['size'] / 1e6:,.0f} MB" if row["size"] else ""
    notes = [row["fits"]]
    if row["recommended"] and not row["here"]:
        notes.append("recommended")
    if row["here"]:
        notes.append(f"here, from {row['from']}")
    if row["adapted"]:
        notes.append("adapted")
    if row["fetched"]:
        notes.append(f"{row['fetched'] / 1e6:,.0f} MB of it came")
    if ":" in row["licence"]:
        notes.append(row["licence"])
    return (
        f"{'*' if row['chosen'] else ' '} {row['name']:<29}{row['parameters'] / 1e6:>8,.0f} M"
        f"{size:>10}{row['serve_gib']:>6.1f} G{row['train_gib']:>6.1f} G   {'; '.join(notes)}"
    )
