"""What was read of each blob, kept in the user's own cache between runs.

One SQLite file for a repository and a version of the rules, which therefore never has to be told
that something in it is stale. Written in transactions: a run that was stopped finds what it had
done. Nothing depends on the file: whatever is wrong with it, it is made again, and without a place
to write there is no cache. Holds bytes; knows not what they mean.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from homespun_corpus.reading.rules_version import rules_version
from homespun_corpus.repo.identity import file_system_name

MAX_BYTES = 1 << 30  # of one repository: about that much source
DAYS_KEPT = 30  # without use, whether a blob's entry or a whole file
ROWS_AT_ONCE = 200  # lost when a run is killed
SECONDS_TO_WAIT = 5  # for another run that writes
_DAY = 86_400
_TABLE = """
CREATE TABLE IF NOT EXISTS readings
(key TEXT PRIMARY KEY, reading BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID
"""

T = TypeVar("T")


def default_cache(identity: str) -> Path:
    """The file of a repository: in a folder that is nobody's but the user's."""
    folder = platformdirs.user_cache_path("homespun", appauthor=False) / "readings"
    return folder / f"{file_system_name(identity)}.{rules_version()}.sqlite"


class BlobCache:
    """Entries by key. ``settle`` and ``close`` keep what was put; no method raises."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._today = int(time.time()) // _DAY
        self._used: set[str] = set()
        self._waiting: dict[str, bytes] = {}
        self._database = self._open() or self._open()  # a broken one was removed meanwhile

    @classmethod
    def temporary(cls) -> BlobCache:
        """One that is gone when nobody has it any more."""
        folder = tempfile.mkdtemp(prefix="homespun-readings-")
        cache = cls(Path(folder) / "readings.sqlite")
        weakref.finalize(cache, shutil.rmtree, folder, ignore_errors=True)
        return cache

    @property
    def works(self) -> bool:
        """Whether what is put can be had again."""
        return self._database is not None

    def has(self, key: str) -> bool:
        """Whether something was put under a key, be it broken by now."""
        return key in self._waiting or self._do(_is_there, key) is True

    def get(self, key: str) -> bytes | None:
        """What was put under a key; None without anything."""
        found = self._waiting.get(key) or self._do(_find, key)
        if found is None or isinstance(found, bytes):
            return found
        parsed, used = found
        if used != self._today:
            self._used.add(key)
        return parsed if isinstance(parsed, bytes) else None

    def put(self, key: str, parsed: bytes) -> None:
        """Keep something, in place of what was there."""
        self._waiting[key] = parsed
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._write()

    def settle(self) -> None:
        """Write what is left, and throw away what nobody has used for long."""
        self._write()
        self._do(_mark, [(self._today, key) for key in self._used])
        self._used.clear()
        self._do(_prune, self._today - DAYS_KEPT)
        _drop_old_files(self._file)

    def close(self) -> None:
        """Settle, and give nothing more."""
        self.settle()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _write(self) -> None:
        rows = [(key, parsed, self._today) for key, parsed in self._waiting.items()]
        self._waiting.clear()
        self._do(_insert, rows)

    def _do(self, work: Callable[[sqlite3.Connection, Any], T], value: Any) -> T | None:
        """Work in one transaction; after an error there is no cache any more."""
        if self._database is None:
            return None
        try:
            with self._database:
                return work(self._database, value)
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None
            if _is_broken(error):
                self._remove()
            return None

    def _open(self) -> sqlite3.Connection | None:
        """The database; None if it cannot be had. A broken one is removed."""
        database = None
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file.touch(mode=0o600)
            # Whoever has the cache last closes it, on whatever thread that is.
            database = sqlite3.connect(self._file, timeout=SECONDS_TO_WAIT, check_same_thread=False)
            weakref.finalize(self, database.close)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            if database is not None:
                database.close()
            if _is_broken(error):
                self._remove()
            return None
        return database

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._file.with_name(self._file.name + ending).unlink()


def _is_broken(error: Exception) -> bool:
    """Whether a file is no database; an operational error says that it is busy, or has no room."""
    is_busy = isinstance(error, sqlite3.OperationalError)
    return isinstance(error, sqlite3.DatabaseError) and not is_busy


def _is_there(database: sqlite3.Connection, key: str) -> bool:
    query = "SELECT 1 FROM readings WHERE key = ?"
    return database.execute(query, (key,)).fetchone() is not None


def _find(database: sqlite3.Connection, key: str) -> tuple[object, object] | None:
    query = "SELECT reading, used FROM readings WHERE key = ?"
    found: tuple[object, object] | None = database.execute(query, (key,)).fetchone()
    return found


def _insert(database: sqlite3.Connection, rows: list[tuple[str, bytes, int]]) -> None:
    database.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?, ?)", rows)


def _mark(database: sqlite3.Connection, used: list[tuple[int, str]]) -> None:
    database.executemany("UPDATE readings SET used = ? WHERE key = ?", used)


def _prune(database: sqlite3.Connection, oldest: int) -> None:
    """Out with what was unused for long; over the bound, with the longest unused."""
    database.execute("DELETE FROM readings WHERE used < ?", (oldest,))
    (size,) = database.execute("SELECT sum(length(reading)) FROM readings").fetchone()
    over = (size or 0) - MAX_BYTES
    if over <= 0:
        return
    gone = []
    for key, length in database.execute(
        "SELECT key, length(reading) FROM readings ORDER BY used, key"
    ):
        if over <= 0:
            break
        gone.append((key,))
        over -= length
    database.executemany("DELETE FROM readings WHERE key = ?", gone)


def _drop_old_files(file: Path) -> None:
    """Those of repositories and rules that were not mined with for long."""
    oldest = time.time() - DAYS_KEPT * _DAY
    with contextlib.suppress(OSError):
        for other in file.parent.iterdir():
            if ".sqlite" in other.name and other.stat().st_mtime < oldest:
                other.unlink()
