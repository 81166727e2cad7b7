"""About how much memory a base takes, and how much there is.

Rules of thumb, for a table and for a refusal before any work; what a training step takes beside the
weights is counted on a real sample, and batches are made to fit it.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

from homespun_model.bases.processor import has_bf16
from homespun_model.errors import BaseError

GIB = 1 << 30
FLOAT, HALF = 4, 2  # bytes of a parameter in float32 and in bf16
OVERHEAD = GIB  # torch and transformers, and the text
# Serving takes torch alone, the text and what is indexed of the repository (LOG E-048) …
SERVING = GIB // 2
# … and, for a large base, the head that is held twice and what is mapped of the file that is read.
READING = 3 * GIB // 4
# What training samples keep for their backward pass: as many as fit, at least one.
STEP = 3 * GIB
# Beside these: what a backward pass makes and drops again, the optimiser's states, the best adapter
# so far, and the base's file, which is mapped (LOG E-040).
BESIDE_STEP = 2 * GIB
SMALL_STEP = GIB  # all in one of a small base, whose whole batch fits
# Parameters of a base up to which adapters are merged into copies of it. So far Python and dispatch
# are much of a token's time, and every product of an adapter adds to them; in larger bases merging
# saves a twentieth of it, and costs the base's memory for every adapter (LOG E-030).
SMALL = 50_000_000


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes of memory."""

    serve: int
    """At its highest: the base, and a copy with an adapter merged in, or else what reading it
    takes."""
    train: int
    """The weights and what a step keeps for its gradients, or what the evaluation before and after
    it takes; whichever is more."""


def is_small(parameters: int) -> bool:
    """Whether adapters are merged into copies of a base of this size, or kept beside it."""
    return parameters <= SMALL


def needed(parameters: int) -> Needed:
    """What serving and fine-tuning a base of so many parameters take on this machine."""
    weights = parameters * (HALF if holds_bf16(parameters) else FLOAT)
    serve = weights + SERVING + (weights if is_small(parameters) else READING)
    beside = 0 if is_small(parameters) else BESIDE_STEP
    train = weights + step_memory(parameters) + beside + OVERHEAD
    return Needed(serve=serve, train=max(serve, train))


def must_fit(name: str, parameters: int) -> None:
    """BaseError where this machine has not the memory to serve a base of so many parameters."""
    if lacking := shortage(name, parameters, "serving", needed(parameters).serve):
        raise BaseError(lacking)


def shortage(name: str, parameters: int, doing: str, need: int) -> str | None:
    """One line where there is less memory than what is done to a base takes, ``need``."""
    there_is = machine_memory()
    if need <= there_is:
        return None
    return (
        f"{name} has {parameters / 1e6:,.0f} million parameters: {doing} it takes about "
        f"{gib(need)} GiB of memory, and {gib(there_is)} GiB may be had here: choose a smaller "
        "base (`homespun models` says which fit), or allow more"
    )


def step_memory(parameters: int) -> int:
    """What the samples of a training step may keep for their backward pass, as many as fit."""
    return SMALL_STEP if is_small(parameters) else STEP


def holds_bf16(parameters: int) -> bool:
    """Whether a base's weights are held in bf16 here, served and trained: half the memory and a
    third of the time of a large one, where the processor is made for it. A small one's are no
    burden."""
    return not is_small(parameters) and has_bf16()


def machine_memory() -> int:
    """Bytes of memory that there are for us."""
    from homespun_model.bases.memory_limits import memory_for_this_process  # psutil: felt

    return memory_for_this_process()


def give_back() -> None:
    """Let the system have the memory that is free again.

    Tensors of many lengths leave gaps in which the next ones do not fit: a process that holds three
    gigabytes in each step had taken five after one sample, and seven after a dozen. Only glibc has
    a name for it.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def gib(size: int) -> float:
    """Bytes as GiB, to one place."""
    return round(size / GIB, 1)
