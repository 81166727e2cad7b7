"""A base that the user has already: a file, a folder, or an address of their own.

A name of the catalogue is held to the catalogue's hashes; of anything else nothing is known, and
its weights name it. Only what a base is made of is taken out of a folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from homespun_model.catalogue.catalogue import BaseFile, CatalogueEntry
from homespun_model.catalogue.shelf import NAME_FILE
from homespun_model.catalogue.source import GGUF_FILE, is_data, is_gguf
from homespun_model.catalogue.transfer import Download, Heard, check_address, copy
from homespun_model.errors import FetchError

SILENCE = 30.0  # seconds after which an address is given up


@dataclass(slots=True)
class LocalSource:
    """A GGUF file, or a folder with one or with safetensors."""

    path: Path
    entry: CatalogueEntry | None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = str(self.path)

    @property
    def intent(self) -> str:
        """Where from."""
        return f"copying {self.path}"

    def files(self) -> tuple[BaseFile, ...]:
        """As the catalogue has them, where it does."""
        try:
            found = self._found()
        except OSError as error:
            raise FetchError(f"{self.path} cannot be read: {error.strerror}") from error
        if self.entry is None or not self.entry.files:
            return found
        if missing := {f.name for f in self.entry.files} - {f.name for f in found}:
            raise FetchError(
                f"{self.path} has no {min(missing)}, of which {self.entry.name} is made"
            )
        return self.entry.files

    def identity(self) -> tuple[str | None, str | None]:
        """The catalogue's where its hashes say so, else what lies beside the weights."""
        if self.entry is not None and self.entry.files:
            return self.entry.published, self.entry.revision
        return _noted(self.path / NAME_FILE)

    def bring(self, file: BaseFile, part: Path, heard: Heard) -> None:
        """A copy."""
        copy(self._of(file.name), part, heard)

    def _found(self) -> tuple[BaseFile, ...]:
        if self.path.is_file() and not is_gguf(self.path):
            raise FetchError(f"{self.path} is no GGUF file: weights are GGUF or safetensors")
        if self.path.is_file() or [*self.path.glob("*.gguf")]:
            return (BaseFile(GGUF_FILE, self.path.name, self._of(GGUF_FILE).stat().st_size),)
        names = sorted(path.name for path in self.path.iterdir() if is_data(path.name))
        if not any(name.endswith(".safetensors") for name in names):
            raise FetchError(f"{self.path} holds no weights (GGUF or safetensors)")
        return tuple(BaseFile(n, n, (self.path / n).stat().st_size) for n in names)

    def _of(self, name: str) -> Path:
        if self.path.is_file():
            return self.path
        if name != GGUF_FILE:
            return self.path / name
        found = [*self.path.glob("*.gguf")]
        if len(found) != 1 or not is_gguf(found[0]):
            raise FetchError(f"{self.path} holds several GGUF files, or none that is one: name it")
        return found[0]


@dataclass(slots=True)
class UrlSource:
    """One GGUF file at an address."""

    url: str
    entry: CatalogueEntry | None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)  # what is noted and said holds no password and no signature
        self.name = f"{parts.scheme}://{parts.hostname}{parts.path}"[:200]

    @property
    def intent(self) -> str:
        """The address."""
        return f"fetching {self.name}"

    def files(self) -> tuple[BaseFile, ...]:
        """The one file."""
        check_address(self.url)
        if self.entry is None or not self.entry.files:
            return (BaseFile(GGUF_FILE, self.name),)
        if len(self.entry.files) != 1:
            raise FetchError(f"{self.entry.name} is more than one file: give a folder")
        return self.entry.files

    def identity(self) -> tuple[str | None, str | None]:
        """The catalogue's where its hash says so."""
        return (self.entry.published if self.entry is not None and self.entry.files else None), None

    def bring(self, file: BaseFile, part: Path, heard: Heard) -> None:
        """What the address gives, if it is GGUF."""
        Download(self.url, part, file, heard, SILENCE).run()
        if not is_gguf(part):
            part.unlink()
            raise FetchError(f"{self.name} is no GGUF file: weights are GGUF or safetensors")


def _noted(file: Path) -> tuple[str | None, str | None]:
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        name, revision = about["name"], about.get("revision")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, None
    return (name if isinstance(name, str) else None), (
        revision if isinstance(revision, str) else None
    )
