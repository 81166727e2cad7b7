"""``homespun usage``: what this user's counts say, and how to hand them on or be rid of them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from homespun_corpus.errors import one_line
from homespun_model.files.disk import write
from homespun_model.usage.database import reading, usage_file, wipe
from homespun_model.usage.summary import COLUMNS, Grouped, Row, named, rows
from homespun_model.usage.verdict import Verdict, verdicts

from homespun_server.errors import CommandUsageError, ServerError
from homespun_server.usage_cells import HEADINGS, called

GROUPS = (("revision", ("revision", "repository", "base")), ("language", ("language",)))


@dataclass(frozen=True, slots=True)
class UsageCommands:
    """The last so many days."""

    days: int
    file: Path

    @classmethod
    def of(cls, days: int) -> UsageCommands:
        """The user's own counts."""
        return cls(days, usage_file())

    @property
    def since(self) -> str:
        """The first day that counts."""
        return (date.today() - timedelta(days=self.days - 1)).isoformat()

    def show(self, *, as_json: bool, html: Path | None) -> int:
        """A table by revision and one by language, and whether the last adapter is taken more."""
        if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
            raise CommandUsageError(f"--html {html}: name a file in a folder that is there")
        with self._read() as connection:
            if connection is None:
                return self._nothing(as_json)
            whole = rows(connection, self.since).get((), Row())
            groups = {name: rows(connection, self.since, by) for name, by in GROUPS}
            by_day = rows(connection, self.since, ("day",))
            found = verdicts(connection)
        if as_json:
            print(json.dumps(self._to_json(whole, groups, found)))
        else:
            self._table(whole, groups, found)
        if html is not None:
            from homespun_server.usage_page import page

            write(html, page(self.days, whole, groups, by_day, found))
            if not as_json:
                print(f"{html} is written")
        return 0

    def export(self, to: str | None) -> int:
        """JSON lines, a line for each day and whatever was served; counts and nothing else."""
        with self._read() as connection:
            found = rows(connection, self.since, COLUMNS) if connection is not None else {}
        lines = [
            json.dumps(named(key, COLUMNS) | row.to_json(), sort_keys=True)
            for key, row in sorted(found.items(), key=lambda pair: str(pair[0]))
        ]
        text = "".join(f"{line}\n" for line in lines)
        if to is None:
            print(text, end="", flush=True)
        else:
            self._hand_on(to, text)
        return 0

    def serve_metrics(self, port: int) -> int:
        """Until it is interrupted."""
        from homespun_server.usage_metrics import listening

        with listening(self.file, port) as server:
            print(f"http://127.0.0.1:{server.server_port}/metrics", flush=True)
            server.serve_forever()
        return 0

    def wipe(self) -> int:
        """Delete everything that was counted."""
        try:
            print("usage is wiped" if wipe(self.file) else "nothing was counted yet")
        except (OSError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or one_line(str(error))[:200]
            raise ServerError(f"{self.file} cannot be wiped: {why}") from error
        return 0

    def _hand_on(self, to: str, text: str) -> None:
        from homespun_model.sharing.usage_files import put_usage

        name = put_usage(to, text)
        print(f"{len(text.splitlines())} lines are at {name}")

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection | None]:
        try:
            with reading(self.file) as connection:
                yield connection
        except sqlite3.Error as error:
            why = one_line(str(error))[:200]
            raise ServerError(f"{self.file} cannot be read: {why}") from error

    def _nothing(self, as_json: bool) -> int:
        print(json.dumps({"days": self.days, "total": None}) if as_json else "nothing counted yet")
        return 0

    def _to_json(
        self,
        whole: Row,
        groups: Mapping[str, Mapping[Grouped, Row]],
        found: list[Verdict],
    ) -> dict[str, Any]:
        by = dict(GROUPS)
        return {
            "days": self.days,
            "total": whole.to_json(),
            **{
                f"by_{name}": [named(key, by[name]) | row.to_json() for key, row in of.items()]
                for name, of in groups.items()
            },
            "verdicts": [verdict.to_json() for verdict in found],
        }

    def _table(
        self,
        whole: Row,
        groups: Mapping[str, Mapping[Grouped, Row]],
        found: list[Verdict],
    ) -> None:
        from rich.console import Console
        from rich.table import Table

        console = Console(highlight=False)
        for name, of in groups.items():
            table = Table(box=None, title=None, pad_edge=False)
            table.add_column(f"by {name}", no_wrap=True, max_width=28)
            for heading in IN_BRIEF:
                table.add_column(heading, justify="right", no_wrap=True, min_width=6)
            for key, row in of.items():
                table.add_row(_briefly(key), *_in_brief(row))
            if name == GROUPS[-1][0]:
                table.add_row("all", *_in_brief(whole))
            console.print(table)
            console.print()
        for verdict in found:
            console.print(str(verdict), soft_wrap=True, markup=False)


IN_BRIEF = {
    **{"seen": "seen", "taken": "taken", "stands": "5 min", "saved": "keys saved"},
    **{"p50": "p50", "p95": "p95"},
}
"""Those that a terminal has room for, by what they are called there."""


def _in_brief(row: Row) -> list[str]:
    return [HEADINGS[each](row) for each in IN_BRIEF.values()]


def _briefly(key: Grouped) -> str:
    """As ``called``, by the last part of each name: of a revision its hash."""
    return called(tuple(part and re.split(r"[/\\]|(?<=Z)-", part)[-1] for part in key))
