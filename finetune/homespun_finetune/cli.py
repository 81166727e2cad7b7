"""``finetune-repo``: flags in, exit code out.

Parses arguments before anything heavy is imported. Knows no step of a run.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from homespun_model.sharing.url import check_named

from homespun_finetune.errors import RunUsageError
from homespun_finetune.program import run_program

if TYPE_CHECKING:
    from rich.console import Console

MIN_MINUTES, MAX_MINUTES = 0.1, 7 * 24 * 60
MAX_SEED = 2**32 - 1  # numpy's

_BEGUN = time.monotonic()  # --minutes counts from here: importing torch takes seconds of them

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    help="Teach a code model your repository's style; publish the adapter only if it is better.",
    epilog="Example: finetune-repo path/to/repository --minutes 60 --report report.html",
)
def finetune_repo(  # noqa: PLR0917 - every parameter is a flag
    repositories: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="REPO",
            help="Git repositories or folders; the adapter is the first one's. [default: .]",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Base: its name, a folder, a GGUF file, or a hub name. "
            "[default: see homespun models]"
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Adapter store: a folder or a URL. [default: your user data folder]"),
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="Time for everything, evaluation included.")
    ] = 30.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Mine, show the counts, and stop.")
    ] = False,
    evaluate_only: Annotated[
        bool, typer.Option("--evaluate-only", help="Measure base and current adapter, and stop.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Go on from the current adapter, with what changed.")
    ] = False,
    canaries: Annotated[
        bool,
        typer.Option("--canaries", help="Train beside planted keys, say which leak, and stop."),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE|REVISION|N",
            help="Train on what was there before, examine on what came since. [default: by amount]",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the run's report here too: one HTML page."),
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Repository id in the store. [default: its origin]")
    ] = None,
    fim_format: Annotated[
        str | None, typer.Option(help="Fill-in-the-middle family, where the base does not tell.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=MAX_SEED, help="Decides holes, batches and initial weights."),
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    seconds = 60 * minutes_asked(minutes)
    _check_asked(dry_run=dry_run, evaluate_only=evaluate_only, canaries=canaries, refresh=refresh)
    _check_report(report, dry_run or canaries)
    if store is not None:
        check_named(store)
    from homespun_finetune.budget import Deadline
    from homespun_finetune.processes import is_first
    from homespun_finetune.progress import Reporter, console_for_people
    from homespun_finetune.request import RunRequest
    from homespun_finetune.run import run

    del debug  # read by main
    console = console_for_people()
    request = RunRequest(
        repositories=tuple(repositories or [Path()]),
        base=_base(base, console, silent=dry_run or not is_first()),
        store=store,
        id=id_,
        fim_format=fim_format,
        seed=seed,
        dry_run=dry_run,
        evaluate_only=evaluate_only,
        since=since,
        report=report,
        refresh=refresh,
        canaries=canaries,
    )
    deadline = Deadline(seconds, _BEGUN)
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not our JSON
        outcome = run(request, Reporter(console), deadline)
    if as_json and is_first():
        print(json.dumps(outcome.to_json()), flush=True)
    return outcome.exit_code


def main(arguments: list[str] | None = None) -> NoReturn:
    """The entry point. ``arguments``: the process's own, where none are given."""
    left = "nothing was published, the store is as it was"
    run_program(app, "finetune-repo", arguments, interrupted=left)


def _base(named: str | None, console: Console, *, silent: bool) -> str:
    """The base that is named; else the chosen one, and how to get a better one is said."""
    if named is not None:
        return named
    from homespun_model.bases.choice import chosen_base

    choice = chosen_base("train")
    if choice.hint is not None and not silent:
        console.print(choice.hint, soft_wrap=True, markup=False)
    return choice.base


def _check_asked(*, dry_run: bool, evaluate_only: bool, canaries: bool, refresh: bool) -> None:
    if dry_run and evaluate_only:
        raise RunUsageError("--dry-run and --evaluate-only both stop early: give one of them")
    if canaries and (dry_run or evaluate_only):
        raise RunUsageError("--canaries is a run of its own: give it alone")
    if refresh and (dry_run or evaluate_only or canaries):
        raise RunUsageError("--refresh trains an adapter, the other flag none: give one of them")


def _check_report(file: Path | None, no_holdout: bool) -> None:
    """Before the work: it would be a pity to say so after it."""
    if file is None:
        return
    if no_holdout:
        raise RunUsageError(
            "--dry-run and --canaries measure nothing that --report could show: leave it out"
        )
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise RunUsageError(f"--report {file}: name a file in a folder that is there")


def minutes_asked(value: float) -> float:
    if not (math.isfinite(value) and MIN_MINUTES <= value <= MAX_MINUTES):
        raise RunUsageError(f"--minutes must lie between {MIN_MINUTES} and {MAX_MINUTES}")
    return value


if __name__ == "__main__":
    main()
