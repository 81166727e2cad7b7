"""A team's repository as files by blob id, with its history: from git, or from a plain folder.

Reads git's object store, not the work tree, so that uncommitted changes do not change a run, and
never follows a link out of the tree. Knows bytes and commits, nothing of languages.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pathspec
import pygit2
from pygit2.enums import DeltaStatus, FileMode

from homespun_corpus.errors import RepositoryError
from homespun_corpus.identity import find_root, identity_of, identity_of_git

__all__ = ["Change", "Commit", "Repository", "SourceFile", "find_root", "identity_of"]

MAX_FOLDER_BYTES = 4 << 20  # a file of a plain folder larger than this is no source: never read
_REGULAR = frozenset({FileMode.BLOB, FileMode.BLOB_EXECUTABLE})


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """A regular file: its path from the top, with ``/``, and the git hash of its bytes."""

    path: str
    blob_id: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the first-parent history. ``time``: seconds since 1970, the committer's."""

    id: str
    time: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One path between two commits. ``old`` or ``new`` is None where the file was not there."""

    path: str
    old: str | None
    new: str | None


class Repository(ABC):
    """Where code comes from. ``commit`` is None for a plain folder."""

    root: Path
    identity: str
    commit: str | None = None
    is_git = False
    is_shallow = False

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository at or above ``path``, or the plain folder; RepositoryError otherwise."""
        if not path.exists():
            raise RepositoryError(f"{path} does not exist: give the path of a repository")
        if not path.is_dir():
            raise RepositoryError(f"{path} is a file: give the folder of a repository")
        git = _discover(path)
        if git is None:
            return FolderRepository(path)
        found = GitRepository(git)
        if found.root != path.resolve() and not found.tracks(path):
            return FolderRepository(path)  # an ignored or untracked folder inside a repository
        return found

    @abstractmethod
    def files(self, commit: str | None = None) -> list[SourceFile]:
        """Regular files, sorted by path: of ``commit``, or of HEAD or the folder without one."""

    @abstractmethod
    def read(self, blob_id: str) -> bytes:
        """The bytes of a file that ``files`` or ``changes`` named."""

    def history(self, limit: int) -> Iterator[Commit]:  # noqa: ARG002
        """First-parent commits, newest first, at most ``limit``. A plain folder has none."""
        yield from ()

    def changes(self, old: str, new: str) -> list[Change]:  # noqa: ARG002
        """Regular files that differ between two commits, sorted by path."""
        return []


class GitRepository(Repository):
    """A git repository at its HEAD, bare or not, detached or not."""

    is_git = True

    def __init__(self, git: pygit2.Repository) -> None:
        self._git = git
        self.root = Path(git.workdir or git.path).resolve()
        self.is_shallow = git.is_shallow
        if git.head_is_unborn:
            raise RepositoryError(f"{self.root} has no commit yet: commit some code first")
        self.commit = str(git.head.peel(pygit2.Commit).id)
        self.identity = identity_of_git(git, self.root)

    def files(self, commit: str | None = None) -> list[SourceFile]:
        tree = self._git[commit or self.commit].peel(pygit2.Tree)
        found: list[SourceFile] = []
        open_trees: list[tuple[str, pygit2.Tree]] = [("", tree)]
        while open_trees:
            prefix, tree = open_trees.pop()
            for entry in tree:
                path = prefix + _decoded(entry.raw_name)
                if entry.filemode == FileMode.TREE:
                    open_trees.append((f"{path}/", entry))
                elif entry.filemode in _REGULAR:
                    found.append(SourceFile(path, str(entry.id)))
        return sorted(found)

    def read(self, blob_id: str) -> bytes:
        blob = self._git.get(blob_id)
        if not isinstance(blob, pygit2.Blob):
            raise RepositoryError(
                f"{self.root} lacks the object {blob_id[:12]}: run git fsck, or clone it whole"
            )
        return bytes(blob.data)

    def history(self, limit: int) -> Iterator[Commit]:
        commit = self._git[self.commit].peel(pygit2.Commit)
        for _ in range(limit):
            parents = commit.parent_ids
            parent = self._git.get(parents[0]) if parents else None
            known = isinstance(parent, pygit2.Commit)  # a shallow clone names parents it lacks
            yield Commit(str(commit.id), commit.commit_time, str(parents[0]) if known else None)
            if not isinstance(parent, pygit2.Commit):
                return
            commit = parent

    def changes(self, old: str, new: str) -> list[Change]:
        trees = [self._git[commit].peel(pygit2.Tree) for commit in (old, new)]
        found: list[Change] = []
        for delta in trees[0].diff_to_tree(trees[1]).deltas:
            before = _blob_of(delta.old_file, delta.status != DeltaStatus.ADDED)
            after = _blob_of(delta.new_file, delta.status != DeltaStatus.DELETED)
            if before or after:
                found.append(Change(_decoded(delta.new_file.raw_path), before, after))
        return sorted(found, key=lambda change: change.path)

    def tracks(self, folder: Path) -> bool:
        """Whether any tracked file lies in ``folder``."""
        inside = folder.resolve().relative_to(self.root).as_posix()
        tree = self._git[self.commit].peel(pygit2.Tree)
        return inside in tree


