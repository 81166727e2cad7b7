"""Real git repositories for tests, with the files that a test names; a commit each day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scratch_repositories import git


def make_repository(root: Path, *commits: Mapping[str, str | bytes | None]) -> Path:
    """A repository with one commit for each mapping of paths to contents (None deletes)."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    for files in commits:
        commit(root, files)
    return root


def commit(root: Path, files: Mapping[str, str | bytes | None], message: str = "work") -> str:
    """Write files, commit everything, and return the commit's id."""
    for path, content in files.items():
        write(root / path, content)
    git(root, "add", "-A")
    day = len(git(root, "rev-list", "--all").split())
    git(root, "commit", "-q", "--allow-empty", "-m", message, day=day)
    return git(root, "rev-parse", "HEAD")


def write(path: Path, content: str | bytes | None) -> None:
    """Write a file with its folders; None removes it."""
    if content is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
