"""Whether the adapter that is served is taken more than the one before it, in words."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homespun_model.usage.database import reading
from homespun_model.usage.summary import Difference, against_the_one_before


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of the newest revision that was seen in a repository, on one base."""

    repository: str
    base: str
    now: str
    before: str | None
    """None for the base alone."""
    difference: Difference | None
    """None while it is too early to say."""

    @property
    def is_clearly_less(self) -> bool:
        return self.difference is not None and self.difference.is_clearly_less

    def __str__(self) -> str:
        before = self.before or "the base"
        if (found := self.difference) is None:
            return f"{self.repository}: too early to say whether {self.now} is better than {before}"
        points = f"{100 * found.low:+.1f} to {100 * found.high:+.1f} points"
        how = "less" if found.high < 0 else "more" if found.low > 0 else "about as"
        often = f"{how} often" + (" as" if how == "about as" else " than")
        return (
            f"{self.repository}: {self.now} is taken {often} {before}, "
            f"{100 * found.now:.1f}% against {100 * found.before:.1f}% ({points})"
        )

    def to_json(self) -> dict[str, Any]:
        """For programs; the difference in shares, 95%."""
        found = self.difference
        return {
            "repository": self.repository,
            "base": self.base,
            "revision": self.now,
            "before": self.before,
            "acceptance": found and found.now,
            "acceptance_before": found and found.before,
            "difference": [found.low, found.high] if found else None,
        }


def verdicts(connection: sqlite3.Connection) -> list[Verdict]:
    """For every repository and base with a revision that was seen; names of revisions sort by their
    age, and what came before the first is the base."""
    found = connection.execute(
        "SELECT DISTINCT repository, base, revision FROM suggestions JOIN served "
        "ON served.id = served WHERE repository IS NOT NULL ORDER BY repository, base, revision"
    ).fetchall()
    told = []
    for repository, base in dict.fromkeys((repository, base) for repository, base, _ in found):
        seen = [rev for one, other, rev in found if (one, other) == (repository, base)]
        named = [revision for revision in seen if revision is not None]
        if not named:
            continue
        before = named[-2] if len(named) > 1 else None
        difference = against_the_one_before(connection, repository, base, named[-1], before)
        told.append(Verdict(repository, base, named[-1], before, difference))
    return told


def verdict_on(file: Path, repository: str, revision: str) -> Verdict | None:
    """What use says of a revision; None where nothing is counted of it, or nothing can be read."""
    try:
        with reading(file) as connection:
            found = verdicts(connection) if connection is not None else []
    except sqlite3.Error:
        return None
    return next((v for v in found if (v.repository, v.now) == (repository, revision)), None)
