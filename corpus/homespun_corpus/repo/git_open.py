"""Opening a repository with libgit2, after making sure that this cannot wait for ever.

libgit2 opens whatever stands where git keeps its files, and a pipe that nobody writes to holds up
the call, and with it every thread of Python's. An unpacked archive may hold one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import pygit2


def open_git(root: Path) -> pygit2.Repository:
    """The repository of a work tree or bare one at ``root`` itself.

    OSError where git's own files are none, and whatever pygit2 raises.
    """
    for path in _read_by_git(root):
        if _is_pipe(path):
            raise OSError(f"{path} is no file")
    return pygit2.Repository(str(root), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)


def git_folders(root: Path) -> list[Path]:
    """Where git keeps a work tree's own files, and where those of all linked ones, if elsewhere."""
    folder = root / ".git"
    if folder.is_file():  # a linked work tree's, or a submodule's
        folder = root / _named_in(folder, "gitdir:")
    elif not folder.is_dir():
        folder = root
    if (common := folder / "commondir").is_file():
        return [folder, folder / _named_in(common, "")]
    return [folder]


def head_files(folders: Sequence[Path]) -> list[Path]:
    """Files, there or not, that say which commit HEAD is; ``folders`` as ``git_folders`` has them.

    With another commit, one of them is another.
    """
    head = folders[0] / "HEAD"
    named = [_named_in(head, "ref:")] if head.is_file() else []
    return [head, *(each / name for each in folders for name in [*named, "packed-refs"])]


def _read_by_git(root: Path) -> Iterator[Path]:
    """Most of what opening a repository and its newest commit reads."""
    yield root / ".git"
    for each in (folders := git_folders(root)):
        yield from map(Path, os.scandir(each))
    yield from head_files(folders)


def _named_in(file: Path, before: str) -> str:
    line = file.read_bytes()[:4096].decode("utf-8", "replace").strip()
    return line.removeprefix(before).strip().replace("\0", "")


def _is_pipe(path: Path) -> bool:
    """Git's own file system monitor keeps a socket, which is never read: not that."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
