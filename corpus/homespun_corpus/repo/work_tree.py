"""A work tree or plain folder as it is on the disk now, and cheap signs of what has changed.

Of a git work tree the tracked files, of a folder those that no .gitignore names. Follows no link,
so nothing outside is ever read; waits for no pipe. Mining reads commits instead: ``repository``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import pygit2

from homespun_corpus.errors import RepositoryError
from homespun_corpus.repo.folder import FolderObjects, open_file, shown_path, walk
from homespun_corpus.repo.git_index import tracked_paths
from homespun_corpus.repo.git_objects import GitObjects
from homespun_corpus.repo.git_open import git_folders, head_files, open_git
from homespun_corpus.repo.repository import Repository

Stamp = tuple[int, ...]
"""Of a file: while it is the same, but for the last moments, so are the bytes."""


class WorkTree:
    """Used by one thread. Paths are posix, relative to ``root``, and as the system spells them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._is_git = (root / ".git").exists()
        self._tracked: list[str] = []
        self._tracked_as_of: object = None

    def head_stamp(self) -> object:
        """Another one where HEAD is another commit; None outside of git."""
        if not self._is_git:
            return None
        try:
            return [(str(file), _stamp(str(file))) for file in head_files(git_folders(self.root))]
        except OSError as error:
            raise RepositoryError(f"{self.root} cannot be read: {error.strerror}") from error

    def head(self) -> Repository | None:
        """The newest commit; None where there is none. RepositoryError if it cannot be read."""
        if not self._is_git:
            return None
        try:
            if open_git(self.root).head_is_unborn:
                return None
        except (pygit2.GitError, KeyError, OSError, ValueError):
            pass  # said in words by what follows
        objects = GitObjects.open(self.root)
        return Repository(self.root, "", objects.commit, objects.is_shallow, objects)

    def as_repository(self, paths: Sequence[str]) -> Repository:
        """Those of ``paths`` that are there, for whoever asks a commit; without history.

        So is a folder where a file was: it cannot be read.
        """
        there = [*self.stamps(paths), *filter(self._is_folder, paths)]
        return Repository(self.root, "", None, False, FolderObjects(self.root, lambda: there))

    def paths(self) -> list[str]:
        """What is tracked, whether it is there or not: the same list while it says the same.

        RepositoryError where it cannot be found out.
        """
        if not self._is_git:
            found = sorted(walk(self.root))
            self._tracked = self._tracked if found == self._tracked else found
            return self._tracked
        as_of = (self.head_stamp(), _stamp(str(self._index())))
        if self._tracked_as_of != as_of:
            self._tracked, self._tracked_as_of = self._read_tracked(), as_of
        return self._tracked

    def stamps(self, paths: Iterable[str]) -> dict[str, Stamp]:
        """Of those paths that are regular files, not reached through a link."""
        base, folders, found = f"{self.root}{os.sep}", {"": True}, {}
        for path in paths:
            if self._is_real(path.rpartition("/")[0], folders) and (stamp := _stamp(base + path)):
                found[path] = stamp
        return found

    def read(self, path: str) -> tuple[bytes, Stamp] | None:
        """A file's bytes and its stamp from before they were read; None where there is none."""
        try:
            with open_file(self.root / path) as file:
                stamp = _of(os.fstat(file.fileno()))
                return (file.read(), stamp) if stamp else None
        except OSError:
            return None

    def _is_folder(self, path: str) -> bool:
        return _is_folder(f"{self.root}{os.sep}{path}")

    def _is_real(self, folder: str, known: dict[str, bool]) -> bool:
        if folder not in known:
            above = self._is_real(folder.rpartition("/")[0], known)
            known[folder] = above and _is_folder(f"{self.root}{os.sep}{folder}")
        return known[folder]

    def _index(self) -> Path:
        return git_folders(self.root)[0] / "index"

    def _read_tracked(self) -> list[str]:
        """What the index names; what the commit does where it is not to be read."""
        try:
            with open_file(self._index()) as file:
                names = [os.fsdecode(name) for name in tracked_paths(file.read())]
        except (OSError, ValueError):
            if (head := self.head()) is None:
                return []
            names = [file.path for file in head.files()]
        return sorted(filter(_stays_inside, names), key=shown_path)


def size_of(stamp: Stamp) -> int:
    """Bytes."""
    return stamp[0]


def changed_at(stamp: Stamp) -> float:
    """Seconds since 1970."""
    return stamp[1] / 1e9


def _stamp(path: str) -> Stamp | None:
    try:
        return _of(os.lstat(path))
    except (OSError, ValueError):
        return None


def _of(found: os.stat_result) -> Stamp | None:
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _stays_inside(path: str) -> bool:
    """Whether a path that an index names is one that git would write."""
    parts = path.replace(os.sep, "/").split("/")
    return not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
