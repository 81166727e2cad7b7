"""Ctrl-C, and the SIGTERM of a cancelled job: a KeyboardInterrupt that no library can lose.

Python raises it wherever it happens to be. Inside a destructor it is printed and forgotten, inside
an import it may become another error; so it is remembered here, and raised again at the next step
of the work.
"""

from __future__ import annotations

import signal
import sys
import threading

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_asked = threading.Event()


def listen() -> None:
    """From here on both are KeyboardInterrupt, even where a launcher had them ignored."""
    for number in _NUMBERS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable


def asked() -> bool:
    """Whether somebody wants the run to end."""
    return _asked.is_set()


def check() -> None:
    """Raise the KeyboardInterrupt that may have been lost."""
    if _asked.is_set():
        raise KeyboardInterrupt


def ignore() -> None:
    """From here on both wait for the end, a second away."""
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: object) -> None:
    _asked.set()
    raise KeyboardInterrupt


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """What Python does, but without a word about an interruption: ``check`` comes back to it."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
