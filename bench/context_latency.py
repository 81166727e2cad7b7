"""How long related code takes to find in a large repository, beside bm25s on the same chunks.

    python bench/context_latency.py FOLDER [--places 300]

FOLDER holds source code, a million lines for the figure that counts. Prints the size of the index,
what building it cost, a question's latency, and the ratio to the same question put to bm25s (``pip
install bm25s``), which cannot take in a saved file but by indexing all again. Asserts nothing:
seconds depend on the machine, and on what else it does.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from homespun_corpus.filters.quality import file_reason
from homespun_corpus.place import Place, place_at
from homespun_corpus.retrieval.chunks import chunk_spans, words
from homespun_corpus.retrieval.context_index import CANDIDATES, ContextIndex
from homespun_corpus.syntax.languages import language_for

T = TypeVar("T")
Files = list[tuple[str, str]]


def main() -> int:
    """Measure and print; 2 where there is nothing to measure."""
    parser = argparse.ArgumentParser(description="latency of related code against bm25s")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--places", type=int, default=300, help="cursors asked about")
    arguments = parser.parse_args()
    try:
        import bm25s
    except ImportError:
        print("this compares with bm25s: pip install bm25s", file=sys.stderr)
        return 2
    files = read(arguments.folder)
    if not files:
        print(f"no source code in {arguments.folder}: give a folder of code", file=sys.stderr)
        return 2
    rng = random.Random(0)
    places = [place_in(*rng.choice(files), rng) for _ in range(arguments.places)]

    before = memory()
    seconds, index = timed(partial(ContextIndex.from_files, files))
    lines = sum(text.count("\n") for _, text in files)
    print(f"{lines} lines in {len(files)} files: built in {seconds:.1f} s of processor time")
    print(f"index without the texts: {memory() - before:.0f} MiB")
    ours = report("ours, a question", [timed(partial(index.related, place))[0] for place in places])
    saved = rng.choices(files, k=min(100, len(files)))
    edited = [(path, text.replace("return", "return saved +", 1)) for path, text in saved]
    update = report(
        "ours, a file saved", [timed(partial(index.update, *file))[0] for file in edited]
    )

    chunks = [words(text[a:b]) for _, text in files for a, b in chunk_spans(text)]
    peer = bm25s.BM25()
    rebuilt, _ = timed(partial(peer.index, chunks, show_progress=False))
    print(f"bm25s: {len(chunks)} chunks indexed in {rebuilt:.1f} s")
    count = min(CANDIDATES, len(chunks))
    search = partial(peer.retrieve, k=count, show_progress=False)
    asked = [[nearby(place)] for place in places]
    theirs = report("bm25s, its search alone", [timed(partial(search, q))[0] for q in asked])
    print(f"RATIO question, bm25s / ours (median): {theirs / ours:.2f}")
    print(f"RATIO file saved, bm25s indexing all / ours (median): {rebuilt * 1e3 / update:.0f}")
    return 0


def read(folder: Path) -> Files:
    """Paths and texts of the source code below a folder."""
    files = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if language_for(name) is None or path.is_symlink() or not path.is_file():
            continue
        source = path.read_bytes()
        if file_reason(name, source) is None:
            files.append((name, source.decode("utf-8")))
    return files


def place_in(path: str, text: str, rng: random.Random) -> Place:
    """A cursor anywhere in a file."""
    return place_at(text, rng.randrange(len(text) + 1), path=path, language=None)


def nearby(place: Place) -> list[str]:
    """The words of the lines that our own question is about."""
    before, after = place.prefix.split("\n")[-12:], place.suffix.split("\n")[:5]
    return list(dict.fromkeys(words("\n".join(before + after)))) or ["none"]


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds of processor time that a call took, and what it returned."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def report(what: str, seconds: Sequence[float]) -> float:
    """Print and return the median, in milliseconds of processor time."""
    p50, p95 = np.percentile(seconds, (50, 95)) * 1e3
    print(f"{what}: p50 {p50:.2f} ms, p95 {p95:.2f} ms of processor time")
    return float(p50)


def memory() -> float:
    """Peak resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    sys.exit(main())
