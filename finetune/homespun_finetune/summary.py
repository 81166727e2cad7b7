"""``homespun summary RUN.json``: a run's result for a job's page.

Reads what ``finetune-repo --json`` printed and prints Markdown. Knows nothing of how the figures
came about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from homespun_finetune.errors import RunUsageError
from homespun_finetune.figures import rows
from homespun_finetune.outcome import VERDICTS
from homespun_finetune.program import run_program

SHOWN = {"decision", "reasons", "revision", "repository", "base", "counts", "metrics", "seconds"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    help="Show the result of a nightly run on its job's page: Markdown of what --json printed.",
    epilog="Example: homespun summary homespun.json >> summary.md",
)
def summary(
    run: Annotated[Path, typer.Argument(help="What finetune-repo --json printed.")],
    outputs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Add decision=… and revision=… to this file."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    del debug  # read by main
    found = _read(run)
    print(page(found), flush=True)
    if outputs is not None:
        with outputs.open("a", encoding="utf-8") as file:
            file.write(f"decision={found['decision']}\nrevision={found['revision'] or ''}\n")
    return 0


def main(arguments: list[str] | None = None) -> NoReturn:
    """The entry point. ``arguments``: the process's own, where none are given."""
    run_program(app, "homespun summary", arguments, interrupted="nothing was changed")


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:  # no UTF-8 or no JSON
        found = None
    if not (isinstance(found, dict) and found.keys() >= SHOWN):
        raise RunUsageError(f"{file}: this is not what finetune-repo --json printed")
    return found


def page(run: Mapping[str, Any]) -> str:
    """The result as Markdown: the verdict, its reasons, and every model beside every other."""
    verdict, _, rest = VERDICTS.get(run["decision"], run["decision"]).partition(":")
    seconds = ", ".join(f"{part} {spent:.0f} s" for part, spent in run["seconds"].items())
    counts = run["counts"]
    return "\n".join(
        (
            f"## Homespun: {_escaped(run['repository'])}",
            "",
            f"**{verdict}:**{rest}" if rest else f"**{verdict}**",
            "",
            *(f"- {_escaped(reason)}" for reason in run["reasons"]),
            "",
            *_table(run["metrics"]),
            "",
            f"Base `{_escaped(run['base'])}`; {counts['functions']} functions found, "
            f"{counts['kept']} kept; {seconds}.",
        )
    )


def _table(metrics: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    lines = [f"| {' | '.join([label, *texts])} |" for label, texts in rows(metrics)]
    if lines:
        lines.insert(1, "|---" * (lines[0].count("|") - 1) + "|")
    return lines


def _escaped(text: str) -> str:
    """Text of a repository's own choosing, without a meaning in Markdown or HTML."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#|!" else char for char in plain)


if __name__ == "__main__":
    main()
