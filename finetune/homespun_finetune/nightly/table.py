"""What a night came to: a table for people, an object for programs, and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homespun_model.exit_codes import DONE, FAILED, NOT_PUBLISHED
from rich.table import Table
from rich.text import Text

from homespun_finetune.nightly.row import Row
from homespun_finetune.nightly.task import RepositoryTask

_STYLES = {
    "published": "bold green",
    "refused": "bold red",
    "undecided": "bold yellow",
    "failed": "bold red",
}


@dataclass(frozen=True, slots=True)
class Night:
    """``rows`` in the order of ``repositories.toml``; ``logs`` holds a log, and where there was
    something to report a page, of each."""

    rows: Sequence[tuple[RepositoryTask, Row]]
    logs: Path

    @property
    def failed(self) -> int:
        """How many came to no decision."""
        return sum(row.is_failed for _, row in self.rows)

    @property
    def exit_code(self) -> int:
        """As that of a run: the worst of them."""
        if self.failed:
            return FAILED
        served = all(row.decision in ("published", "evaluated") for _, row in self.rows)
        return DONE if served else NOT_PUBLISHED

    def log(self, task: RepositoryTask) -> Path | None:
        """Its log, where it was begun."""
        return self._if_there(task.log)

    def report(self, task: RepositoryTask) -> Path | None:
        """Its page, where it wrote one."""
        return self._if_there(task.report)

    def to_json(self) -> dict[str, Any]:
        """Stable keys; more may come."""
        return {
            "repositories": [
                row.to_json() | {"log": _text(self.log(task)), "report": _text(self.report(task))}
                for task, row in self.rows
            ],
            "failed": self.failed,
            "logs": str(self.logs),
        }

    def table(self) -> Table:
        """For people; names and reasons are others' and have no meaning in it."""
        grid = Table(title="The night", title_justify="left")
        for heading in ("repository", "decision", "change"):
            grid.add_column(heading, overflow="fold")
        grid.add_column("minutes", justify="right")
        for heading in ("revision", "why"):
            grid.add_column(heading, overflow="fold")
        for _, row in self.rows:
            decision = Text(row.decision, style=_STYLES.get(row.decision, ""))
            change, revision, why = (Text(t) for t in (row.change, row.revision or "", row.why))
            grid.add_row(Text(row.name), decision, change, f"{row.minutes:.1f}", revision, why)
        return grid

    def _if_there(self, name: str) -> Path | None:
        file = self.logs / name
        return file if file.is_file() else None


def _text(path: Path | None) -> str | None:
    return str(path) if path else None
