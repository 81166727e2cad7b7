"""About how much memory a base takes, and how much there is.

Rules of thumb, for a table and for a refusal before any work; what a training step takes beside the
weights is counted on a real sample, and batches are made to fit it.
"""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30
FLOAT = 4  # bytes of a float32 parameter
OVERHEAD = GIB  # torch itself, and the text


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes of memory."""

    serve: int
    """The base, and a copy with an adapter merged in."""
    train: int
    """Those two for the evaluation, and what a step keeps for its gradients."""


def needed(parameters: int) -> Needed:
    """What serving and fine-tuning a base of so many parameters take, in float32."""
    weights = parameters * FLOAT
    return Needed(serve=2 * weights + OVERHEAD, train=3 * weights + OVERHEAD)


def machine_memory() -> int:
    """Bytes of physical memory."""
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().total)


def gib(size: int) -> float:
    """Bytes as GiB, to one place."""
    return round(size / GIB, 1)
