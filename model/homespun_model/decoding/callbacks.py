"""What a caller may decide while decoding goes on, and the answers of one who decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

IsCancelled = Callable[[], bool]
KeepGoing = Callable[[list[int], list[float]], bool]
"""Sees all ids so far and their log-probabilities; False ends the continuation behind them."""
Settled = Callable[[str, float], bool]
"""Of the text so far and its natural log-probability: whether what comes after it makes no
difference to who asks."""
Allowed = Callable[[Sequence[int]], NDArray[np.int64] | None]
"""For the ids so far, those that may come next, at least one; None for all."""

MayEnd = Callable[[Sequence[int]], bool]
"""Whether the ids so far may be all; if not, the likeliest token that is no end comes next."""


def never() -> bool:
    """The ``cancelled`` of a caller that does not cancel."""
    return False


def any_token(_ids: Sequence[int]) -> NDArray[np.int64] | None:
    """The ``allowed`` of a caller to whom every token is welcome."""
    return None


def anywhere(_ids: Sequence[int]) -> bool:
    """The ``may_end`` of a caller that takes an end wherever it comes."""
    return True


def always(_ids: list[int], _logprobs: list[float]) -> bool:
    """The ``keep_going`` of a caller that takes what comes."""
    return True


def unsettled(_text: str, _logprob: float) -> bool:
    """The ``settled`` of a caller to whom all of it matters."""
    return False
