"""Whether what an adapter gains is the same in every precision that a base is served in.

    python bench/adapter_gain.py REPOSITORY --base BASE --adapters ONE TWO [--holes 20]

Held-out holes of new functions, as served but that nothing is copied: bits a byte with either
adapter in float32, bf16 and 8 bits, and what the second saves of the first's.
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from engine_parity import DTYPES, dense
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from own_or_other import held


def main() -> None:
    parser = argparse.ArgumentParser(description="an adapter's gain in each precision")
    parser.add_argument("repository", type=Path)
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapters", type=Path, nargs=2, required=True)
    parser.add_argument("--holes", type=int, default=20)
    options = parser.parse_args()
    base, holes = load_base(options.base), held(options.repository, options.holes)
    size = sum(len(hole.middle.encode()) for hole in holes)
    print(f"{len(holes)} holes, {size} bytes")
    for name in DTYPES:  # one after the other, so that only one is in memory
        engine, found = dense(base, name), []
        for adapter in options.adapters:
            completer = Completer(base, engine.beside(adapter), None)
            nats = sum(completer.score(hole.place, hole.middle).nats for hole in holes)
            found.append(nats / math.log(2) / size)
        one, two = found
        print(f"{name:8} {one:.4f} and {two:.4f} bits a byte: {two / one - 1:+.2%}", flush=True)


if __name__ == "__main__":
    main()
