"""Real git repositories for tests, made with the git command in a temporary folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# Nothing of the machine's own git configuration, and dates that go up by a day a commit.
_BEGIN = 1_700_000_000
_DAY = 86_400


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Run git in ``folder`` and return what it printed."""
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        **environment,
    }
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder,
        env={**os.environ, **own},
        check=True,
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )
    return done.stdout.strip()


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
    count = len(git(root, "rev-list", "--all").split())
    date = f"{_BEGIN + count * _DAY} +0000"
    git(
        root,
        *("commit", "-q", "--allow-empty", "-m", message),
        GIT_AUTHOR_DATE=date,
        GIT_COMMITTER_DATE=date,
    )
    return git(root, "rev-parse", "HEAD")


def write(path: Path, content: str | bytes | None) -> None:
    """Write a file with its folders; None removes it."""
    if content is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
