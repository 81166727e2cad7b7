"""A command of this room as a process: every way out has an exit code, and an error is one line.

Knows no flag but ``--debug``.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from typing import NoReturn

import typer
from homespun_model.bases.extras import TRAIN, lacking
from homespun_model.exit_codes import BAD_USAGE, FAILED, INTERRUPTED, explain, fail

from homespun_finetune import interruption
from homespun_finetune.errors import FinetuneError, RunUsageError


def run_program(
    app: typer.Typer, name: str, arguments: list[str] | None, *, interrupted: str
) -> NoReturn:
    """Run ``app`` and end the process. ``arguments``: the process's own, where none are given;
    ``interrupted``: what an interruption has left."""
    arguments = sys.argv[1:] if arguments is None else arguments
    interruption.listen()
    # Waiting threads sleep instead of spinning: on two cores that something else uses as well, a
    # training step took a third of the time (LOG E-001).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "--debug" not in arguments:
        warnings.simplefilter("ignore")  # what libraries tell each other is not for users
    code, line = _outcome(app, name, arguments)
    if code == INTERRUPTED:
        line = f"interrupted: {interrupted}"
    sys.exit(fail(name, line, code) if line is not None else code)


def _outcome(app: typer.Typer, name: str, arguments: list[str]) -> tuple[int, str | None]:
    try:
        return int(app(arguments, prog_name=name, standalone_mode=False) or 0), None
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED, None  # some versions of typer raise, some return 130
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return (INTERRUPTED, None) if interruption.asked() else _explain(error)


def _explain(error: Exception) -> tuple[int, str]:
    # typer carries its own copy of click in some versions and uses click itself in others.
    if hasattr(error, "format_message"):
        return BAD_USAGE, error.format_message()
    if isinstance(error, ModuleNotFoundError) and (line := lacking(TRAIN)):
        return FAILED, f"training takes more than serving: {line}"
    line, code = explain(error, usage=RunUsageError, failure=FinetuneError)
    return code, line
