"""A shared store in a folder of this machine or of a mount, as ``file://`` names it.

Whoever replaces what is served holds the store's lock; a file appears whole, by a rename.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from homespun_model.errors import StoreError, StoreInputError
from homespun_model.files.disk import flush
from homespun_model.files.locks import wait_for_lock
from homespun_model.sharing.shared_files import ChangedMeanwhileError
from homespun_model.sharing.url import StoreUrl

LOCK_SECONDS = 30.0  # replacing a small file takes no time


def folder_of(url: StoreUrl) -> Path:
    """Which folder a URL of the kind ``file`` names. StoreInputError for another machine's."""
    parts = urlsplit(url.text)
    if parts.netloc not in ("", "localhost"):
        raise StoreInputError(f"{url} is on another machine: file:/// names a folder of this one")
    return Path(unquote(parts.path) if os.name != "nt" else unquote(parts.path[1:]))


class FolderFiles:
    """``url`` is of the kind ``file``."""

    def __init__(self, url: StoreUrl) -> None:
        self._root = folder_of(url)
        self._url = url

    def exists(self) -> bool:
        return self._root.is_dir()

    def check_writable(self) -> None:
        """A disk says so itself."""

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(entry.name for entry in (self._root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._failed(error) from error

    def read(self, name: str, most: int) -> tuple[bytes, str] | None:
        try:
            with (self._root / name).open("rb") as file:
                data = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(error) from error
        if len(data) > most:
            raise StoreError(f"{self._url}/{name} is longer than anything homespun writes there")
        return data, data.hex()

    def get(self, name: str, to: Path, most: int) -> None:
        try:
            if (self._root / name).stat().st_size > most:
                raise StoreError(f"{self._url}/{name} is longer than any adapter's file")
            shutil.copyfile(self._root / name, to)
        except OSError as error:
            raise self._failed(error) from error

    def put(self, name: str, file: Path, *, anew: bool = False) -> None:
        target = self._root / name
        try:
            if anew or not (target.exists() and target.stat().st_size == file.stat().st_size):
                self._write(target, file.read_bytes())
        except OSError as error:
            raise self._failed(error) from error

    def replace(self, name: str, data: bytes, mark: str | None) -> None:
        target = self._root / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with wait_for_lock(self._root / "lock", seconds=LOCK_SECONDS):
                now = self.read(name, max(1 << 20, len(data)))
                if (now[1] if now else None) != mark:
                    raise ChangedMeanwhileError
                self._write(target, data)
        except TimeoutError as error:
            raise StoreError(f"another machine is writing to {self._url}: try again") from error
        except OSError as error:
            raise self._failed(error) from error

    def remove(self, name: str) -> None:
        target = self._root / name
        try:
            target.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # rmdir refuses a folder that holds another file
                target.parent.rmdir()
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, target: Path, data: bytes) -> None:
        """By way of another file: a reader sees all of it or nothing."""
        target.parent.mkdir(parents=True, exist_ok=True)
        coming = target.with_name(f"coming-{uuid.uuid4().hex}")
        try:
            with coming.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            coming.replace(target)
            flush(target.parent)
        finally:
            coming.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(f"the store {self._url}: {error.strerror or error}")
