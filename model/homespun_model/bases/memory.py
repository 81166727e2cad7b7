"""About how much memory a base takes, and how much there is.

Rules of thumb, for a table and for a refusal before any work; what a training step takes beside the
weights is counted on a real sample, and batches are made to fit it.
"""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30
FLOAT = 4  # bytes of a float32 parameter
OVERHEAD = GIB  # torch itself, and the text
# Parameters of a base up to which adapters are merged into copies of it. So far Python and dispatch
# are much of a token's time, and the forward pass that saves them needs merged weights; in larger
# bases merging saves a twentieth of it, and costs the base's memory for every adapter (LOG E-030).
SMALL = 50_000_000


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes of memory."""

    serve: int
    """The base, and, where adapters are merged, a copy with one merged in."""
    train: int
    """Those two for the evaluation, and what a step keeps for its gradients."""


def is_small(parameters: int) -> bool:
    """Whether adapters are merged into copies of a base of this size, or kept beside it."""
    return parameters <= SMALL


def needed(parameters: int) -> Needed:
    """What serving and fine-tuning a base of so many parameters take, in float32."""
    weights = parameters * FLOAT
    copies = 2 if is_small(parameters) else 1
    return Needed(serve=copies * weights + OVERHEAD, train=3 * weights + OVERHEAD)


def machine_memory() -> int:
    """Bytes of physical memory."""
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().total)


def gib(size: int) -> float:
    """Bytes as GiB, to one place."""
    return round(size / GIB, 1)
