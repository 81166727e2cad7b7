"""Which repository this is: a name that two clones of one origin share.

The normalised origin, so that ssh and https, with and without credentials, are one; else the
folder's name with a hash of its first commit, or of its path where there is none. Adapters are
stored under it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pygit2

_URL = re.compile(r"^(?:https?|ssh|git)://(?:[^/@]*@)?([^/:]+)(?::\d+)?/(.+)$", re.IGNORECASE)
_SCP = re.compile(r"^(?:[^/@:]+@)?([^/:]{2,}):(?!\\)(.+)$")  # user@host:path, not C:\path
_HASH_CHARS = 12


def find_root(path: Path) -> Path | None:
    """The top level of the git work tree that holds ``path``; None outside of one."""
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return folder
    return None


def identity_of(root: Path) -> str:
    """The id of the repository or folder at ``root``."""
    found = pygit2.discover_repository(str(root)) if (root / ".git").exists() else None
    if found is None:
        return f"{_folder_name(root)}-{_short_hash(str(root.resolve()))}"
    return identity_of_git(pygit2.Repository(found), root)


def identity_of_git(git: pygit2.Repository, root: Path) -> str:
    """The same for a repository that is open already."""
    names = list(git.remotes.names())
    url = git.remotes["origin"].url if "origin" in names else None
    normal = normal_origin(url) if url else None
    if normal is not None:
        return normal
    return f"{_folder_name(root)}-{_short_hash(_first_commit(git) or str(root.resolve()))}"


def normal_origin(url: str) -> str | None:
    """``host/path`` of a remote, without credentials, port or ``.git``; None for a local path."""
    match = _URL.match(url) or (None if "://" in url else _SCP.match(url))
    if match is None:
        return None
    path = re.sub(r"/+", "/", match[2]).strip("/").removesuffix(".git")
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join([match[1].lower(), *parts]) if parts else None


def _first_commit(git: pygit2.Repository) -> str | None:
    """The oldest commit by first parents; None without one, or where history was cut off."""
    if git.head_is_unborn or git.is_shallow:
        return None
    commit = git.head.peel(pygit2.Commit)
    while commit.parents:
        commit = commit.parents[0]
    return str(commit.id)


def _folder_name(root: Path) -> str:
    return re.sub(r"[^\w.-]+", "-", root.resolve().name).strip("-.") or "repository"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:_HASH_CHARS]
