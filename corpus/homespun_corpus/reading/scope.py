"""The part of a repository that is mined, where all of it would take too long: what changed last.

Bounded in bytes of the files that mining reads, not in time, so that the same commit and the same
bound give the same part on any machine. Files that no commit in reach has touched fill what room is
left, spread over the whole tree. Knows paths and sizes, no contents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from homespun_corpus.filters.path_filter import PathFilter
from homespun_corpus.filters.plain_text import read_as
from homespun_corpus.filters.quality import MAX_FILE_BYTES
from homespun_corpus.repo.objects import Commit, FileChange, Objects, SourceFile, Wanted
from homespun_corpus.repo.repository import Repository

MAX_COMMITS = 2000


@dataclass(frozen=True, slots=True)
class Scope:
    """``files`` and ``size`` (bytes) of the part, and of all that there is to mine."""

    files: int
    size: int
    all_files: int
    all_size: int

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "files": self.files,
            "bytes": self.size,
            "of_files": self.all_files,
            "of_bytes": self.all_size,
        }


def narrowed(
    repository: Repository, left_out: PathFilter, most: int | None
) -> tuple[Repository, Scope | None]:
    """The repository as if it held at most ``most`` bytes to mine; None if it holds no more."""
    if most is None:
        return repository, None
    found = repository.files(wanted=lambda path: read_as(path) is not None)
    files = {file.path: file for file in found if _is_read(file, left_out)}
    size = sum(file.size for file in files.values())
    if size <= most:
        return repository, None
    left, chosen = most, set[str]()
    for path in _last_changed_first(repository, files):
        if files[path].size <= left:
            left -= files[path].size
            chosen.add(path)
        if left < most // 100:
            break
    objects = _Narrowed(repository.objects, frozenset(files.keys() - chosen))
    scope = Scope(len(chosen), most - left, len(files), size)
    return replace(repository, objects=objects), scope


def _is_read(file: SourceFile, left_out: PathFilter) -> bool:
    """Whether a file counts. Hidden ones do not, and are never left out: some hold rules."""
    is_hidden = file.path.rpartition("/")[2].startswith(".")
    return not is_hidden and file.size <= MAX_FILE_BYTES and left_out(file.path) is None


def _last_changed_first(repository: Repository, files: dict[str, SourceFile]) -> Iterator[str]:
    """Every path once; of one commit, and of none, folder by folder, in the order of their hashes.

    What stands side by side names each other: of files from all over a repository hardly one is
    related to another, and what is learnt of them is that related code helps nobody.
    """
    left = set(files)
    for commit in repository.history(MAX_COMMITS):
        touched = left.intersection(repository.touched(commit))
        yield from sorted(touched, key=_by_folder)
        left -= touched
    yield from sorted(left, key=_by_folder)


def _by_folder(path: str) -> tuple[bytes, bytes]:
    return _hash(path.rpartition("/")[0]), _hash(path)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True)
class _Narrowed:
    """Implements ``objects.Objects``: all but the files ``without``, at any commit."""

    all: Objects
    without: frozenset[str]

    def files(
        self, commit: str | None, wanted: Wanted, *, strict: bool = False
    ) -> list[SourceFile]:
        return self.all.files(
            commit, lambda path: path not in self.without and wanted(path), strict=strict
        )

    def no_file(self, path: str) -> str | None:
        return self.all.no_file(path)

    def read(self, blob_id: str) -> bytes:
        return self.all.read(blob_id)

    def history(self, limit: int | None) -> list[Commit]:
        return self.all.history(limit)

    def held_by(self, revision: str) -> set[str]:
        return self.all.held_by(revision)

    def changes(self, old: str, new: str) -> list[FileChange]:
        changes = self.all.changes(old, new)
        return [change for change in changes if change.path not in self.without]
