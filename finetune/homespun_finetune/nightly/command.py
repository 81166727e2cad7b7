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
from homespun_model.sharing.url import check_named

from homespun_finetune import interruption
from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly import one_machine
from homespun_finetune.nightly.repositories_file import read
from homespun_finetune.nightly.row import Row
from homespun_finetune.nightly.table import Night
from homespun_finetune.nightly.task import RepositoryTask
from homespun_finetune.program import run_program
from homespun_finetune.progress import Reporter, console_for_people

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
        check_named(store)
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise RunUsageError(f"--html {html}: name a file in a folder that is there")
    tasks = _chosen(read(file, store), file, only or [])
    logs = logs or _default_logs()
    reporter = Reporter(console_for_people())
    with contextlib.redirect_stdout(sys.stderr):  # what Ray prints is not our JSON
        night, whole = _night(tasks, _rows(tasks, ray, logs, reporter), logs, reporter)
    _tell(night, reporter, html, as_json=as_json)
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
    tasks: Sequence[RepositoryTask], ray: str | None, logs: Path, reporter: Reporter
) -> Generator[Row]:
    if ray is None:
        return one_machine.run(tasks, logs, reporter.say)
    from homespun_finetune.nightly import cluster

    return cluster.run(ray, tasks, logs, reporter.say)


def _night(
    tasks: Sequence[RepositoryTask], rows: Generator[Row], logs: Path, reporter: Reporter
) -> tuple[Night, bool]:
    """What it came to, and whether nobody interrupted it."""
    found: dict[str, Row] = {}
    whole = True
    try:
        with contextlib.closing(rows):
            for row in rows:
                found[row.name] = row
                reporter.say(str(row))
    except KeyboardInterrupt:
        whole = False
    interruption.ignore()  # nothing runs any more: a second Ctrl-C would only lose the table
    return Night([(t, found.get(t.name) or Row.not_run(t)) for t in tasks], logs), whole


def _tell(night: Night, reporter: Reporter, html: Path | None, *, as_json: bool) -> None:
    night.show(reporter.console)
    if html is not None:
        from homespun_finetune.nightly import page

        page.write(night, html)
        reporter.say(f"page: {html}")
    if as_json:
        print(json.dumps(night.to_json()), flush=True)
    if night.failed:
        reporter.say(f"{night.failed} of {len(night.rows)} repositories failed: see {night.logs}")


if __name__ == "__main__":
    main()
