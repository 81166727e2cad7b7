"""Git's objects: trees, blobs and first-parent history of one repository, through libgit2.

Nothing of the working tree is read, no hook or filter runs, nothing is fetched: an object that is
not here is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import DeltaStatus, FileMode, SortMode

from homespun_corpus.errors import RepositoryError, UnreadFormat
from homespun_corpus.repo.git_open import open_git
from homespun_corpus.repo.objects import Commit, FileChange, SourceFile, Wanted

_NO_FILES = {
    FileMode.LINK: "a link",
    FileMode.TREE: "a folder",
    FileMode.COMMIT: "a submodule",
}
_REGULAR = frozenset({FileMode.BLOB, FileMode.BLOB_EXECUTABLE, 0o100664})

# A partial clone reads like any other, as far as its objects are here.
pygit2.settings.set_extensions(["partialclone"])

_OTHER_FORMATS = ("unknown object format", "unsupported extension")  # libgit2's words


class GitObjects:
    """Implements ``objects.Objects``."""

    def __init__(self, repository: pygit2.Repository, commit: str) -> None:
        self._repository = repository
        self._odb = repository.odb
        self.commit = commit
        self.is_shallow = repository.is_shallow or _is_partial(repository)

    @classmethod
    def open(cls, root: Path) -> GitObjects:
        """The objects of a work tree or bare repository; RepositoryError without a commit."""
        try:
            repository = open_git(root)
            if repository.head_is_unborn:
                raise RepositoryError(_why_unborn(root, repository))
            commit = repository.head.peel(pygit2.Commit)
            commit.tree  # noqa: B018  a repository that lost objects fails here, not half-way
        except (pygit2.GitError, KeyError, OSError, ValueError) as error:
            unread = any(sign in str(error) for sign in _OTHER_FORMATS)
            raise (UnreadFormat if unread else RepositoryError)(_why(root, error)) from error
        return cls(repository, str(commit.id))

    def files(
        self, commit: str | None, wanted: Wanted, *, strict: bool = False
    ) -> list[SourceFile]:
        """Regular files of a commit whose blobs are here; ``strict``: no other may be wanted."""
        found = []
        tree = self._commit(commit or self.commit).tree
        for path, blob_id in _walk(tree):
            if not wanted(path):
                continue
            if blob_id in self._odb:
                _, size = self._odb.read_header(blob_id)
                found.append(SourceFile(path, str(blob_id), size))
            elif strict:
                raise RepositoryError(f"{path} cannot be read: this clone does not hold it")
        return sorted(found)

    def no_file(self, path: str) -> str | None:
        """What HEAD has of this path that is no regular file."""
        tree = self._commit(self.commit).tree
        return _NO_FILES.get(tree[path].filemode) if path in tree else None

    def tracks(self, folder: str) -> bool:
        """Whether HEAD has a folder of this path."""
        return folder in self._commit(self.commit).tree

    def read(self, blob_id: str) -> bytes:
        """A blob's bytes."""
        try:
            _, data = self._odb.read(blob_id)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise RepositoryError(
                f"git object {blob_id} cannot be read: run `git fsck`, or clone again"
            ) from error
        return bytes(data)

    def history(self, limit: int | None) -> list[Commit]:
        """First parents, as far as they are here."""
        walker = self._repository.walk(self.commit, SortMode.NONE)
        walker.simplify_first_parent()
        commits: list[Commit] = []
        while limit is None or len(commits) < limit:
            try:
                commit = next(walker)
            except (StopIteration, KeyError, pygit2.GitError):
                break
            parent = str(commit.parent_ids[0]) if commit.parent_ids else None
            commits.append(Commit(str(commit.id), commit.commit_time, parent))
        return commits

    def held_by(self, revision: str) -> set[str]:
        """A commit, by any name that git knows it by, and its ancestors as far as they are here."""
        try:
            commit = self._repository.revparse_single(revision).peel(pygit2.Commit)
            return {str(ancestor.id) for ancestor in self._repository.walk(commit.id)}
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise RepositoryError(
                f"{revision} is no number of commits, no date and no revision of this repository"
            ) from error

    def changes(self, old: str, new: str) -> list[FileChange]:
        """Regular files that differ and whose new blob, if any, is here."""
        diff = self._commit(old).tree.diff_to_tree(self._commit(new).tree, swap=False)
        changes = []
        for delta in diff.deltas:
            before = self._side(delta.old_file, delta.status == DeltaStatus.ADDED)
            after = self._side(delta.new_file, delta.status == DeltaStatus.DELETED)
            if before or after:
                changes.append(FileChange(_text(delta.new_file.raw_path), before, after))
        return sorted(changes, key=lambda change: change.path)

    def _side(self, file: pygit2.DiffFile, absent: bool) -> str | None:
        here = not absent and file.mode in _REGULAR and file.id in self._odb
        return str(file.id) if here else None

    def _commit(self, commit: str) -> Any:
        try:
            return self._repository[commit].peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise RepositoryError(f"commit {commit} is not in this repository") from error


def _walk(tree: pygit2.Tree) -> Iterator[tuple[str, pygit2.Oid]]:
    """(path, blob id) of the regular files below a tree, in no order."""
    waiting: list[tuple[bytes, Any]] = [(b"", tree)]
    while waiting:
        folder, node = waiting.pop()
        try:
            entries = list(node)
        except (KeyError, pygit2.GitError):
            continue  # a tree that is not here
        for entry in entries:
            path = folder + entry.raw_name
            if entry.filemode == FileMode.TREE:
                waiting.append((path + b"/", entry))
            elif entry.filemode in _REGULAR:
                yield _text(path), entry.id


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _is_partial(repository: pygit2.Repository) -> bool:
    """Whether blobs were left on the server, to be fetched one by one."""
    return any(
        entry.name.startswith("remote.") and entry.name.endswith(".promisor")
        for entry in repository.config
    )


def _why_unborn(root: Path, repository: pygit2.Repository) -> str:
    branches = list(repository.branches.local)
    if not branches:
        return f"{root} has no commit yet: commit the code to learn from"
    head = repository.lookup_reference("HEAD").target
    return (
        f"HEAD of {root} is {head}, which has no commit, and {branches[0]} has some: run "
        f"`git -C {root} symbolic-ref HEAD refs/heads/{branches[0]}`"
    )


def _why(root: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())
    if "not owned by" in reason:
        return (
            f"{root} belongs to another user: if you trust it, run "
            f"`git config --global --add safe.directory {root}`"
        )
    return f"{root} cannot be read as a git repository: {reason}"
