"""What a repository is made of: files, commits and changes, as plain data.

Git and plain folders both give these; ``Objects`` is what either must offer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Wanted = Callable[[str], bool]  # of a path


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """A regular file. ``path`` is relative and posix; bytes that are no UTF-8 read ``\\xff``."""

    path: str
    blob_id: str
    size: int


@dataclass(frozen=True, slots=True)
class Commit:
    """``time``: seconds since 1970, of committing. ``parent``: the first, None for the first."""

    id: str
    time: int
    parent: str | None


@dataclass(frozen=True, slots=True, order=True)
class FileChange:
    """The blob ids of a regular file before and after; None where there was or is none."""

    path: str
    old: str | None
    new: str | None


class Objects(Protocol):
    """Where bytes come from: git's objects, or a plain folder."""

    def files(
        self, commit: str | None, wanted: Wanted, *, strict: bool = False
    ) -> list[SourceFile]: ...

    def no_file(self, path: str) -> str | None: ...

    def read(self, blob_id: str) -> bytes: ...

    def history(self, limit: int | None) -> list[Commit]: ...

    def held_by(self, revision: str) -> set[str]: ...

    def changes(self, old: str, new: str) -> list[FileChange]: ...
