"""What a caller may decide while decoding goes on, and the answers of one who decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

IsCancelled = Callable[[], bool]
KeepGoing = Callable[[list[int]], bool]
"""Sees all ids so far; False ends the continuation behind them."""
Allowed = Callable[[Sequence[int]], NDArray[np.int64] | None]
"""For the ids so far, those that may come next, at least one; None for all."""


def never() -> bool:
    """The ``cancelled`` of a caller that does not cancel."""
    return False


def any_token(_ids: Sequence[int]) -> NDArray[np.int64] | None:
    """The ``allowed`` of a caller to whom every token is welcome."""
    return None


def always(_ids: list[int]) -> bool:
    """The ``keep_going`` of a caller that takes what comes."""
    return True
