"""Clones of the listed repositories, read at the listed commits and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pygit2

from homespun_finetune.pretrain.sources import SourceError, SourceRepository

LICENCE_FILE = re.compile(r"(licen[cs]e|copying)([.-].*)?", re.IGNORECASE)


def open_clone(clones: Path, source: SourceRepository) -> pygit2.Repository:
    """The clone of a source in ``clones``, as ``owner+name`` or ``owner/name``, bare or not."""
    owner, name = source.repository.split("/")
    for candidate in (clones / f"{owner}+{name}", clones / owner / name):
        if not candidate.is_dir():
            continue
        found = pygit2.discover_repository(str(next(_git_folders(candidate), candidate)))
        if found:
            return _checked(pygit2.Repository(found), source)
    raise SourceError(f"{source.repository}: no clone below {clones}; clone it there first")


def tree_files(repository: pygit2.Repository, commit: str) -> Iterator[tuple[str, str]]:
    """(path, blob id) of every regular file of a commit, sorted by path."""
    found: list[tuple[str, str]] = []
    open_trees: list[tuple[str, pygit2.Tree]] = [("", repository[commit].peel(pygit2.Tree))]
    while open_trees:
        prefix, tree = open_trees.pop()
        for entry in tree:
            if isinstance(entry, pygit2.Tree):
                open_trees.append((f"{prefix}{entry.name}/", entry))
            elif entry.filemode != pygit2.enums.FileMode.LINK and isinstance(entry, pygit2.Blob):
                found.append((f"{prefix}{entry.name}", str(entry.id)))
    yield from sorted(found)


def _checked(repository: pygit2.Repository, source: SourceRepository) -> pygit2.Repository:
    if source.commit not in repository:
        raise SourceError(
            f"{source.repository}: its clone lacks {source.commit}; fetch that commit"
        )
    root = repository[source.commit].peel(pygit2.Tree)
    if not any(LICENCE_FILE.fullmatch(entry.name or "") for entry in root):
        raise SourceError(f"{source.repository}: no licence file at {source.commit}")
    return repository


def _git_folders(folder: Path) -> Iterator[Path]:
    """The folder itself or the first one in it that git would take for a repository."""
    for candidate in (folder, *sorted(folder.iterdir())):
        if candidate.is_dir() and ((candidate / "HEAD").exists() or (candidate / ".git").exists()):
            yield candidate
