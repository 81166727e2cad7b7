"""Which folder of a store is a repository's: its id as names that every system takes.

Touches no file.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from homespun_model.errors import StoreInputError

_OWN_NAMES = ("revisions", "current", "staging", "lock", "unfinished")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # on Windows
HASHED = "%-"  # in a name that is cut: nothing is quoted so
_LONG = 150  # characters: systems take 255 bytes, and other scripts become nine a letter


def folder_names(repository: str) -> list[str]:
    """The folders of a repository's id: no traversal, no name that a system or this store uses."""
    parts = repository.split("/")
    odd = len(repository) > 200 or not repository.isprintable()
    if odd or any(part in ("", ".", "..") for part in parts):
        raise StoreInputError(
            f"{repository[:80]!r} cannot be the id of a repository: give one like host/team/name"
        )
    return [_folder(part) for part in parts]


def _folder(part: str) -> str:
    name = quote(part, safe="@+")
    if name in _OWN_NAMES or _DEVICE.match(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > _LONG:
        digest = hashlib.sha256(part.encode()).hexdigest()
        name = f"{name[: _LONG - 32]}{HASHED}{digest[:30]}"
    return f"{name[:-1]}%2E" if name.endswith(".") else name
