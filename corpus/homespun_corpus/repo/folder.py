"""A plain folder as a tree of blobs: what git would track there, without git.

Honours ``.gitignore`` files, nested ones too. Follows no link, so nothing outside is ever read. Has
no history.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from homespun_corpus.errors import RepositoryError, SettingsError
from homespun_corpus.repo.ignore_rules import IgnoreRules
from homespun_corpus.repo.objects import Commit, FileChange, SourceFile, Wanted

IGNORE_FILE = ".gitignore"
OTHERS = frozenset({".git", ".svn", ".hg", ".bzr", ".jj", "_darcs", "CVS"})
"""Folders of version control's own: copies of everything that is there already."""
MAX_IGNORE_BYTES = 256 * 1024
_CHUNK = 1 << 20

_Rules = tuple[tuple[str, IgnoreRules], ...]  # (folder, its patterns), deepest first


class FolderObjects:
    """Implements ``objects.Objects``."""

    def __init__(self, root: Path, listed: Callable[[], Iterable[str]] | None = None) -> None:
        """``listed``: the relative paths that count, in place of those that are not ignored."""
        self._root = root
        self._listed = listed or (lambda: walk(root))
        self._paths: dict[str, str] = {}  # blob id → relative path, as the system spells it

    def files(
        self, commit: str | None, wanted: Wanted, *, strict: bool = False
    ) -> list[SourceFile]:
        """The regular files that no .gitignore names, those left out that cannot be read;
        ``strict``: none of these may be wanted."""
        if commit is not None:
            raise RepositoryError(f"{self._root} is no git repository: it has no commit {commit}")
        found = []
        for relative in self._listed():
            path = shown_path(relative)
            if wanted(path):
                try:
                    blob_id, size = self._hash(relative)
                except OSError as error:
                    if strict:
                        raise RepositoryError(f"{path} cannot be read: {error.strerror}") from error
                    continue
                self._paths.setdefault(blob_id, relative)
                found.append(SourceFile(path, blob_id, size))
        return sorted(found)

    def read(self, blob_id: str) -> bytes:
        """A file's bytes, if they still are what they were."""
        relative = self._paths.get(blob_id)
        if relative is None:
            raise RepositoryError(f"{self._root} holds no file with the hash {blob_id}")
        shown = shown_path(relative)
        try:
            data = _read(self._root / relative)
        except OSError as error:
            raise RepositoryError(f"{shown} cannot be read: {error.strerror}") from error
        if _blob_hash(data) != blob_id:
            raise RepositoryError(f"{shown} changed while it was being read: run again")
        return data

    def history(self, limit: int | None) -> list[Commit]:  # noqa: ARG002
        """None."""
        return []

    def held_by(self, revision: str) -> set[str]:
        """There are no revisions."""
        raise RepositoryError(f"{self._root} is no git repository: it has no revision {revision}")

    def changes(self, old: str, new: str) -> list[FileChange]:
        """There are no commits to compare."""
        raise RepositoryError(f"{self._root} is no git repository: no {old} to compare with {new}")

    def no_file(self, path: str) -> str | None:
        """What there is of this path that is no regular file."""
        return no_file(self._root / path)

    def _hash(self, relative: str) -> tuple[str, int]:
        """(blob id, size), read in pieces; OSError for a file that cannot be read."""
        with open_file(self._root / relative) as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            left = size
            while left and (piece := file.read(min(left, _CHUNK))):
                digest.update(piece)
                left -= len(piece)
        return digest.hexdigest(), size


def walk(root: Path) -> Iterator[str]:
    """Relative paths of regular files, ignored ones left out, in no order."""
    waiting: list[tuple[str, _Rules]] = [("", ())]
    while waiting:
        folder, rules = waiting.pop()
        try:
            with os.scandir(root / folder) as listing:
                entries = list(listing)
        except OSError:
            continue  # not readable: git would not track it either
        if any(entry.name == IGNORE_FILE for entry in entries):
            rules = ((folder, _read_patterns(root, folder + IGNORE_FILE)), *rules)
        for entry in entries:
            path = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in OTHERS and not _ignored(path, rules, is_folder=True):
                    waiting.append((path + "/", rules))
            elif entry.is_file(follow_symlinks=False) and not _ignored(path, rules):
                yield path


def _ignored(path: str, rules: _Rules, *, is_folder: bool = False) -> bool:
    """The deepest .gitignore that says anything about a path decides."""
    for folder, patterns in rules:
        decision = patterns.decide(path.removeprefix(folder), is_folder=is_folder)
        if decision is not None:
            return decision
    return False


def _read_patterns(root: Path, relative: str) -> IgnoreRules:
    """A file that is a link is passed over, as by git; SettingsError for what cannot be read."""
    path, name = root / relative, shown_path(relative)
    if path.is_symlink():
        return IgnoreRules(())
    if (other := no_file(path)) is not None:
        raise SettingsError(f"{name} is {other}: put a file there")
    try:
        data = _read(path, MAX_IGNORE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from error
    if len(data) > MAX_IGNORE_BYTES:
        raise SettingsError(f"{name}: more than {MAX_IGNORE_BYTES >> 10} KB of patterns")
    if b"\0" in data:
        raise SettingsError(f"{name} is not UTF-8: save it as UTF-8")
    return IgnoreRules.of_file(data)


def no_file(path: Path) -> str | None:
    """What stands there in place of a regular file, in words; None for one, and for nothing."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode):
        return None
    known = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}
    return known.get(stat.S_IFMT(mode), "no regular file")


def open_file(path: Path) -> BinaryIO:
    """To read; a file that is no link, even if it was one a moment ago, and no pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")


def _read(path: Path, limit: int = -1) -> bytes:
    with open_file(path) as file:
        return file.read(limit)


def _blob_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def shown_path(relative: str) -> str:
    """A path of the system's as posix text: what is no UTF-8 in it is written out."""
    return os.fsencode(relative).decode("utf-8", "backslashreplace").replace(os.sep, "/")
