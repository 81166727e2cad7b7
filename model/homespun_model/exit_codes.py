"""How a command ends: an exit code, and one line where it failed. The same for every command."""

from __future__ import annotations

import sys
from contextlib import suppress

from homespun_corpus.errors import CorpusError, one_line

from homespun_model.errors import BaseError, ModelError, RemoteInputError, StoreInputError

DONE, FAILED, BAD_USAGE, NOT_PUBLISHED, INTERRUPTED = 0, 1, 2, 3, 130


def explain(
    error: Exception, *, usage: type[Exception], failure: type[Exception]
) -> tuple[str, int]:
    """One line and an exit code. Only what nobody foresaw names its type.

    ``usage`` and ``failure`` are the errors of the command's own room.
    """
    if isinstance(error, (usage, CorpusError, BaseError, RemoteInputError, StoreInputError)):
        return str(error), BAD_USAGE
    if isinstance(error, (failure, ModelError)):
        return str(error), FAILED
    if isinstance(error, MemoryError):
        return "out of memory: choose a smaller base", FAILED
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}", FAILED
    return f"{type(error).__name__}: {error}; run again with --debug for details", FAILED


def fail(program: str, line: str, code: int) -> int:
    """Say on standard error why ``program`` failed; the code comes back."""
    with suppress(OSError):  # a full disk behind it leaves the code
        print(f"{program}: {one_line(line)}", file=sys.stderr, flush=True)
    return code
