"""Which files' text stays on this machine, though a server of the team's answers for the others.

What is in no repository, or git is told to leave out of one, is nobody's but the user's; some names
say that a file holds keys. Knows no server.
"""

from __future__ import annotations

from pathlib import Path

import pygit2
from homespun_corpus.errors import CorpusError
from homespun_corpus.filters.path_filter import is_excluded
from homespun_corpus.repo.git_open import open_git

# As gitignore has it, and in any repository.
HOLD_KEYS = (
    *(".git/", ".ssh/", ".aws/", ".gnupg/", ".kube/", ".docker/"),
    *(".env", ".env.*", "*.env", ".envrc", ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass"),
    *(".git-credentials", ".htpasswd", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore"),
    *("*.kdbx", "*.tfvars", "*.tfstate", "id_rsa*", "id_ed25519*", "id_ecdsa*", "id_dsa*"),
)


def stays_here(top: Path, relative: str) -> bool:
    """Of a file of the repository, or plain folder, at ``top``."""
    return is_excluded(relative, HOLD_KEYS) or _git_ignores(top, relative)


def _git_ignores(top: Path, relative: str) -> bool:
    if not (top / ".git").exists():
        return False
    try:
        return bool(open_git(top).path_is_ignored(relative))
    except (pygit2.GitError, CorpusError, KeyError, OSError, ValueError):
        return True  # nobody knows
