"""The files that were asked for last, as many as there is room for.

Bounded by how many functions they hold together. Knows nothing of where they come from; whatever
has to go is handed back, if it is nowhere else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from homespun_corpus.reading.file_functions import FileFunctions
from homespun_corpus.reading.parsed_file import ParsedFile

Name = tuple[str, str]  # path and blob id
Unkept = tuple[str, ParsedFile]
"""A reading that is nowhere else, and its key."""


class LruFiles:
    """Files by name, the least recently used first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._files: OrderedDict[Name, tuple[FileFunctions, Unkept | None]] = OrderedDict()
        self._held = 0

    def __contains__(self, name: Name) -> bool:
        return name in self._files

    def get(self, name: Name) -> FileFunctions | None:
        """A file, if it is still here."""
        found = self._files.get(name)
        if found is None:
            return None
        self._files.move_to_end(name)
        return found[0]

    def put(self, name: Name, file: FileFunctions, unkept: Unkept | None) -> Iterator[Unkept]:
        """Hold a file, and give back what is dropped for it and was ``unkept``."""
        self._drop(name)
        self._files[name] = file, unkept
        self._held += _weight(file)
        dropped = []
        while self._held > self._most and len(self._files) > 1:
            dropped.append(self._drop(next(iter(self._files))))
        return filter(None, dropped)

    def _drop(self, name: Name) -> Unkept | None:
        if name not in self._files:
            return None
        file, unkept = self._files.pop(name)
        self._held -= _weight(file)
        return unkept


def _weight(file: FileFunctions) -> int:
    return 1 + len(file.functions)
