"""What an adapter is called on a server: the repository and the revision, as one name of a folder.

``adapters export`` writes under it, ``--remote`` asks for it. Knows no server.
"""

from __future__ import annotations

from homespun_model.store.folder_names import folder_names

GENERIC = "homespun-generic"
_DIGITS = 12


def adapter_name(repository: str, revision: str) -> str:
    """Of a repository's revision: host+team+name@revision. StoreInputError for an id that no store
    can hold."""
    return f"{'+'.join(folder_names(repository))}@{revision}"


def generic_name(sha256: str) -> str:
    """Of a base's generic adapter with this hash."""
    return f"{GENERIC}@{sha256[:_DIGITS]}"
