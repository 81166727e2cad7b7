"""Opening a repository with libgit2, after making sure that this cannot wait for ever.

libgit2 opens whatever stands where git keeps its files, and a pipe that nobody writes to holds up
the call, and with it every thread of Python's. An unpacked archive may hold one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
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


def _read_by_git(root: Path) -> Iterator[Path]:
    """Most of what opening a repository and its newest commit reads, each before what it names."""
    folder = root / ".git"
    yield folder
    if folder.is_file():  # a linked work tree's, or a submodule's
        folder = root / _named_in(folder, "gitdir:")
    elif not folder.is_dir():
        folder = root
    folders = [folder]
    yield (common := folder / "commondir")
    if common.is_file():
        folders.append(folder / _named_in(common, ""))
    for each in folders:
        yield from map(Path, os.scandir(each))
    if (head := folder / "HEAD").is_file():
        ref = _named_in(head, "ref:")
        yield from (each / ref for each in folders)


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
