"""Counts on the disk, and what they say."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest
from homespun_model.usage import database
from homespun_model.usage.counted import Asked, Fate, Served, bucket, milliseconds
from homespun_model.usage.database import UsageWriter, reading, wipe
from homespun_model.usage.summary import COLUMNS, Row, of_revision, rows
from homespun_model.usage.verdict import Verdict, verdict_on, verdicts

DAY = "2026-11-30"


def served(revision: str | None = "r2", language: str = "python") -> Served:
    return Served("team/app", language, "starter", "dense", revision)


def fate(revision: str | None = "r2", session: str = "s", **counts: int) -> Fate:
    return Fate(DAY, session, served(revision), 20, **counts)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "user" / "usage.sqlite"


def wrote(file: Path, asked: Iterable[Asked] = (), fates: Iterable[Fate] = ()) -> None:
    writer = UsageWriter(file)
    writer.write(asked, enumerate(fates))
    writer.close()


def test_what_was_counted_is_summed(file: Path) -> None:
    wrote(
        file,
        [Asked(DAY, served(), *each) for each in ((0.1, True), (0.2, False), (None, False))],
        [
            fate(by_all=20, after_30s=20, after_5m=10, at_end=5),
            fate(by_word=4, by_line=6, after_30s=10),
            fate(typed=20),
            fate(),
        ],
    )
    with reading(file) as connection:
        assert connection is not None
        [row] = rows(connection, DAY).values()
        assert rows(connection, "2026-12-01") == {}
        [(key, _)] = rows(connection, DAY, COLUMNS).items()
    assert key == ("team/app", "python", "starter", "dense", "r2", DAY)
    assert (row.asked, row.answered, row.suggested) == (3, 2, 1)
    assert (row.seen, row.taken, row.taken_whole, row.by_word, row.by_line) == (4, 2, 1, 1, 1)
    assert (row.typed_along, row.dismissed) == (1, 1)
    assert (row.characters, row.accepted, row.saved) == (80, 30, 28)
    assert (row.after_30s, row.after_5m, row.at_end) == (1.0, 0.5, 0.25)
    half, most = row.latency(0.5), row.latency(0.95)
    assert half and 100 <= half < 125 and most and 200 <= most < 250


def test_a_fate_that_is_written_again_is_the_same(file: Path) -> None:
    writer = UsageWriter(file)
    writer.write([], [(7, fate(by_word=4))])
    writer.write([], [(7, fate(by_word=4, by_all=16)), (8, fate())])
    writer.close()
    found = of_revision(file, "team/app", "r2")
    assert found is not None and (found.seen, found.taken, found.accepted) == (2, 1, 20)


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 0.001, 0.02, 1.0, 90.0])
def test_a_latency_is_right_within_a_bucket(seconds: float) -> None:
    assert milliseconds(bucket(seconds)) >= 1e3 * seconds
    assert milliseconds(bucket(seconds) - 1) < max(1e3 * seconds, 1.0)


def test_no_code_and_no_path_is_in_the_file(file: Path) -> None:
    wrote(file, [Asked(DAY, served(), 0.1, True)], [fate(by_all=20)])
    with reading(file) as connection:
        assert connection is not None
        columns = {
            row[1]
            for table in ("served", "days", "suggestions")
            for row in connection.execute(f"PRAGMA table_info({table})")
        }
    texts = {"repository", "language", "base", "engine", "revision", "day", "what", "session"}
    assert columns - texts <= {
        *("id", "number", "served", "count", "length", "typed", "by_word", "by_line", "by_all"),
        *("after_30s", "after_5m", "at_end"),
    }


def test_a_locked_file_costs_no_more_than_a_moment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.05)
    wrote(file, [], [fate()])
    writer = UsageWriter(file)
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            writer.write([Asked(DAY, served(), 0.1, True)], [(2, fate())])
        other.execute("ROLLBACK")
    writer.write([Asked(DAY, served(), 0.1, True)], [(2, fate())])
    writer.close()
    found = of_revision(file, "team/app", "r2")
    assert found is not None and (found.seen, found.asked) == (2, 1)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 99, None])
def test_a_broken_file_is_put_aside(file: Path, damage: bytes | None) -> None:
    wrote(file, [], [fate() for _ in range(200)])
    data = file.read_bytes()
    half = data[: len(data) // 2] if damage is None else damage
    file.write_bytes(half)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    writer = UsageWriter(file)
    for _ in range(2):
        try:
            writer.write([], [(1, fate())])
        except sqlite3.DatabaseError:
            continue
        break
    writer.close()
    found = of_revision(file, "team/app", "r2")
    assert found is not None and found.seen == 1
    assert file.with_name("usage.sqlite.broken").exists() == bool(half)


def test_one_of_a_newer_version_is_left_alone(file: Path) -> None:
    wrote(file, [], [fate()])
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    with pytest.raises(sqlite3.DatabaseError, match="newer version"):
        wrote(file, [], [fate()])
    assert of_revision(file, "team/app", "r2") is None
    assert file.read_bytes() == before


def test_wiped_nothing_is_left(file: Path) -> None:
    assert not wipe(file)
    writer = UsageWriter(file)
    writer.write([Asked(DAY, served(), 0.1, True)], [(1, fate(by_word=4))])
    assert wipe(file) and of_revision(file, "team/app", "r2") is None
    assert b"team/app" not in file.read_bytes()
    # A server that has it open goes on, and knows nothing of before.
    writer.write([Asked(DAY, served(), 0.1, True)], [(1, fate(by_word=4)), (2, fate())])
    writer.close()
    found = of_revision(file, "team/app", "r2")
    assert found is not None and (found.seen, found.asked) == (2, 1)
    file.write_bytes(b"no database at all" * 99)
    assert wipe(file) and not file.exists()


def used(file: Path, revision: str | None, share: float, sessions: int = 20) -> None:
    """A revision that is taken in such a share of what is seen, ten in a session."""
    chance = random.Random(str(revision))
    writer = UsageWriter(file)
    fates = [
        fate(revision, f"{revision}-{session}", by_all=20 if chance.random() < share else 0)
        for session in range(sessions)
        for _ in range(10)
    ]
    writer.write([], enumerate(fates))
    writer.close()


def verdict(file: Path) -> Verdict:
    with reading(file) as connection:
        assert connection is not None
        [found] = verdicts(connection)
    return found


def test_a_revision_that_is_taken_less_is_clearly_so(file: Path) -> None:
    used(file, "r1", 0.5)
    used(file, "r2", 0.2)
    found = verdict(file)
    assert (found.now, found.before, found.is_clearly_less) == ("r2", "r1", True)
    assert "r2 is taken less often than r1" in str(found)
    assert verdict_on(file, "team/app", "r2") == found
    assert verdict_on(file, "team/app", "r1") is None


def test_the_first_revision_is_held_against_the_base(file: Path) -> None:
    used(file, None, 0.2)
    used(file, "r1", 0.5)
    found = verdict(file)
    assert (found.before, found.is_clearly_less) == (None, False)
    assert "r1 is taken more often than the base" in str(found)
    assert found.to_json()["difference"][0] > 0


@pytest.mark.parametrize("sessions", [1, 4])
def test_it_may_be_too_early_to_say(file: Path, sessions: int) -> None:
    used(file, "r1", 0.5)
    used(file, "r2", 0.1, sessions)
    assert verdict(file).difference is None
    assert "too early to say" in str(verdict(file))


def test_alike_is_seldom_called_less(tmp_path: Path) -> None:
    wrong = 0
    for number in range(40):
        file = tmp_path / f"{number}.sqlite"
        used(file, f"a{number}", 0.3)
        used(file, f"b{number}", 0.3)
        wrong += verdict(file).is_clearly_less
    assert wrong <= 4


def test_nothing_is_divided_by_nothing() -> None:
    told = Row().to_json()
    assert told["acceptance"] is None and told["latency_p50_ms"] is None
