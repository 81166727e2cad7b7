"""What this machine's processor is made for. Asks the system, imports no torch."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})  # elsewhere bf16 is emulated: slower


@cache
def has_bf16() -> bool:
    """Whether products of bf16 numbers are instructions of the processor."""
    if sys.platform != "linux":
        return False
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not BF16_FLAGS.isdisjoint(flags.split())