class FolderRepository(Repository):
    """A plain folder: every regular file that no ``.gitignore`` in it names."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.identity = identity_of(self.root)
        self._paths: dict[str, Path] = {}

    def files(self, commit: str | None = None) -> list[SourceFile]:  # noqa: ARG002
        found = []
        for path in _walk(self.root):
            try:
                blob_id = _blob_id(path.read_bytes())
            except OSError:
                continue  # gone or unreadable since the folder was listed
            name = _decoded(os.fsencode(path.relative_to(self.root).as_posix()))
            self._paths[blob_id] = path
            found.append(SourceFile(name, blob_id))
        return sorted(found)

    def read(self, blob_id: str) -> bytes:
        path = self._paths[blob_id]
        source = path.read_bytes()
        if _blob_id(source) != blob_id:
            raise RepositoryError(f"{path} changed while it was read: run the command again")
        return source


def _discover(path: Path) -> pygit2.Repository | None:
    try:
        found = pygit2.discover_repository(str(path))
        return pygit2.Repository(found) if found else None
    except pygit2.GitError as error:
        reason = str(error).splitlines()[0]
        if "not owned" in reason:
            reason += f" (git config --global --add safe.directory {path} allows it)"
        raise RepositoryError(f"{path} cannot be opened as a git repository: {reason}") from error


def _blob_of(file: pygit2.DiffFile, present: bool) -> str | None:
    return str(file.id) if present and file.mode in _REGULAR else None


def _decoded(name: bytes) -> str:
    """A path as text. Names that are not UTF-8 stay distinct and can be written to JSON."""
    return name.decode("utf-8", errors="backslashreplace")


def _blob_id(source: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(source) + source, usedforsecurity=False).hexdigest()


def _walk(root: Path) -> Iterator[Path]:
    """Regular files below ``root``, links left out, honouring nested ``.gitignore`` files."""
    folders: list[tuple[Path, tuple[tuple[Path, pathspec.GitIgnoreSpec], ...]]] = [(root, ())]
    while folders:
        folder, outer = folders.pop()
        specs = (*outer, *_ignore_file(folder))
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink() or entry.name == ".git":
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if _ignored(path, is_folder, specs):
                continue
            if is_folder:
                folders.append((path, specs))
            elif entry.is_file() and entry.stat().st_size <= MAX_FOLDER_BYTES:
                yield path


def _ignore_file(folder: Path) -> Iterator[tuple[Path, pathspec.GitIgnoreSpec]]:
    file = folder / ".gitignore"
    if file.is_file() and not file.is_symlink():
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        yield folder, pathspec.GitIgnoreSpec.from_lines(lines)


def _ignored(
    path: Path, is_folder: bool, specs: tuple[tuple[Path, pathspec.GitIgnoreSpec], ...]
) -> bool:
    """Whether the innermost ``.gitignore`` with an opinion on ``path`` ignores it."""
    for folder, spec in reversed(specs):
        name = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
        verdict = spec.check_file(name).include
        if verdict is not None:
            return verdict
    return False
