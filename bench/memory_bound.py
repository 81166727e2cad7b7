"""How near a token is to the time that fetching its weights takes.

    python bench/memory_bound.py --base NAME

A token alone needs every weight once, and no cache holds half a gigabyte: however quick the
products are, no token is quicker than memory. Told are the bytes that a token reads in each format
that the base can be held in here, the time for them at the speed at which this machine reads a
large tensor (the best of several), what a token takes behind 600, and the ratio of the two.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.memory import is_small
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.dense_layers import Parts, parts_of
from homespun_model.engines.dense_loading import read_dense, read_packed
from homespun_model.engines.dense_shape import EMBEDDING, Shape
from homespun_model.engines.packed_weights import packed_parts

BEHIND, TIMES = 600, 30
LARGE = 1 << 30
SCALE = 4  # bytes, of a row in 8 bits


def main() -> None:
    parser = argparse.ArgumentParser(description="a token's time and its weights' bytes")
    parser.add_argument("--base", required=True)
    base = load_base(parser.parse_args().base)
    assert not is_small(base.parameters), "a small base is in the caches, some of it twice"
    speed = read_speed()
    print(f"{torch.get_num_threads()} threads read {speed / 1e9:.1f} GB a second")
    for name, load in (("8 bits", in_8_bits), ("bf16", in_bf16)):
        shape, parts = load(base)
        size = parts.size - looked_up(shape, parts)
        bound, took = 1e3 * size / speed, 1e3 * token(DenseCpuEngine(shape, parts))
        print(
            f"{name}: {size / 1e6:.0f} MB a token, at least {bound:.1f} ms; takes {took:.1f} ms, "
            f"{took / bound:.2f} of that",
            flush=True,
        )
        del parts


def in_8_bits(base: Base) -> tuple[Shape, Parts]:
    found = read_packed(base)
    assert found is not None
    return found[0], packed_parts(*found)


def in_bf16(base: Base) -> tuple[Shape, Parts]:
    found = read_dense(base, torch.bfloat16)
    assert found is not None
    return found[0], parts_of(*found)


def looked_up(shape: Shape, parts: Parts) -> int:
    """Bytes of the embedding, which is held apart from the head: of it a token reads a row."""
    rows, width = shape.weights()[EMBEDDING]
    in_8_bits = parts.how.dtype == torch.float32
    return rows * (width + SCALE if in_8_bits else parts.how.dtype.itemsize * width)


def read_speed() -> float:
    """Bytes a second."""
    large = torch.ones(LARGE // 4)
    return LARGE / min(timed(large.sum) for _ in range(TIMES // 3))


@torch.inference_mode()
def token(engine: DenseCpuEngine) -> float:
    """Seconds of one token, in the median."""
    reading = engine.begin()
    reading.run(list(range(300, 300 + BEHIND)), 0)
    times = []
    for _ in range(TIMES):
        times.append(timed(lambda: reading.run([1000], 1)))
        reading.cut(BEHIND)
    return sorted(times)[TIMES // 2]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
