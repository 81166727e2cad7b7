"""Memory that a training has freed goes back to the system."""

from __future__ import annotations

import sys

import psutil  # type: ignore[import-untyped]
import pytest
import torch
from homespun_model.bases.memory import give_back


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be asked")
def test_memory_in_gaps_goes_back() -> None:
    process = psutil.Process()
    held = [torch.ones(25_000) for _ in range(4000)]  # 100 kB each: too small to be mapped apart
    del held[:-1]  # the last one keeps what lies below it
    before = process.memory_info().rss
    give_back()
    assert before - process.memory_info().rss > 200e6
    del held
