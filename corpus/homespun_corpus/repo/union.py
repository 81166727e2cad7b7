"""Several repositories as one: any blob of theirs can be read by its id."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from homespun_corpus.errors import RepositoryError
from homespun_corpus.repo.objects import Commit, FileChange, Objects, SourceFile, Wanted
from homespun_corpus.repo.repository import Repository


def union(repositories: Sequence[Repository]) -> Repository:
    """The first repository, with the blobs of all: an id is the same wherever the bytes are."""
    first = repositories[0]
    objects = [repository.objects for repository in repositories]
    return first if len(objects) == 1 else replace(first, objects=_Union(objects))


@dataclass(frozen=True)
class _Union:
    """Implements ``objects.Objects``."""

    all: Sequence[Objects]

    def files(
        self, commit: str | None, wanted: Wanted, *, strict: bool = False
    ) -> list[SourceFile]:
        return self.all[0].files(commit, wanted, strict=strict)

    def no_file(self, path: str) -> str | None:
        return self.all[0].no_file(path)

    def read(self, blob_id: str) -> bytes:
        for objects in self.all[:-1]:
            with suppress(RepositoryError):
                return objects.read(blob_id)
        return self.all[-1].read(blob_id)

    def history(self, limit: int | None) -> list[Commit]:
        return self.all[0].history(limit)

    def held_by(self, revision: str) -> set[str]:
        return self.all[0].held_by(revision)

    def changes(self, old: str, new: str) -> list[FileChange]:
        return self.all[0].changes(old, new)
