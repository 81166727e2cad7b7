"""Which suggestions were taken, each counted once.

An editor says so with the command of the item, or its next change shows it: all of a suggestion
came in at once. Some editors do one, some both, in either order. Keeps no text.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count

REMEMBERED = 64  # documents


@dataclass(frozen=True, slots=True)
class _Shown:
    number: int
    length: int
    digest: int
    """Of the document's text once the suggestion is in it."""


class Acceptances:
    """The newest suggestion of each document, by a number that goes out with it."""

    def __init__(self) -> None:
        self.total = 0
        self._numbers = count(1)
        self._open: OrderedDict[str, _Shown] = OrderedDict()

    def shown(self, uri: str, accepted: str) -> int:
        """A suggestion goes out that makes the document ``accepted``; its number."""
        shown = _Shown(next(self._numbers), len(accepted), hash(accepted))
        self._open[uri] = shown
        self._open.move_to_end(uri)
        while len(self._open) > REMEMBERED:
            self._open.popitem(last=False)
        return shown.number

    def by_text(self, uri: str, text: str) -> bool:
        """Whether a document that is now ``text`` took its suggestion, and it is news."""
        shown = self._open.get(uri)
        if shown is None or len(text) != shown.length or hash(text) != shown.digest:
            return False
        return self._take(uri)

    def by_command(self, number: object) -> bool:
        """The editor says that suggestion ``number`` was taken; whether that is news."""
        uris = [uri for uri, shown in self._open.items() if shown.number == number]
        return any(self._take(uri) for uri in uris)

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._open.pop(uri, None)

    def _take(self, uri: str) -> bool:
        del self._open[uri]
        self.total += 1
        return True
