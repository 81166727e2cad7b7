"""Where held-out code begins, as a user says it: a date, a revision or a number of commits."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from homespun_corpus.errors import RepositoryError
from homespun_corpus.repo.repository import Commit, Repository

MOST_DIGITS = 6  # of a number of commits; seven digits can be the beginning of a hash
_NUMBER = re.compile(rf"\d{{1,{MOST_DIGITS}}}")


def commits_since(repository: Repository, since: str) -> list[Commit]:
    """First parents of HEAD, newest first, as far as ``since``; RepositoryError says what is wrong.

    A number: that many commits. A date (ISO 8601, UTC unless it says otherwise): those committed
    at it or later. A revision: those that it does not hold already.
    """
    if not repository.is_git:
        raise RepositoryError(f"{repository.root} has no history: --since needs a git repository")
    if repository.is_shallow:
        raise RepositoryError(
            f"{repository.root} has only a part of its history: run `git fetch --unshallow`, or "
            "leave --since out"
        )
    history = repository.history()
    end = _end(repository, history, since)
    if end == 0:
        raise RepositoryError(f"there is no commit since {since}: give an earlier --since")
    if end >= len(history):
        raise RepositoryError(
            f"nothing is older than --since {since}: there would be nothing to train on"
        )
    return history[:end]


def _end(repository: Repository, history: list[Commit], since: str) -> int:
    """How many of the newest commits are meant."""
    if _NUMBER.fullmatch(since):
        return int(since)
    date = _date(since)
    if date is not None:
        return next((i for i, commit in enumerate(history) if commit.time < date), len(history))
    held = repository.held_by(since)
    return next((i for i, commit in enumerate(history) if commit.id in held), len(history))


def _date(text: str) -> float | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
