"""``homespun nightly``: one night for many repositories, and one table in the morning.

Parses arguments before anything heavy is imported. Knows no step of a run.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from homespun_model.exit_codes import INTERRUPTED

from homespun_finetune import interruption
from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly import logs_folder, one_machine
from homespun_finetune.nightly.repositories_file import check_store, read
from homespun_finetune.nightly.row import Row
from homespun_finetune.nightly.screen import Screen
from homespun_finetune.nightly.table import Night
from homespun_finetune.nightly.task import RepositoryTask
from homespun_finetune.program import run_program
from homespun_finetune.progress import console_for_people

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    help="Teach many repositories in one night, here or on a cluster, and see what came of each.",
    epilog="Example: homespun nightly repositories.toml --html night.html",
)
def nightly(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="repositories.toml.")],
    *,
    store: Annotated[
        str | None,
        typer.Option(help="Adapter store: a folder or a URL. [default: the file's, else your own]"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run on a Ray cluster: its host:port, or `local` for one here."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This repository; may be repeated.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table here too: one HTML page.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Logs and reports. [default: your user log folder]"),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    del debug  # read by main
    if store is not None:
        check_store(store)
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise RunUsageError(f"--html {html}: name a file in a folder that is there")
    tasks = _chosen(read(file, store), file, only or [])
    logs = logs or _default_logs()
    screen = Screen(console_for_people())
    rows = _rows(tasks, ray, logs, screen)
    with logs_folder.claimed(logs, tasks):
        with contextlib.redirect_stdout(sys.stderr):  # what Ray prints is not our JSON
            night, whole = _night(tasks, rows, logs, screen)
        _tell(night, screen, html, as_json=as_json)
    return night.exit_code if whole else INTERRUPTED


def main(arguments: list[str] | None = None) -> NoReturn:
    """The entry point. ``arguments``: the process's own, where none are given."""
    left = "what was published is served; the same command runs all of them again"
    run_program(app, "homespun nightly", arguments, interrupted=left)


def _chosen(
    tasks: Sequence[RepositoryTask], file: Path, only: Sequence[str]
) -> list[RepositoryTask]:
    names = [task.name for task in tasks]
    for name in only:
        if name not in names:
            raise RunUsageError(f"--only {name}: {file} has {', '.join(names)}")
    return [task for task in tasks if not only or task.name in only]


def _default_logs() -> Path:
    import platformdirs

    return platformdirs.user_log_path("homespun", appauthor=False) / "nightly"


def _rows(
    tasks: Sequence[RepositoryTask], ray: str | None, logs: Path, screen: Screen
) -> Generator[Row]:
    if ray is None:
        return one_machine.run(tasks, logs, screen.say)
    from homespun_finetune.nightly import cluster

    return cluster.run(ray, tasks, logs, screen.say)


def _night(
    tasks: Sequence[RepositoryTask], rows: Generator[Row], logs: Path, screen: Screen
) -> tuple[Night, bool]:
    """What it came to, and whether nobody interrupted it."""
    found: dict[str, Row] = {}
    whole = True

    def keep(row: Row) -> None:
        found[row.name] = row
        screen.say(str(row))

    with contextlib.closing(rows):
        try:
            for row in rows:
                keep(row)
        except KeyboardInterrupt:
            whole = False
            for row in _last(rows):
                keep(row)
    interruption.ignore()  # nothing runs any more: a second Ctrl-C would only lose the table
    return Night([(t, found.get(t.name) or Row.not_run(t)) for t in tasks], logs), whole


def _last(rows: Generator[Row]) -> Generator[Row]:
    """Those of runs that come to a result although they were asked to end."""
    with contextlib.suppress(KeyboardInterrupt):
        yield rows.throw(KeyboardInterrupt)
        yield from rows


def _tell(night: Night, screen: Screen, html: Path | None, *, as_json: bool) -> None:
    """The object first: whatever else cannot be written, programs have it."""
    try:
        if as_json:
            print(json.dumps(night.to_json()), flush=True)
    finally:
        screen.show(night)
        if html is not None:
            _write(night, screen, html)
        if night.failed:
            screen.say(f"{night.failed} of {len(night.rows)} repositories failed: see {night.logs}")


def _write(night: Night, screen: Screen, html: Path) -> None:
    from homespun_finetune.nightly import page

    try:
        page.write(night, html)
    except OSError as error:  # what became of the repositories stays so
        screen.say(f"page: {html} is not written: {error.strerror or error}")
    else:
        screen.say(f"page: {html}")


if __name__ == "__main__":
    main()
