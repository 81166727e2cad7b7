"""What a training has done so far, in a shared store: another machine can go on from there.

    <url>/<repository id>/unfinished/<key>/<file>   replaced while a run lasts, removed at its end

No adapter, and served to nobody. It is put over what is there without a look: whoever works under
one key does the same work, so that whichever came last is as good. What is fetched is a file that
somebody may have put there; whoever reads it has to bear that. Knows no training.
"""

from __future__ import annotations

import re
from pathlib import Path

from homespun_model.errors import StoreError
from homespun_model.sharing.shared_files import SharedFiles
from homespun_model.store.folder_names import folder_names

FOLDER = "unfinished"
MOST = 8 << 30  # bytes: a large base's adapter, its best state and two moments of each weight
_COMING = "coming-"  # how a store's files begin until they are whole
_KEY = re.compile(r"[0-9a-f]{32}")


class UnfinishedRuns:
    """Those of one repository; each keeps one ``file``. StoreError for whatever a network does."""

    def __init__(self, files: SharedFiles, repository: str, file: str) -> None:
        self._files, self._file = files, file
        self._folder = "/".join([*folder_names(repository), FOLDER])

    def fetch(self, key: str, to: Path) -> bool:
        """What is there of a run, into a file here; whether there is anything."""
        if self._file not in self._files.names(f"{self._folder}/{key}"):
            return False
        self._files.get(self._at(key), to, MOST)
        return True

    def put(self, key: str, file: Path) -> None:
        """In the place of what was there. StoreError too where no store is."""
        if not self._files.exists():  # as a mount that is away: nobody makes a store by the way
            raise StoreError("the store is not there any more")
        self._files.put(self._at(key), file, anew=True)

    def remove(self, key: str) -> None:
        """It has come to an end."""
        self._files.remove(self._at(key))

    def remove_others(self, key: str) -> None:
        """What was left by runs that nobody repeats, and by machines that died while they put it
        there: a repository has one that is unfinished. One that somebody is at is put there again
        within a minute."""
        for other in self._files.names(self._folder):
            if other != key and _KEY.fullmatch(other):
                for name in self._files.names(f"{self._folder}/{other}"):
                    if name.startswith(_COMING):
                        self._files.remove(f"{self._folder}/{other}/{name}")
                self.remove(other)

    def _at(self, key: str) -> str:
        return f"{self._folder}/{key}/{self._file}"
