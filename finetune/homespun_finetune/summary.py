"""``python -m homespun_finetune.summary RUN.json [OUTPUTS]``: a run's result for a job's page.

Reads what ``finetune-repo --json`` printed and prints Markdown. OUTPUTS, if given, gets the
decision and the revision as lines of ``key=value``. Knows nothing of how the figures came about.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homespun_finetune.figures import rows
from homespun_finetune.outcome import VERDICTS


def main() -> None:
    """Print the page, and write the outputs."""
    parser = argparse.ArgumentParser(prog="python -m homespun_finetune.summary")
    parser.add_argument("run", type=Path)
    parser.add_argument("outputs", type=Path, nargs="?")
    options = parser.parse_args()
    run = json.loads(options.run.read_text(encoding="utf-8"))
    print(page(run))
    if options.outputs is not None:
        with options.outputs.open("a", encoding="utf-8") as outputs:
            outputs.write(f"decision={run['decision']}\nrevision={run['revision'] or ''}\n")


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
