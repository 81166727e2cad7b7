"""Bringing a base here: one source after the other, until one gives what was published.

Two that ask for one base at once fetch it once. Whatever stops it, what lies on the shelf is whole,
and what has come goes on from where it was the next time. Knows no source from another.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from homespun_model.catalogue.catalogue import BaseFile
from homespun_model.catalogue.shelf import PART, Shelf
from homespun_model.catalogue.source import Source
from homespun_model.catalogue.transfer import check, make_sure_of_room, sha256_if
from homespun_model.errors import FetchError, NoRoomError
from homespun_model.files.locks import NoLocksError, try_lock

POLL = 0.2  # seconds


class Teller(Protocol):
    """Who is told how it goes."""

    def say(self, line: str) -> None:
        """Something to read."""
        ...

    def progress(self, done: int, total: int | None) -> None:
        """Bytes; told often."""
        ...


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Brings bases onto a shelf."""

    shelf: Shelf
    teller: Teller
    examine: Callable[[Path], None]
    """Looks at a base for which no hash of ours vouches; raises for what it will not have."""

    def get(self, name: str, sources: Sequence[Source], known: Sequence[BaseFile] = ()) -> Path:
        """The folder of the base called ``name``. FetchError: no source gave it, or the disk took
        it; what ``examine`` raises.

        ``known``: files that have to be what they were published as, where it is here already.
        """
        with alone_with(self.shelf, name, self.teller):
            if self.shelf.has(name) and self._is_sound(name, known):
                self.teller.say(f"{name} is here already: {self.shelf.folder(name)}")
                return self.shelf.folder(name)
            reasons = []
            for source in sources:
                try:
                    return self._from(source, name)
                except NoRoomError:
                    raise
                except FetchError as error:
                    reasons.append(f"{source.name}: {error}")
                    if source is not sources[-1]:
                        self.teller.say(reasons[-1])
            raise FetchError(f"{name} was not got; {'; '.join(reasons) or 'nobody offers it'}")

    def _is_sound(self, name: str, known: Sequence[BaseFile]) -> bool:
        """It may come out of a cache between machines, which others can write to."""
        folder = self.shelf.folder(name)
        try:
            sound = all(sha256_if(folder / file.name, file) for file in known)
        except OSError:
            sound = False
        if not sound:
            self.teller.say(f"{folder} does not hold the published files: they are fetched again")
        return sound

    def _from(self, source: Source, name: str) -> Path:
        files = source.files()
        self.teller.say(source.intent)
        coming = self.shelf.coming(name)
        sizes = [file.size for file in files]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        if total is not None:
            make_sure_of_room(coming, max(0, total - _size_in(coming)))
        noted: dict[str, Any] = {}
        done = 0
        for file in files:
            sha256 = self._file(source, file, coming, done, total)
            size = (coming / file.name).stat().st_size
            noted[file.name] = {"size": size, "sha256": sha256}
            done += size
        if not all(file.sha256 for file in files):
            self.examine(coming)
        published, revision = source.identity()
        about = {"name": published, "revision": revision, "source": source.name, "files": noted}
        try:
            return self.shelf.place(name, noted, about)
        except OSError as error:
            raise FetchError(f"{self.shelf.root} cannot be written: {error.strerror}") from error

    def _file(
        self, source: Source, file: BaseFile, coming: Path, done: int, total: int | None
    ) -> str:
        """One file, checked; its sha256."""
        whole, part = coming / file.name, coming / f"{file.name}{PART}"
        if whole.exists() and file.is_known:
            with contextlib.suppress(FetchError):  # of another source's, then
                return check(whole, file)
        went_on = part.exists()
        try:
            return self._brought(source, file, part, done, total)
        except FetchError:
            if not went_on or part.exists():
                raise
        # What was there before was of something else, and is gone.
        return self._brought(source, file, part, done, total)

    def _brought(
        self, source: Source, file: BaseFile, part: Path, done: int, total: int | None
    ) -> str:
        def heard(here: int) -> None:
            self.teller.progress(min(done + here, total or done + here), total)

        try:
            source.bring(file, part, heard)
            heard(part.stat().st_size)
            sha256 = check(part, file)
            part.rename(part.with_name(file.name))
        except OSError as error:
            raise FetchError(f"{part.parent} cannot be written: {error.strerror}") from error
        return sha256


@contextmanager
def alone_with(shelf: Shelf, name: str, teller: Teller) -> Iterator[None]:
    """Nobody else brings or takes away this base meanwhile. FetchError: the shelf is read-only."""
    file, waited = shelf.lock_file(name), False
    try:
        while (lock := try_lock(file, strict=True)) is None:
            if not waited:
                teller.say(f"somebody else is busy with {name}: waiting for them")
            waited = True
            time.sleep(POLL)
    except NoLocksError:
        teller.say(f"{file.parent} knows no locks: going on without, so do not do this twice")
        yield
        return
    except OSError as error:
        raise FetchError(f"{file} cannot be written: {error.strerror}") from error
    with lock:
        yield


def _size_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
