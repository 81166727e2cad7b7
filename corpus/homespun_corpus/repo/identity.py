"""Which repository a folder is: the name that adapters are stored under, and one for its files.

The same code gets the same id wherever it is cloned and however it is fetched; an id holds neither
credentials nor a machine's paths. Every function here is cheap enough to ask for each document that
an editor opens, and none raises.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pygit2

from homespun_corpus.repo.git_open import open_git

HASH_CHARS = 12
NAME_CHARS, NAME_BYTES = 80, 218  # of an id, in a file's name: systems take 255 bytes for all of it
_SCP = re.compile(r"(?:[^/@]+@)?(\[[^\]]+\]|[^/:@]+):(?!//)(.+)")  # [user@]host:path
_UNSAFE = re.compile(r"[^\w.~+-]")


def find_root(path: Path) -> Path | None:
    """The git top level that holds a file or folder, existing or not; None outside of any."""
    try:
        path = path.resolve()
        for folder in (path, *path.parents):
            if (folder / ".git").exists():
                return folder
    except (OSError, RuntimeError):  # no permission, a loop of links
        return None
    return None


def identity_of(root: Path) -> str:
    """The id of a git top level or a plain folder.

    ``host/path`` of its origin, where that is on a host, else ``folder-hash`` of its first commit,
    else of its path.
    """
    try:
        repository = open_git(root)
        origin = normalised_origin(_origin(repository))
        return origin or _local_identity(repository, root)
    except (pygit2.GitError, KeyError, OSError, ValueError):
        return _named(root, str(root.absolute()))


def normalised_origin(url: str | None) -> str | None:
    """``host/path`` of a git URL, without user, port or ``.git``; None for a path of this machine.

    >>> normalised_origin("git@Example.org:team/shop.git")
    'example.org/team/shop'
    >>> normalised_origin("https://user:secret@example.org:8443/team/shop/")
    'example.org/team/shop'
    """
    if not url:
        return None
    host, path = _host_and_path(url.strip())
    parts = [_UNSAFE.sub("-", part) for part in unquote(path).split("/")]
    parts = [part for part in parts if part not in ("", ".", "..", "~")]
    if parts:
        parts[-1] = parts[-1].removesuffix(".git")
    if not host or not all(parts) or not parts:
        return None
    return "/".join([_UNSAFE.sub("-", host.lower()), *parts])


def file_system_name(identity: str) -> str:
    """A name for a file or a folder of a repository, different for different ids.

    The id's end to be read, and a hash of all of it; no system's separators, and room for an
    ending.

    >>> file_system_name("example.org/team/shop")
    'example.org-team-shop-7a3d2b36'
    """
    readable = re.sub(r"[^\w.-]+", "-", identity).strip("-.")[-NAME_CHARS:]
    readable = readable.encode()[-NAME_BYTES:].decode("utf-8", "ignore")
    return f"{readable}-{_digest(identity)[:8]}"


def _host_and_path(url: str) -> tuple[str, str]:
    if "://" in url:
        try:
            split = urlsplit(url)
            return ("", "") if split.scheme == "file" else (split.hostname or "", split.path)
        except ValueError:  # a broken IPv6 address
            return "", ""
    scp = _SCP.fullmatch(url)
    if scp is None or len(scp.group(1)) == 1:  # a path, or a drive letter
        return "", ""
    return scp.group(1).strip("[]"), scp.group(2)


def _origin(repository: pygit2.Repository) -> str | None:
    config = repository.config
    return str(config["remote.origin.url"]) if "remote.origin.url" in config else None


def _local_identity(repository: pygit2.Repository, root: Path) -> str:
    """Of a repository without a host: linked work trees share one."""
    common = Path(repository.path)
    if (common / "commondir").is_file():
        linked = (common / "commondir").read_text(encoding="utf-8", errors="replace").strip()
        common = (common / linked).resolve()
    main = common.parent if common.name == ".git" else root
    first = _first_commit(repository)
    return _named(main, first) if first else _named(root, str(root.absolute()))


def _first_commit(repository: pygit2.Repository) -> str | None:
    """The id of the oldest first parent; None without commits, or where history is cut off."""
    if repository.head_is_unborn or repository.is_shallow:
        return None
    walker = repository.walk(repository.head.target, pygit2.enums.SortMode.NONE)
    walker.simplify_first_parent()
    last = None
    for last in walker:  # noqa: B007
        pass
    return str(last.id) if last is not None else None


def _named(folder: Path, what: str) -> str:
    name = _UNSAFE.sub("-", folder.name).strip(".") or "folder"
    return f"{name}-{_digest(what)[:HASH_CHARS]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
