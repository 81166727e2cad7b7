"""``homespun models adapt``: a base is taught this project's prompt, and nobody's style.

Parses arguments before anything heavy is imported. Knows neither samples nor steps.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from homespun_finetune.cli import MAX_SEED, minutes_asked
from homespun_finetune.program import run_program

_BEGUN = time.monotonic()  # --minutes counts from here: importing torch takes seconds of them

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    help="Let a base suggest better before any team has taught it: make its generic adapter, which "
    "learns our prompt from permissive code.",
    epilog="Example: homespun models adapt qwen2.5-coder-1.5b-instruct --minutes 120",
)
def adapt(  # noqa: PLR0917 - every parameter is a flag
    base: Annotated[
        str, typer.Argument(help="Base: its name, a folder, a GGUF file, or a hub name.")
    ],
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A clone or a folder with permissive code, or a folder of clones; may be "
            "repeated. [default: clones of listed repositories]",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A repository to leave out; may be repeated."),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Time for everything, reading included.")] = 60.0,
    fim_format: Annotated[
        str | None, typer.Option(help="Fill-in-the-middle family, where the base does not tell.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Decides what is read.")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    del debug  # read by main
    seconds = 60 * minutes_asked(minutes)
    from homespun_finetune.adapt.run import AdaptRequest, run
    from homespun_finetune.budget import Deadline
    from homespun_finetune.progress import Reporter, console_for_people

    request = AdaptRequest(base, tuple(folders or ()), tuple(without or ()), fim_format, seed)
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints
        path = run(request, Reporter(console_for_people()), Deadline(seconds, _BEGUN))
    print(path, flush=True)
    return 0


def main(arguments: list[str] | None = None) -> NoReturn:
    """The entry point. ``arguments``: the process's own, where none are given."""
    left = "no adapter was put in place; the same command goes on from here"
    run_program(app, "homespun models adapt", arguments, interrupted=left)


if __name__ == "__main__":
    main()
