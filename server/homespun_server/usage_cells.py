"""How counts are told to people: the columns of a table and the words in its cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from homespun_model.usage.summary import Grouped, Row

HEADINGS: Mapping[str, Callable[[Row], str]] = {
    "seen": lambda row: str(row.seen),
    "taken": lambda row: percent(row.taken / row.seen if row.seen else None),
    "in part": lambda row: str(row.taken - row.taken_whole),
    "typed along": lambda row: str(row.typed_along),
    "stands 30 s": lambda row: percent(row.after_30s),
    "5 min": lambda row: percent(row.after_5m),
    "at the end": lambda row: percent(row.at_end),
    "keys saved": lambda row: str(row.saved),
    "p50": lambda row: seconds(row.latency(0.5)),
    "p95": lambda row: seconds(row.latency(0.95)),
}
"""The columns of a table, and how each is told."""


def cells(row: Row) -> list[str]:
    """A row of a table, as ``HEADINGS`` has it."""
    return [tell(row) for tell in HEADINGS.values()]


def called(key: Grouped) -> str:
    """A group's name for people."""
    return " · ".join(str(part) if part else "-" for part in key)


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}%"


def seconds(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.0f} ms"
