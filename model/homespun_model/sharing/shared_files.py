"""The files of a shared store: read, put once, and one kind that is replaced; others go again.

Names are relative to the store's URL. What is replaced is replaced only if it is still what was
read: by the store itself where it can (a lock on a disk, a conditional put), else by looking once
more before and after. Knows nothing of adapters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class ChangedMeanwhileError(Exception):
    """Somebody else wrote what was to be replaced."""


class SharedFiles(Protocol):
    """StoreError for whatever a network or a disk does."""

    def exists(self) -> bool:
        """Whether a store can be there: its folder is made, or its bucket. Nobody makes one by the
        way: a mount that is away would look like a store that is empty."""
        ...

    def check_writable(self) -> None:
        """StoreInputError where it can only be read."""
        ...

    def names(self, folder: str) -> list[str]:
        """What is in a folder now, as nobody has cached it; nothing where there is none."""
        ...

    def read(self, name: str, most: int) -> tuple[bytes, str] | None:
        """A small file and a mark that changes with it; None where there is none.

        StoreError too for one of more than ``most`` bytes."""
        ...

    def get(self, name: str, to: Path, most: int) -> None:
        """A file, into another on this machine. StoreError too for one of more than ``most``
        bytes."""
        ...

    def put(self, name: str, file: Path, *, anew: bool = False) -> None:
        """A file that never changes, whole or not at all; one that is there already, of the same
        size, is left unless ``anew``."""
        ...

    def replace(self, name: str, data: bytes, mark: str | None) -> None:
        """Write a small file that had this mark, or was not there (None). ChangedMeanwhileError:
        it has another now."""
        ...

    def remove(self, name: str) -> None:
        """Take a file away, and its folder where nothing else is in it; there may be none."""
        ...
