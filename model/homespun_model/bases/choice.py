"""Which base is used where nobody names one: what the user chose, else the best that is here.

The one place that decides, for serving and for training. A repository has no say: only the user's
own settings and the user's own shelf are looked at. Loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from homespun_model.bases.generic_adapter import own_names
from homespun_model.bases.memory import machine_memory, needed
from homespun_model.catalogue import own_settings
from homespun_model.catalogue.catalogue import STARTER, Catalogue, CatalogueEntry, published
from homespun_model.catalogue.shelf import Shelf, default_shelf
from homespun_model.errors import BaseError

Purpose = Literal["serve", "train"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A base by its name or path."""

    base: str
    hint: str | None = None
    """How to get a better one, where there may be one."""


@dataclass(frozen=True, slots=True)
class Chooser:
    """Decides by what is on this machine."""

    purpose: Purpose
    shelf: Shelf = field(default_factory=default_shelf)
    settings: Path = field(default_factory=own_settings.default_file)
    catalogue: Catalogue = field(default_factory=published)
    memory: int = field(default_factory=machine_memory)
    """Bytes."""

    def choice(self) -> Choice:
        """The base to use now. BaseError: the user's settings cannot be read."""
        if (chosen := own_settings.chosen(self.settings)) is not None:
            return Choice(self._checked(chosen))
        base = self._largest()
        if self.purpose == "train" and (served := self._served()) != base:
            return Choice(
                base,
                f"{base} learns: {served}, which editors here are served with, takes more memory "
                f"to fine-tune than there is; to be served what learns: homespun models use {base}",
            )
        return Choice(base, self._hint() if base == STARTER else None)

    def _served(self) -> str:
        """What editors are served with."""
        return replace(self, purpose="serve")._largest()

    def _largest(self) -> str:
        """Of what is here and fits."""
        here = [e for e in self.catalogue.entries if self.shelf.has(e.name) and self.fits(e)]
        return max(here, key=lambda e: (e.parameters, not e.instruct)).name if here else STARTER

    def fits(self, entry: CatalogueEntry) -> bool:
        """Whether this machine has the memory for it."""
        need = needed(entry.parameters)
        return (need.serve if self.purpose == "serve" else need.train) < self.memory

    def stamp(self) -> tuple[object, ...]:
        """Changes with the choice, with what lies where it points to, or with the generic
        adapters made here. BaseError."""
        base = self.choice().base
        return base, self.shelf.stamp(base), _changed(Path(base).expanduser()), own_names()

    def _checked(self, chosen: str) -> str:
        """Not a path that means another folder wherever a program is started."""
        known = chosen == STARTER or self.shelf.has(chosen) or self.catalogue.find(chosen)
        if known or Path(chosen).expanduser().is_absolute():
            return chosen
        raise BaseError(
            f"{self.settings} names the base {chosen!r}, which is not here: choose another with "
            "homespun models use"
        )

    def recommended(self) -> CatalogueEntry | None:
        """The largest of those that we have tried and this machine has the memory for."""
        tried = [e for e in self.catalogue.entries if e.tested and e.name != STARTER]
        return max(filter(self.fits, tried), key=lambda e: e.parameters, default=None)

    def _hint(self) -> str | None:
        if (best := self.recommended()) is None:
            return None
        size = f" ({best.size / 1e6:,.0f} MB)" if best.size else ""
        return f"the small starter is in use; a better base{size}: homespun models get {best.name}"


def chosen_base(purpose: Purpose) -> Choice:
    """The base for somebody who names none. BaseError: their settings cannot be read."""
    return Chooser(purpose).choice()


def _changed(path: Path) -> tuple[int, ...] | None:
    """Of a path that the user chose: a folder that is written again, or a file."""
    if not path.is_absolute():
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
