"""Minutes become tokens, once.

A schedule that follows the clock is never the same twice. So a few steps are timed before training,
the time left is turned into a number of tokens, and from there the run counts tokens: the budget is
recorded, and with it the run can be repeated. Knows nothing of data or of what a loss means.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from homespun_model.bases.processor import has_bf16

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]

SAFETY = 0.93  # of the time is planned: validation and a machine that slows down take the rest


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of ``--minutes``, which began with the process."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds, negative once it is over."""
        return self.seconds - (time.monotonic() - self.begun)


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """What the time left is worth on this machine."""

    seconds: float
    tokens_per_second: float
    precision: Precision

    @property
    def tokens(self) -> int:
        """Tokens, padding included, that training may see."""
        return int(self.seconds * SAFETY * self.tokens_per_second)

    def to_json(self) -> dict[str, float | str | int]:
        return asdict(self) | {"tokens": self.tokens}


def tokens_per_second(
    step: Callable[[dict[str, torch.Tensor]], None],
    batches: Iterable[dict[str, torch.Tensor]],
    *,
    seconds: float,
) -> float:
    """How fast ``step`` goes over ``batches``, padding included, found out in about ``seconds``.

    It stops where another batch, taking as long as the last, would be late. The first warms up
    caches and counts only where there is no time for a second.
    """
    begun = time.monotonic()
    timed: list[tuple[int, float]] = []
    for batch in batches:
        last = time.monotonic()
        step(batch)
        now = time.monotonic()
        timed.append((batch["input_ids"].numel(), now - last))
        if 2 * now - last - begun > seconds:
            break
    counted = timed[1:] or timed
    return sum(tokens for tokens, _ in counted) / sum(spent for _, spent in counted)


def best_device() -> str:
    """Where a model runs on this machine."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def best_precision(device: str) -> Precision:
    """What the processor is made for: to time the other would take minutes of a large base."""
    if device != "cuda":
        return "bf16" if has_bf16() else "fp32"
    import torch

    return "bf16" if torch.cuda.is_bf16_supported() else "fp32"


def autocast(precision: Precision, device: str) -> contextlib.AbstractContextManager[object]:
    """Run matrix products in the precision; weights and sums stay fp32."""
    if precision == "fp32":
        return contextlib.nullcontext()
    import torch

    return torch.autocast(device, dtype=torch.bfloat16)
