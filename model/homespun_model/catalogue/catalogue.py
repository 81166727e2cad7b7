"""The catalogue: which published bases there are, where to be had, and what they have to hash to.

``catalogue.json`` beside this module is data. What could not be established is left out there: a
row without files is whatever the hub states for its revision, one without a revision is not pinned
at all, and both are said. Looks nothing up anywhere. Knows nothing of weights.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from homespun_model.errors import BaseError

STARTER = "starter"
# One component of a path on every system, and no hidden one. A dot at its end is Windows's.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.IGNORECASE)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BaseFile:
    """One file of a base, as its publisher has it."""

    name: str
    """Here."""
    source: str
    """At its publisher's."""
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    git_sha1: str | None = None
    """What git calls its contents: all that the hub states of a small file."""

    @property
    def is_known(self) -> bool:
        """Whether a hash says what it has to be."""
        return self.sha256 is not None or self.git_sha1 is not None


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository of the Hugging Face hub."""

    repository: str
    revision: str | None
    """A commit; None: its main branch, whatever that is by now."""


@dataclass(frozen=True, slots=True)
class PackagesSource:
    """Packages of the Python index that carry one file in parts."""

    requirements: tuple[str, ...]
    """In the order of the parts."""
    member: str
    """How the name of the part in each wheel ends."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A published base."""

    name: str
    parameters: int
    family: str
    licence: str
    instruct: bool
    tested: bool
    """Whether it was loaded by us."""
    released: date | None
    """What is older may have been trained on. None: of the starter, for which it is known what
    was."""
    published: str
    """What its publisher calls the model, of which the files may be a quantisation."""
    hub: HubSource | None
    packages: PackagesSource | None
    files: tuple[BaseFile, ...]
    """Empty: what the hub states."""

    @property
    def is_quantised(self) -> bool:
        """Whether its files are another's than those that ``published`` names."""
        return self.hub is not None and self.hub.repository != self.published

    @property
    def revision(self) -> str | None:
        """Of what ``published`` names; of which one a quantisation is, nobody says."""
        return None if self.is_quantised or self.hub is None else self.hub.revision

    @property
    def size(self) -> int | None:
        """Bytes of all files, where all are known."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if sizes and len(sizes) == len(self.files) else None

    @property
    def key(self) -> str:
        """Changes with what is fetched: for a cache between machines."""
        about = (self.name, self.hub and self.hub.revision, [file.sha256 for file in self.files])
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]

    @property
    def doubt(self) -> str | None:
        """What is not known of it, for people; None where its files are known by their hashes."""
        if self.name == STARTER or self.files:
            return None
        if self.hub is not None and self.hub.revision is not None:
            return "its hashes are what the hub states"
        return "not pinned: whatever the hub has by now, with the hashes that it states"

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> CatalogueEntry:
        """One row of the data, which is ours."""
        hub, packages = row.get("hub"), row.get("packages")
        return cls(
            name=check_name(row["name"]),
            parameters=row["parameters"],
            family=row["family"],
            licence=row["licence"],
            instruct=row.get("instruct", False),
            tested=row.get("tested", False),
            released=date.fromisoformat(row["released"]) if "released" in row else None,
            published=row.get("published", hub["repository"] if hub else row["name"]),
            hub=HubSource(hub["repository"], hub.get("revision")) if hub else None,
            packages=PackagesSource(tuple(packages["requirements"]), packages["member"])
            if packages
            else None,
            files=tuple(
                BaseFile(f["name"], f.get("source", f["name"]), f.get("size"), f.get("sha256"))
                for f in row.get("files", ())
            ),
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The rows, smallest base first."""

    entries: tuple[CatalogueEntry, ...]

    def find(self, name: str) -> CatalogueEntry | None:
        """The base called ``name``."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def released(self, published: str) -> date | None:
        """When the model came out that its publisher calls so."""
        found = (entry.released for entry in self.entries if entry.published == published)
        return next(found, None)

    def named_by(self, sha256: str) -> tuple[str, str | None] | None:
        """Publisher's name and revision of the model whose one file of weights this is."""
        for entry in self.entries:
            if sha256 in [file.sha256 for file in entry.files]:
                return entry.published, entry.revision
        return None


@cache
def published() -> Catalogue:
    """What comes with this version."""
    text = resources.files(__package__).joinpath("catalogue.json").read_text(encoding="utf-8")
    return Catalogue(tuple(map(CatalogueEntry.from_dict, json.loads(text)["bases"])))


def is_name(text: str) -> bool:
    """Whether a base can be called so: one component of a path, wherever it is."""
    return bool(NAME.fullmatch(text)) and not RESERVED.fullmatch(text)


def check_name(name: str) -> str:
    """``name``; BaseError where no base can be called so."""
    if not is_name(name):
        raise BaseError(f"{name[:80]!r} cannot be the name of a base: letters, digits and .-_ only")
    return name
