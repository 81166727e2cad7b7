"""Where a repository's adapters lie: under its id, or under one that it had before.

How an id is spelt has changed (small letters, ssh's names for hosts, prefixes of https): what was
published under an older spelling is found, and goes on there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from homespun_corpus.repo.identity import folded

from homespun_model.store.folder_names import HASHED, folder_names

REVISIONS = "revisions"
DEEPEST = 12  # parts of an id: deeper folders are nobody's


def shelf(root: Path, repository: str) -> Path:
    """The folder of a repository in the store at ``root``, there or not. StoreInputError."""
    own = root.joinpath(*folder_names(repository))
    if (own / REVISIONS).is_dir():
        return own
    wanted = folded(repository)
    found = (path for path, identity in shelves(root) if folded(identity) == wanted)
    return next(found, own)


def shelves(root: Path) -> Iterator[tuple[Path, str]]:
    """Every folder with revisions and the id that it was made for, in order; none that is too long
    to be read back."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        except OSError:
            continue
        parts = folder.relative_to(root).parts
        if REVISIONS in names:
            if not any(HASHED in part for part in parts):
                yield folder, "/".join(map(unquote, parts))
        elif len(parts) < DEEPEST:
            waiting += [folder / name for name in reversed(names)]
