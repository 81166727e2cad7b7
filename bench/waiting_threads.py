"""What threads that wait for one another should do: sleep, or look for a while whether work comes.

    python bench/waiting_threads.py [--base starter] [--seconds 6] [--rounds 3] [--busy 0,1,2]

A forward pass is some two hundred products, and between two of them every thread but one waits.
Each way to wait runs in a process of its own, by turns, alone and beside so many processes that
compute all the time as a build does: milliseconds of a pass over 1, 4, 8 and 16 tokens behind 600,
medians of all rounds and what one pass in ten takes at least, as a ratio to sleeping, which is the
first. The way with one thread is beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

TOKENS = (1, 4, 8, 16)
BEHIND = 600
WAYS = {
    "sleep": {"OMP_WAIT_POLICY": "PASSIVE"},
    "look 1,000 times": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "look 4,000 times": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "4000"},
    "one thread": {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="ways to wait, alone and on a busy machine")
    parser.add_argument("--base", default="starter")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each number of tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", default="0,1,2")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(passes(options.base, options.seconds)))
        return
    for busy in map(int, options.busy.split(",")):
        times: dict[tuple[str, int], list[float]] = defaultdict(list)
        for _ in range(options.rounds):
            for way in WAYS:
                with busy_processes(busy):
                    for tokens, found in measured(way, options).items():
                        times[way, int(tokens)] += found
        tell(busy, times)


def measured(way: str, options: argparse.Namespace) -> dict[str, list[float]]:
    command = [sys.executable, __file__, "--measure", "--base", options.base]
    command += ["--seconds", str(options.seconds / options.rounds)]
    run = subprocess.run(
        command, env=os.environ | WAYS[way], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, list[float]] = json.loads(run.stdout)
    return found


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    with ExitStack() as running:
        for _ in range(count):
            one = subprocess.Popen([sys.executable, "-c", "while True: sum(range(10_000))"])
            running.callback(one.wait)
            running.callback(one.kill)
        yield


def passes(name: str, seconds: float) -> dict[int, list[float]]:
    """Milliseconds of every pass that ``seconds`` had room for, by its tokens."""
    import torch
    from homespun_model.bases.base import load_base
    from homespun_model.engines.loading import load_engine

    base = load_base(name)
    found = base.found_generic.adapter
    engine = load_engine(base, found.path if found else None)
    times: dict[int, list[float]] = {}
    with torch.inference_mode():
        reading = engine.begin()
        reading.run(list(range(300, 300 + BEHIND)), 0)
        for tokens in TOKENS:
            times[tokens] = []
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                began = time.perf_counter()
                reading.run(list(range(1000, 1000 + tokens)), tokens)
                times[tokens].append(1e3 * (time.perf_counter() - began))
                reading.cut(BEHIND)
    return times


def tell(busy: int, times: dict[tuple[str, int], list[float]]) -> None:
    print(
        f"beside {busy} busy processes, {os.cpu_count()} cores; p50, p90 in ms (p50 to the first)"
    )
    for way in WAYS:
        cells = []
        for tokens in TOKENS:
            half, most = np.percentile(times[way, tokens], (50, 90))
            first = np.percentile(times["sleep", tokens], 50)
            cells.append(f"{half:5.0f} {most:5.0f} ({half / first:.2f})")
        print(f"{way:20} {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
