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
from homespun_corpus.repo.ssh_hosts import real_host

HASH_CHARS = 12
NAME_CHARS, NAME_BYTES = 80, 218  # of an id, in a file's name: systems take 255 bytes for all of it
_SCP = re.compile(r"(?:[^/@]+@)?(\[[^\]]+\]|[^/:@]+):(?!//)(.+)")  # [user@]host:path
AZURE, _AZURE_BEFORE = "dev.azure.com", ".visualstudio.com"
_ALIASES = {
    "ssh.github.com": "github.com",
    "www.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": AZURE,
    "vs-ssh.visualstudio.com": AZURE,
}
"""Other names of known hosts, over https or through a firewall."""
_CASELESS = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", AZURE})
"""Hosts that take no notice of small and large letters."""
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
    return folded("/".join([_UNSAFE.sub("-", host.lower()), *parts]))


def folded(identity: str) -> str:
    """An id as it is spelt now, of one spelt as it was cloned.

    >>> folded("ssh.github.com/Team/Shop")
    'github.com/team/shop'
    >>> folded("org.visualstudio.com/DefaultCollection/shop/_git/till")
    'dev.azure.com/org/shop/till'
    >>> folded("git.example.org/scm/team/shop")
    'git.example.org/team/shop'
    """
    host, *parts = identity.split("/")
    if not parts:  # a folder's
        return identity
    host = _ALIASES.get(host) or real_host(host)
    host = _ALIASES.get(host, host)
    if host.endswith(_AZURE_BEFORE):
        host, parts = AZURE, [host.removesuffix(_AZURE_BEFORE), *parts]
    if host == AZURE:
        parts = _azure(parts)
    elif host not in _CASELESS:
        parts = _without_prefix(parts)
    return "/".join([host, *(map(str.lower, parts) if host in _CASELESS else parts)])


def _without_prefix(parts: list[str]) -> list[str]:
    """Without what Bitbucket's own servers and Gerrit put before a path over https alone."""
    if "scm" in parts[:-2]:  # below a folder, it may be
        return parts[parts.index("scm") + 1 :]
    return parts[1:] if parts[0] == "a" and len(parts) > 1 else parts


def _azure(parts: list[str]) -> list[str]:
    """Organisation, project and repository, over ssh or not; a project's own is called as it is."""
    parts = parts[1:] if parts[0] == "v3" else parts
    parts = [part for part in parts if part.lower() not in ("_git", "_ssh", "defaultcollection")]
    return [*parts, parts[-1]] if len(parts) == 2 else parts


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


def first_commit(root: Path) -> str | None:
    """The oldest commit of a git top level, the same in all its clones and forks; None where there
    is none, or history is cut off."""
    try:
        return _first_commit(open_git(root))
    except (pygit2.GitError, KeyError, OSError, ValueError):
        return None


def _origin(repository: pygit2.Repository) -> str | None:
    """As git would fetch it, after ``insteadOf``."""
    if "remote.origin.url" not in repository.config:
        return None
    return str(repository.remotes["origin"].url)


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
