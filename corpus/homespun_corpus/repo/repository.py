"""A repository: the files of a commit by blob id, what they hold, and what changed since when.

Bytes and ids only; knows no languages. Git's own objects are read, so a dirty working tree changes
nothing. A folder outside git serves too, as a tree without history.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homespun_corpus.errors import RepositoryError, UnreadFormat
from homespun_corpus.repo.folder import FolderObjects
from homespun_corpus.repo.git_listing import tracked_by_git
from homespun_corpus.repo.git_objects import GitObjects
from homespun_corpus.repo.identity import find_root, identity_of
from homespun_corpus.repo.objects import Commit, FileChange, Objects, SourceFile, Wanted

__all__ = ["Commit", "FileChange", "Repository", "SourceFile", "find_root", "identity_of"]


@dataclass(frozen=True)
class Repository:
    """One repository or folder, as of when it was opened.

    ``commit`` is HEAD's, None for a plain folder. ``is_shallow`` says that old commits, or blobs
    of old commits, are not here: the files at ``commit`` can be read, the history cannot be.
    """

    root: Path
    identity: str
    commit: str | None
    is_shallow: bool
    objects: Objects

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository that holds ``path``, else the plain folder; RepositoryError if neither.

        An untracked or ignored folder inside a repository is a plain folder. So are the tracked
        files of one in a format that git alone reads: without a history.
        """
        _check_folder(path)
        path = path.resolve()
        root = find_root(path) or (path if _is_bare(path) else None)
        if root is not None:
            try:
                objects = GitObjects.open(root)
            except UnreadFormat:
                if _is_bare(root) or (tracked := tracked_by_git(path)) is None:
                    raise
                files = FolderObjects(path, lambda: tracked)
                return cls(path, identity_of(path), None, False, files)
            if root == path or objects.tracks(path.relative_to(root).as_posix()):
                return cls(root, identity_of(root), objects.commit, objects.is_shallow, objects)
        return cls(path, identity_of(path), None, False, FolderObjects(path))

    @property
    def is_git(self) -> bool:
        """Whether there is a commit to speak of."""
        return self.commit is not None

    def files(
        self,
        commit: str | None = None,
        *,
        wanted: Wanted = lambda _: True,
        strict: bool = False,
    ) -> list[SourceFile]:
        """The regular files of HEAD or of ``commit``, by path; links and submodules left out.

        ``wanted`` saves looking at the others. So are files left out that cannot be read, unless
        ``strict``: then RepositoryError says which.
        """
        return self.objects.files(commit or self.commit, wanted, strict=strict)

    def no_file(self, path: str) -> str | None:
        """What HEAD, or the folder, has of this path that is no regular file: "a link", "a folder";
        None for a file, and for nothing."""
        return self.objects.no_file(path)

    def read(self, blob_id: str) -> bytes:
        """A blob's bytes."""
        return self.objects.read(blob_id)

    def history(self, limit: int | None = None) -> list[Commit]:
        """HEAD and its first parents, newest first."""
        return self.objects.history(limit)

    def held_by(self, revision: str) -> set[str]:
        """A revision's commit and all that it descends from; RepositoryError without one."""
        return self.objects.held_by(revision)

    def changes(self, old: str, new: str) -> list[FileChange]:
        """The regular files that differ between two commits, by path; a renamed one is two."""
        return self.objects.changes(old, new)

    def touched(self, commit: Commit) -> list[str]:
        """The paths of regular files that differ from its first parent's; none of a first one."""
        changes = self.changes(commit.parent, commit.id) if commit.parent else ()
        return [change.path for change in changes]


def _check_folder(path: Path) -> None:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return
        found = path.exists()
    except OSError as error:
        raise RepositoryError(f"{path} cannot be read: {error.strerror or error}") from error
    if found:
        raise RepositoryError(f"{path} is a file: give the folder of a repository")
    raise RepositoryError(f"{path} does not exist: give the folder of a repository")


def _is_bare(path: Path) -> bool:
    return all((path / name).exists() for name in ("HEAD", "objects", "refs"))
