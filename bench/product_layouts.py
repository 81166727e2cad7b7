"""Which layout of a weight is the fastest here, for one row and for more, in bf16 and in float32.

    python bench/product_layouts.py [--hidden 896] [--inner 4864] [--words 151936]

"plain" is the weight as it is stored, "turned" its transpose, "reordered" oneDNN's own.
Milliseconds of one thread's processor time, the best of three.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ROWS = (1, 2, 7, 17, 256)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=896)
    parser.add_argument("--inner", type=int, default=4864)
    parser.add_argument("--words", type=int, default=151936)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hidden, inner = options.hidden, options.inner
    for dtype in (torch.bfloat16, torch.float32):
        for outputs, inputs in ((2 * inner, hidden), (hidden, inner), (options.words, hidden)):
            compare(torch.randn(outputs, inputs).to(dtype))


@torch.inference_mode()
def compare(weight: Tensor) -> None:
    """Print the times of each layout of a weight (outputs, inputs)."""
    turned = weight.t().contiguous()
    reordered = torch.ops.mkldnn._reorder_linear_weight(weight)
    fast = torch.ops.mkldnn._linear_pointwise.default
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "plain": lambda x: F.linear(x, weight),
        "turned": lambda x: x.mm(turned),
        "reordered": lambda x: fast(x, reordered, None, "none", [], ""),
    }
    for rows in ROWS:
        x = torch.randn(rows, weight.shape[1]).to(weight.dtype)
        times = {name: milliseconds(way, x) for name, way in ways.items()}
        said = "  ".join(f"{name} {time:7.2f}" for name, time in times.items())
        print(f"{str(weight.dtype)[6:]:8} {tuple(weight.shape)!s:16} {rows:4} rows  {said}")


def milliseconds(way: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Of one product, the best of three runs."""
    count, best = max(2, 20 // len(x)), float("inf")
    way(x)
    for _ in range(3):
        begun = time.process_time()
        for _ in range(count):
            way(x)
        best = min(best, (time.process_time() - begun) / count)
    return 1e3 * best


if __name__ == "__main__":
    main()
