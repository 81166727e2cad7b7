"""Whether our forward pass of a dense base says what transformers' says, and in 8 bits what ours
in bf16 says.

    python bench/engine_parity.py FOLDER… --base BASE [--prompts 60] [--window 8192] [--tokens 16]

Prompts are cut from the Python files of the folders, in the base's own way of filling in, with 200
characters before the cursor or more, up to the window, and half of that behind; each engine
continues them greedily. Told are the tokens that are the same up to the first that differs, and the
gap there, by transformers' own logits, between its token and ours, in steps of that precision; and
the time of both, by turns.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from homespun_corpus.place import place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.dense_layers import parts_of
from homespun_model.engines.dense_loading import read_dense, read_packed
from homespun_model.engines.engine import Engine
from homespun_model.engines.packed_weights import packed_parts
from homespun_model.engines.transformers_engine import TransformersEngine

TOLD_EVERY = 10  # prompts: a run may well be stopped
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "int8": torch.bfloat16}
SCORED = 200  # tokens at the end of a prompt


@dataclass(slots=True)
class Told:
    """What one engine said, and how long it took."""

    tokens: list[int] = field(default_factory=list)
    logits: list[torch.Tensor] = field(default_factory=list)
    nats: float = 0.0  # of the prompt's last tokens
    prompt_seconds: float = 0.0
    token_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt: how many tokens they share, and, where they part, the gap."""

    ours: Told
    theirs: Told
    same: int
    gap: tuple[float, float] | None
    """In logits and in steps of the precision."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--base", required=True)
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--window", type=int, default=8192)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=list(DTYPES))
    options = parser.parse_args()
    base = load_base(options.base)
    asked = list(prompts(base, options.folders, options.prompts, options.window))
    print(
        f"{len(asked)} prompts of {statistics.median(map(len, asked)):.0f} tokens (median)",
        flush=True,
    )
    for name in options.dtypes:
        compare(base, name, asked, options.tokens)


def prompts(base: Base, folders: list[Path], count: int, window: int) -> Iterator[list[int]]:
    """So many, each from a file and a place in it chosen by chance, always the same."""
    rng, files = random.Random(0), [file for folder in folders for file in folder.rglob("*.py")]
    texts = [text for file in sorted(files) if len(text := read(file)) > 2000]
    for text in rng.sample(texts, count):
        cursor, before = rng.randrange(200, len(text) - 200), rng.randrange(200, window)
        begin = max(0, cursor - before)
        around = text[begin : cursor + before // 2]
        place = place_at(around, cursor - begin, path="module.py", language="python")
        yield base.prompts().build(place)


def read(file: Path) -> str:
    """Its text, nothing for what is no UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def compare(base: Base, name: str, asked: list[list[int]], count: int) -> None:
    """Print how both engines continue the prompts in one precision, and now and then so far."""
    dtype, engines = DTYPES[name], both(base, name)
    pairs: list[Pair] = []
    for number, prompt in enumerate(asked, 1):
        order = (0, 1) if number % 2 else (1, 0)
        told = {which: greedy(engines[which], prompt, count) for which in order}
        pairs.append(paired(told[0], told[1], dtype))
        if number % TOLD_EVERY == 0 or number == len(asked):
            describe_parity(name, pairs)
            describe_speed(name, asked, pairs)


def both(base: Base, name: str) -> list[Engine]:
    """The engine that is asked about, and the one that it is compared with."""
    if name == "int8":
        return [dense(base, name), dense(base, "bf16")]
    return [dense(base, name), TransformersEngine(base.load_model(DTYPES[name]))]


def dense(base: Base, name: str) -> DenseCpuEngine:
    """Ours, in a precision of ``DTYPES``."""
    if name == "int8":
        packed = read_packed(base)
        assert packed is not None, "no dense base"
        return DenseCpuEngine(packed[0], packed_parts(*packed))
    found = read_dense(base, DTYPES[name])
    assert found is not None, "no dense base"
    return DenseCpuEngine(found[0], parts_of(*found))


@torch.inference_mode()
def greedy(engine: Engine, prompt: list[int], count: int) -> Told:
    """The most likely tokens behind a prompt."""
    told, sequence, begun = Told(), engine.begin(), time.perf_counter()
    read = sequence.run(prompt, min(SCORED, len(prompt)))
    told.prompt_seconds = time.perf_counter() - begun
    follow = torch.tensor(prompt[len(prompt) - len(read) + 1 :])
    told.nats = float(F.cross_entropy(read[:-1], follow, reduction="sum"))
    logits = read[-1]
    for _ in range(count):
        told.logits.append(logits.clone())
        told.tokens.append(int(logits.argmax()))
        begun = time.perf_counter()
        logits = sequence.run(told.tokens[-1:], 1)[0]
        told.token_seconds.append(time.perf_counter() - begun)
    return told


def paired(ours: Told, theirs: Told, dtype: torch.dtype) -> Pair:
    """What is kept of two answers: their logits would fill the memory."""
    tokens = zip(ours.tokens, theirs.tokens, strict=True)
    at = next((i for i, (a, b) in enumerate(tokens) if a != b), None)
    gap = None
    if at is not None:
        logits = theirs.logits[at]
        best, chosen = logits[theirs.tokens[at]], logits[ours.tokens[at]]
        step = float(best.abs()) * torch.finfo(dtype).eps
        gap = (float(best - chosen), float(best - chosen) / step)
    ours.logits, theirs.logits = [], []
    return Pair(ours, theirs, len(ours.tokens) if at is None else at, gap)


def describe_parity(name: str, pairs: list[Pair]) -> None:
    """Print the shares of prompts and of tokens that are the same, and each gap where not."""
    same = sum(pair.same for pair in pairs)
    gaps = sorted(pair.gap for pair in pairs if pair.gap is not None)
    print(
        f"{name}: of {len(pairs)} prompts {1 - len(gaps) / len(pairs):.1%} are as the other "
        f"has them, and {same / (same + len(gaps)):.2%} of tokens up to the first difference"
    )
    nats = [sum(told.nats for told in each) for each in sides(pairs)]
    print(f"{name}: the prompts' last tokens take {nats[0] / nats[1] - 1:+.2%} bits")
    for gap, steps in gaps:
        print(f"  parted at a gap of {gap:.4f} ({steps:.1f} steps)")


def sides(pairs: list[Pair]) -> tuple[list[Told], list[Told]]:
    """What this engine said, and what the other did."""
    return [pair.ours for pair in pairs], [pair.theirs for pair in pairs]


def describe_speed(name: str, asked: list[list[int]], pairs: list[Pair]) -> None:
    """Print tokens a second of prompts and milliseconds of a token, of this and of the other."""
    read_in = sum(map(len, asked[: len(pairs)]))
    for who, tolds in zip(("this", "the other"), sides(pairs), strict=True):
        one = statistics.median(seconds for told in tolds for seconds in told.token_seconds)
        print(
            f"{name}: {who:12} {read_in / sum(told.prompt_seconds for told in tolds):6.0f} tokens "
            f"of a prompt a second, {1e3 * one:6.1f} ms a token",
            flush=True,
        )


if __name__ == "__main__":
    main()
