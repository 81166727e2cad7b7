"""Minutes become tokens, once.

A schedule that follows the clock is never the same twice. So a few steps are timed before training,
the time left is turned into a number of tokens, and from there the run counts tokens: the budget is
recorded, and with it the run can be repeated. Knows nothing of data or of what a loss means.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]

BF16_GAIN = 1.1  # bf16 must be this much faster to be worth its rounding
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


def measure(
    step: Callable[[dict[str, torch.Tensor]], None],
    batches: Sequence[dict[str, torch.Tensor]],
    *,
    seconds: float,
    device: str,
) -> TokenBudget:
    """Time ``step`` (forward and backward) on ``batches`` in both precisions; the faster is used.

    The first batch warms up caches and is timed by nobody. What the timing took is taken off
    ``seconds``.
    """
    begun = time.monotonic()
    speeds: dict[Precision, float] = {}
    for precision in _precisions(device):
        with autocast(precision, device):
            step(batches[0])
            speeds[precision] = _speed(step, batches[1:] or batches)
    best: Precision = "fp32"
    if speeds.get("bf16", 0.0) > BF16_GAIN * speeds["fp32"]:
        best = "bf16"
    left = max(0.0, seconds - (time.monotonic() - begun))
    return TokenBudget(left, speeds[best], best)


def best_device() -> str:
    """Where a model runs on this machine."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def autocast(precision: Precision, device: str) -> contextlib.AbstractContextManager[object]:
    """Run matrix products in the precision; weights and sums stay fp32."""
    if precision == "fp32":
        return contextlib.nullcontext()
    import torch

    return torch.autocast(device, dtype=torch.bfloat16)


def _precisions(device: str) -> tuple[Precision, ...]:
    import torch

    if device == "cpu":
        # Without the instruction, bf16 is emulated and can only be slower.
        has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return ("fp32", "bf16") if has_bf16 else ("fp32",)
    return ("fp32", "bf16") if torch.cuda.is_bf16_supported() else ("fp32",)


def _speed(
    step: Callable[[dict[str, torch.Tensor]], None], batches: Sequence[dict[str, torch.Tensor]]
) -> float:
    """Tokens a second, padding included."""
    begun = time.monotonic()
    for batch in batches:
        step(batch)
    return sum(batch["input_ids"].numel() for batch in batches) / (time.monotonic() - begun)
