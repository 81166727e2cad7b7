"""Counts in an SQLite file of the user's: what a server writes and what commands read.

    <user data>/homespun/usage.sqlite

A row for each suggestion that was seen, and sums a day of everything else. Nothing waits for it: a
file that is locked, full or read-only costs counts. One that is no database any more is put aside.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import platformdirs
import psutil  # type: ignore[import-untyped]

from homespun_model.usage.counted import Asked, Fate, Served, bucket

BUSY = 0.5  # seconds that a writer waits for another
DAYS_KEPT = 400
VERSION = 1
_DAY = 86_400
_SCHEMA = """
CREATE TABLE IF NOT EXISTS served (
  id INTEGER PRIMARY KEY, repository TEXT, language TEXT NOT NULL, base TEXT NOT NULL,
  engine TEXT NOT NULL, revision TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS served_once ON served (
  ifnull(repository, ''), language, base, engine, ifnull(revision, ''));
CREATE TABLE IF NOT EXISTS days (
  day TEXT NOT NULL, served INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (day, served, what)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS suggestions (
  session TEXT NOT NULL, number INTEGER NOT NULL, day TEXT NOT NULL, served INTEGER NOT NULL,
  length INTEGER NOT NULL, typed INTEGER NOT NULL, by_word INTEGER NOT NULL,
  by_line INTEGER NOT NULL, by_all INTEGER NOT NULL,
  after_30s INTEGER, after_5m INTEGER, at_end INTEGER,
  PRIMARY KEY (session, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS suggestions_by_day ON suggestions (day);
"""
# Kinds of disks that other machines write to as well, where shared memory is not shared.
_OF_A_NETWORK = {"nfs", "nfs4", "cifs", "smb", "smbfs", "smb3", "9p", "afs", "ceph", "fuse.sshfs"}
_NO_DATABASE = ("file is not a database", "malformed", "unsupported file format")


def usage_file() -> Path:
    """The user's own."""
    return platformdirs.user_data_path("homespun", appauthor=False) / "usage.sqlite"


class UsageWriter:
    """One process's; used on one thread. sqlite3.Error and OSError go to the caller."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._ids: dict[Served, int] = {}
        self._version: int | None = None

    def write(self, asked: Iterable[Asked], fates: Iterable[tuple[int, Fate]]) -> None:
        """All of it or nothing. A fate whose number was written before is written over."""
        try:
            with self._open() as connection:
                self._look_for_others(connection)
                for each in asked:
                    self._count(connection, each)
                for number, fate in fates:
                    self._put(connection, number, fate)
        except sqlite3.Error as error:
            self._ids.clear()  # what was new is rolled back
            if any(said in str(error) for said in _NO_DATABASE):
                self.close()
                put_aside(self._file)
            raise

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._ids.clear()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = _connected(self._file)
            try:
                _prepare(connection, self._file)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _look_for_others(self, connection: sqlite3.Connection) -> None:
        """What somebody else has written since may have wiped what is known by number."""
        [(version,)] = connection.execute("PRAGMA data_version")
        if version != self._version:
            self._version = version
            self._ids.clear()

    def _count(self, connection: sqlite3.Connection, asked: Asked) -> None:
        served = self._served(connection, asked.served)
        what = ["asked"]
        if asked.seconds is not None:
            what += ["answered", f"latency {bucket(asked.seconds)}"]
        if asked.has_text:
            what.append("suggested")
        connection.executemany(
            "INSERT INTO days VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
            [(asked.day, served, each) for each in what],
        )

    def _put(self, connection: sqlite3.Connection, number: int, fate: Fate) -> None:
        connection.execute(
            "INSERT INTO suggestions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET typed = excluded.typed, by_word = excluded.by_word, "
            "by_line = excluded.by_line, by_all = excluded.by_all, "
            "after_30s = excluded.after_30s, after_5m = excluded.after_5m, "
            "at_end = excluded.at_end",
            (
                *(fate.session, number, fate.day, self._served(connection, fate.served)),
                *(fate.length, fate.typed, fate.by_word, fate.by_line, fate.by_all),
                *(fate.after_30s, fate.after_5m, fate.at_end),
            ),
        )

    def _served(self, connection: sqlite3.Connection, served: Served) -> int:
        if (known := self._ids.get(served)) is not None:
            return known
        key = (served.repository, served.language, served.base, served.engine, served.revision)
        connection.execute("INSERT OR IGNORE INTO served VALUES (NULL, ?, ?, ?, ?, ?)", key)
        [(number,)] = connection.execute(
            "SELECT id FROM served WHERE repository IS ? AND language = ? AND base = ? "
            "AND engine = ? AND revision IS ?",
            key,
        )
        self._ids[served] = int(number)
        return int(number)


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection | None]:
    """What is counted there, to be read; None where nothing is yet. sqlite3.Error."""
    if not file.exists():
        yield None
        return
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
        [(version,)] = connection.execute("PRAGMA user_version")
        yield connection if version == VERSION else None


def wipe(file: Path) -> bool:
    """Delete what is counted; whether there was anything. OSError, sqlite3.Error.

    Emptied and not removed: a server that has it open goes on counting in it.
    """
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(file, timeout=5.0)) as connection:
            with connection:
                for table in ("days", "suggestions", "served"):
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.executescript(_SCHEMA)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        if not any(said in str(error) for said in _NO_DATABASE):
            raise
        file.unlink()
    return True


def put_aside(file: Path) -> None:
    """Rename what is no database any more, that counting goes on."""
    with contextlib.suppress(OSError):
        file.replace(file.with_name(f"{file.name}.broken"))
    for suffix in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(OSError):
            file.with_name(file.name + suffix).unlink(missing_ok=True)


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY)
    if not is_of_a_network(file):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    [(version,)] = connection.execute("PRAGMA user_version")
    if version > VERSION:
        raise sqlite3.DatabaseError(f"{file.name} is of a newer version")
    with connection:
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        oldest = time.strftime("%Y-%m-%d", time.localtime(time.time() - DAYS_KEPT * _DAY))
        for table in ("days", "suggestions"):
            connection.execute(f"DELETE FROM {table} WHERE day < ?", (oldest,))


def is_of_a_network(file: Path) -> bool:
    """Whether the disk is one that other machines write to: write-ahead logs need shared memory."""
    place = str(file.absolute())
    best, kind = "", ""
    with contextlib.suppress(OSError, RuntimeError):
        for part in psutil.disk_partitions(all=True):
            inside = place.startswith(part.mountpoint.rstrip("/\\") + "/")
            if inside and len(part.mountpoint) >= len(best):
                best, kind = part.mountpoint, part.fstype.lower()
    return kind in _OF_A_NETWORK
