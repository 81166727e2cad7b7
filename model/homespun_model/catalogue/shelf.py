"""The shelf: the user's own bases on this machine.

    <shelf>/<name>/             model.gguf, or safetensors with config.json and tokenizer.json;
                                homespun_base.json says whose they are; never changed once there
    <shelf>/.coming/<name>/     a base on its way
    <shelf>/.locks/<name>       held by whoever brings it or takes it away
    <shelf>/.going/<…>/         a base that was taken away

A base is renamed into place whole, and out of it whole: whoever looks sees all of it or nothing.
Where a system lets open files be unlinked, a server goes on with what it has loaded. Knows no
sources.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homespun_model.catalogue.catalogue import check_name, is_name
from homespun_model.errors import FetchError
from homespun_model.files.disk import flush, flush_files, write

NAME_FILE = "homespun_base.json"
"""Beside weights whose publisher is known: ``{"name": "org/model", "revision": "…"}``."""
COMING, GOING, LOCKS = ".coming", ".going", ".locks"
PART = ".part"


def default_shelf() -> Shelf:
    """In the user's own data folder."""
    import platformdirs

    return Shelf(platformdirs.user_data_path("homespun", appauthor=False) / "bases")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder may not be there yet; its first writer makes it."""

    root: Path

    def folder(self, name: str) -> Path:
        """Where the base called ``name`` lies, or would. BaseError: nothing can be called so."""
        return self.root / check_name(name)

    def has(self, name: str) -> bool:
        """Whether it is here, whole."""
        return is_name(name) and (self.root / name / NAME_FILE).is_file()

    def names(self) -> list[str]:
        """All that are here."""
        try:
            return sorted(path.name for path in self.root.iterdir() if self.has(path.name))
        except OSError:
            return []

    def about(self, name: str) -> dict[str, Any]:
        """What was noted when it came; nothing where that cannot be read."""
        try:
            noted = json.loads((self.root / name / NAME_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def coming(self, name: str) -> Path:
        """The folder for a base on its way, made if it is not there. FetchError."""
        return _made(self.root / COMING / check_name(name))

    def lock_file(self, name: str) -> Path:
        """Held by whoever brings the base or takes it away. FetchError."""
        check_name(name)
        return _made(self.root / LOCKS) / name

    def fetched(self, name: str) -> int:
        """Bytes of a base on its way that are here already."""
        folder = self.root / COMING / name
        try:
            return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        except OSError:
            return 0

    def place(self, name: str, files: Collection[str], about: dict[str, Any]) -> Path:
        """Put ``files`` of ``coming(name)`` on the shelf, instead of what is there. OSError."""
        coming, target = self.coming(name), self.folder(name)
        for leftover in coming.iterdir():
            if leftover.is_dir():
                shutil.rmtree(leftover)
            elif leftover.name not in files:
                leftover.unlink()
        write(coming / NAME_FILE, json.dumps(about, indent=2) + "\n")
        flush_files(coming)
        self._take_away(target)
        coming.rename(target)
        flush(self.root)
        self.clear_away()
        return target

    def remove(self, name: str) -> bool:
        """Take a base away, and what came of it so far; whether there was any. FetchError."""
        coming, target = self.root / COMING / check_name(name), self.folder(name)
        was_here = target.exists() or coming.exists()
        try:
            self._take_away(target)
            self._take_away(coming)
        except OSError as error:
            raise FetchError(
                f"{name} cannot be taken away, it may be in use: {error.strerror}"
            ) from error
        self.clear_away()
        return was_here

    def clear_away(self) -> None:
        """Delete what was taken away: all that a crash left of it, too."""
        shutil.rmtree(self.root / GOING, ignore_errors=True)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        """Changes when another base comes to lie there; None where there is none."""
        try:
            stat = (self.root / name / NAME_FILE).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _take_away(self, path: Path) -> None:
        """By one rename, so that nobody sees half of it."""
        if not path.exists():
            return
        going = self.root / GOING
        going.mkdir(parents=True, exist_ok=True)
        path.rename(going / uuid.uuid4().hex)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise FetchError(f"{folder} cannot be made: {error.strerror}") from error
    return folder
