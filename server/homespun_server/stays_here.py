"""Which files' text stays on this machine, though a server of the team's answers for the others.

What is in no repository, or git is told to leave out of one, is nobody's but the user's; some names
say that a file holds keys. Where it cannot be found out, it stays. Knows no server.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pygit2
from homespun_corpus.filters.path_filter import is_excluded
from homespun_corpus.repo.folder import IGNORE_FILE, no_file
from homespun_corpus.repo.git_open import git_folders, open_git
from homespun_corpus.repo.identity import find_root
from homespun_corpus.syntax.languages import REMEMBERED

# As gitignore has it, in any repository, and of names in small letters.
HOLD_KEYS = (
    *(".git/", ".ssh/", ".aws/", ".gnupg/", ".kube/", ".docker/"),
    *(".env", ".env.*", "*.env", ".envrc", ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass"),
    *(".git-credentials", ".htpasswd", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore"),
    *("*.kdbx", "*.ppk", "id_rsa*", "id_ed25519*", "id_ecdsa*", "id_dsa*", "credentials.json"),
    *("*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.backup"),
)

_UNKNOWN = (pygit2.GitError, KeyError, OSError, RuntimeError, ValueError)


def stays_here(path: Path) -> bool:
    """Of a file by its absolute path: as it is called and as what it leads to, for a name may be
    ignored, or say something, that is a link."""
    try:
        called, real = Path(os.path.abspath(path)), path.resolve()  # noqa: PTH100
        if find_root(real) is None:
            return True
        return _stays_by_name(real) or (called != real and _stays_by_name(called))
    except _UNKNOWN:
        return True


class StaysHere:
    """Asked of files of one work tree, by the rules at that time. Used by one thread."""

    def __init__(self, top: Path) -> None:
        try:
            self._repositories = list(_repositories(top))
        except _UNKNOWN:
            self._repositories = []

    def of(self, relative: str) -> bool:
        """Of a file by its path below the top level, as the system spells it."""
        spelt = {relative, unicodedata.normalize("NFC", relative)}  # macOS has another than git
        try:
            return not self._repositories or any(
                repository.keeps(above + each)
                for each in spelt
                for repository, above in self._repositories
            )
        except _UNKNOWN:  # a name that is not UTF-8 cannot be asked for
            return True


class _Repository:
    """What one repository says of the files below it, its own or not."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._git = open_git(top)
        self._folders: dict[str, bool] = {}

    def keeps(self, relative: str) -> bool:
        """Whether a file holds keys, or is ignored."""
        if _holds_keys(relative):
            return True
        folder = relative.rpartition("/")[0]
        return self._keeps_folder(folder) or self._git.path_is_ignored(relative)

    def _keeps_folder(self, folder: str) -> bool:
        """From an ignored folder nothing comes back: to git, not to libgit2, so each is asked for.

        A link in place of patterns is read by one of them alone, and a pipe would be waited for.
        """
        if folder not in self._folders:
            self._folders[folder] = (
                no_file(self._top / folder / IGNORE_FILE) is not None
                or (bool(folder) and self._keeps_folder(folder.rpartition("/")[0]))
                or (bool(folder) and self._git.path_is_ignored(folder + "/"))
            )
        return self._folders[folder]


@lru_cache(REMEMBERED)
def _holds_keys(relative: str) -> bool:
    return is_excluded(relative.casefold(), HOLD_KEYS)


def _stays_by_name(path: Path) -> bool:
    top = next(_tops(path.parent), None)
    if top is None:
        return _holds_keys(path.name)
    return StaysHere(top).of(path.relative_to(top).as_posix())


def _repositories(top: Path) -> Iterator[tuple[_Repository, str]]:
    """Every repository that ``top`` is in, and its path there; none where it is itself no top."""
    if not (top / ".git").exists():
        return
    own = git_folders(top)[-1].resolve()
    for each in _tops(top):
        # A work tree that is linked is no file of its repository's main one.
        if each == top or git_folders(each)[-1].resolve() != own:
            above = top.relative_to(each).as_posix()
            yield _Repository(each), "" if above == "." else f"{above}/"


def _tops(folder: Path) -> Iterator[Path]:
    return (each for each in (folder, *folder.parents) if (each / ".git").exists())
