"""What the counts say: how often suggestions are taken, and what of them stands.

By revision and language, and of one revision against the one before it, with an interval, or with
the word that it is too early.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from homespun_model.usage.counted import milliseconds
from homespun_model.usage.database import reading

DRAWS = 2000
LEAST_SEEN = 50  # suggestions of each of two revisions that are compared
LEAST_SITTINGS = 5  # and sessions on a day: what one person does in a row is one observation
Grouped = tuple[str | None, ...]
COLUMNS = ("repository", "language", "base", "engine", "revision", "day")


@dataclass(slots=True)
class Row:
    """Sums over one group."""

    asked: int = 0
    answered: int = 0
    suggested: int = 0
    seen: int = 0
    taken: int = 0
    """Of ``seen``, with a key that accepts: all of it, a line or a word."""
    taken_whole: int = 0
    by_word: int = 0
    by_line: int = 0
    typed_along: int = 0
    """Of ``seen``, not taken, but begun to be written as it was suggested."""
    characters: int = 0
    accepted: int = 0
    """Characters that came in by a key that accepts."""
    after_30s: float | None = None
    after_5m: float | None = None
    at_end: float | None = None
    """Share of accepted characters that stood, of those that were looked at then."""
    latencies: dict[int, int] = field(default_factory=dict)

    @property
    def dismissed(self) -> int:
        return self.seen - self.taken - self.typed_along

    @property
    def saved(self) -> int:
        """Keystrokes: characters that came in, less one key for each suggestion."""
        return max(0, self.accepted - self.taken)

    def latency(self, share: float) -> float | None:
        """Milliseconds within which such a share of the answers came; None without any."""
        total, so_far = sum(self.latencies.values()), 0
        for number in sorted(self.latencies):
            so_far += self.latencies[number]
            if so_far >= share * total:
                return milliseconds(number)
        return None

    def to_json(self) -> dict[str, Any]:
        """Counts, and what follows from them; None where there is nothing to divide by."""
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "dismissed": self.dismissed,
            "keystrokes_saved": self.saved,
            "acceptance": _share(self.taken, self.seen),
            "retained_after_30s": _rounded(self.after_30s),
            "retained_after_5m": _rounded(self.after_5m),
            "retained_at_end": _rounded(self.at_end),
            "latency_p50_ms": _rounded(self.latency(0.5), 1),
            "latency_p95_ms": _rounded(self.latency(0.95), 1),
        }


_COUNTS = (
    *("asked", "answered", "suggested", "seen", "taken", "taken_whole", "by_word", "by_line"),
    *("typed_along", "characters", "accepted"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Of a revision against the one before it, in what share of those seen is taken."""

    before: float
    now: float
    low: float
    high: float
    """95% of the difference, over sessions."""

    @property
    def is_clearly_less(self) -> bool:
        return self.high < 0


def rows(connection: sqlite3.Connection, since: str, by: Sequence[str] = ()) -> dict[Grouped, Row]:
    """Sums since a day, by some of ``COLUMNS``."""
    assert set(by) <= set(COLUMNS)
    keys = ", ".join([*by, "''"])
    found: dict[Grouped, Row] = {}

    def row(key: tuple[Any, ...]) -> Row:
        return found.setdefault(tuple(key[:-1]), Row())

    sums = f"SELECT {keys}, what, sum(count) FROM days JOIN served ON served.id = served"
    for *key, what, count in connection.execute(
        f"{sums} WHERE day >= ? GROUP BY {keys}, what", (since,)
    ):
        if what.startswith("latency "):
            row(tuple(key)).latencies[int(what.removeprefix("latency "))] = count
        elif what in ("asked", "answered", "suggested"):
            setattr(row(tuple(key)), what, count)
    for *key, values in _of_suggestions(connection, keys, since):
        _add(row(tuple(key)), values)
    return found


def _of_suggestions(
    connection: sqlite3.Connection, keys: str, since: str
) -> Iterable[tuple[Any, ...]]:
    accepted = "(by_word + by_line + by_all)"
    kept = ", ".join(
        f"sum({name}), sum(iif({name} IS NULL, 0, {accepted}))"
        for name in ("after_30s", "after_5m", "at_end")
    )
    query = (
        f"SELECT {keys}, count(*), sum({accepted} > 0), sum(typed + {accepted} >= length AND "
        f"by_all > 0), sum(by_word > 0), sum(by_line > 0), sum({accepted} = 0 AND typed > 0), "
        f"sum(length), sum({accepted}), {kept} FROM suggestions JOIN served ON served.id = served "
        f"WHERE day >= ? GROUP BY {keys}"
    )
    width = keys.count(",") + 1
    for found in connection.execute(query, (since,)):
        yield (*found[:width], found[width:])


def _add(row: Row, values: Sequence[Any]) -> None:
    names = ("seen", "taken", "taken_whole", "by_word", "by_line", "typed_along")
    for name, value in zip((*names, "characters", "accepted"), values, strict=False):
        setattr(row, name, value)
    looked = zip(("after_30s", "after_5m", "at_end"), values[8::2], values[9::2], strict=True)
    for name, still, of in looked:
        setattr(row, name, still / of if of else None)


def of_revision(file: Path, repository: str, revision: str | None) -> Row | None:
    """What was counted of one revision; None where nothing is, or nothing can be read."""
    by = ("repository", "revision")
    try:
        with reading(file) as connection:
            found = rows(connection, "", by) if connection is not None else {}
    except sqlite3.Error:
        return None
    return found.get((repository, revision))


def against_the_one_before(
    connection: sqlite3.Connection, repository: str, base: str, now: str, before: str | None
) -> Difference | None:
    """How revision ``now`` is taken against ``before``, None for the base alone; None while too few
    of either were seen to say. Sessions on a day are drawn anew (bootstrap), not suggestions."""
    groups = [_sittings(connection, repository, base, each) for each in (before, now)]
    for group in groups:
        if len(group) < LEAST_SITTINGS or group[:, 0].sum() < LEAST_SEEN:
            return None
    draw = np.random.default_rng(0)
    drawn = []
    for group in groups:
        which = draw.integers(0, len(group), (DRAWS, len(group)))
        seen, taken = group[which].sum(1).T
        drawn.append(taken / np.maximum(seen, 1))
    low, high = np.percentile(drawn[1] - drawn[0], [2.5, 97.5])
    shares = [float(group[:, 1].sum() / group[:, 0].sum()) for group in groups]
    return Difference(shares[0], shares[1], float(low), float(high))


def _sittings(
    connection: sqlite3.Connection, repository: str, base: str, revision: str | None
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(sittings, 2): seen and taken of each session on a day."""
    found = connection.execute(
        "SELECT count(*), sum(by_word + by_line + by_all > 0) FROM suggestions "
        "JOIN served ON served.id = served WHERE repository = ? AND base = ? AND revision IS ? "
        "GROUP BY day, session",
        (repository, base, revision),
    ).fetchall()
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def named(key: Grouped, by: Sequence[str]) -> dict[str, Any]:
    """A group's key by its columns."""
    return dict(zip(by, key, strict=True))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
