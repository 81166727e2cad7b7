"""How far to trust copies with a base: the numbers of a row in ``fitted.json``.

    python bench/fit_copies.py BASE REPOSITORY... [--adapter FOLDER] [--check REPOSITORY]...
                               [--bare] [--holes 40]

Scores held-out holes of new functions with the model alone and looks up, at each token, what came
next elsewhere. For each length of the longest match the share of the probability that makes the
tokens most likely is found by expectation and maximisation; lengths with few tokens are pooled with
their neighbours, so that longer matches are never trusted less. Prints the shares, and bits per
byte of the model alone, blended as ``fitted.json`` has it now, and blended so; on the repositories
that were fitted, and on those to check with.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.holdout import held_out
from homespun_model.bases.base import Base, load_base
from homespun_model.decoding.cache_lm import NgramCache
from homespun_model.decoding.ngram_index import MAX_MATCH, NgramIndex
from homespun_model.engines.engine import Engine
from homespun_model.engines.loading import load_engine

FEW = 60  # tokens
ROUNDS = 200


@dataclass(slots=True)
class Seen:
    """Tokens by the length of their longest match: the model's probability and the copies'."""

    by_length: list[list[tuple[float, float]]] = field(
        default_factory=lambda: [[] for _ in range(MAX_MATCH + 1)]
    )
    bytes: int = 0

    def bits(self, trust: Sequence[float]) -> float:
        """Bits a byte, blended."""
        nats = sum(
            -math.log((1 - share) * model + share * copies)
            for share, tokens in zip(trust, self.by_length, strict=True)
            for model, copies in tokens
        )
        return nats / math.log(2) / self.bytes


def main() -> None:
    parser = argparse.ArgumentParser(description="how far to trust copies with a base")
    parser.add_argument("base")
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--bare", action="store_true", help="without its generic adapter")
    parser.add_argument("--check", type=Path, action="append", default=[])
    parser.add_argument("--holes", type=int, default=40)
    options = parser.parse_args()
    base = load_base(options.base)
    adapter = options.adapter or (None if options.bare else base.generic)
    engine, whole = load_engine(base, adapter), Seen()
    seen = {}
    for repository in (*options.repositories, *options.check):
        seen[repository] = looked_at(base, engine, repository, options.holes)
        print(f"{repository}: {sum(map(len, seen[repository].by_length))} tokens", flush=True)
    for repository in options.repositories:
        whole.bytes += seen[repository].bytes
        for some, more in zip(whole.by_length, seen[repository].by_length, strict=True):
            some.extend(more)
    trust = fitted(whole)
    print(f"trust: {[round(share, 2) for share in trust]}")
    print(f"tokens: {[len(tokens) for tokens in whole.by_length]}")
    for repository, found in seen.items():
        alone, now, then = (
            found.bits(shares) for shares in ([0.0] * (MAX_MATCH + 1), base.fitted.trust, trust)
        )
        print(f"{repository}: alone {alone:.3f}, as it is {now:.3f}, fitted {then:.3f} bits a byte")


def looked_at(base: Base, engine: Engine, repository: Path, holes: int) -> Seen:
    """The tokens of a repository's held-out holes."""
    mined = mine(Repository.open(repository), MineSettings())
    assert mined.material is not None
    files = (file for index in mined.material.indexes.values() for file in index.files())
    ngrams = NgramIndex()
    ngrams.update({path: base.tokenizer.encode(text) for path, text in files})
    seen = Seen()
    for hole in held_out(mined.samples("test"), "new", 0)[:holes]:
        look(base, engine, ngrams, hole, seen)
    return seen


@torch.inference_mode()
def look(base: Base, engine: Engine, ngrams: NgramIndex, hole: Sample, seen: Seen) -> None:
    """One hole, every token behind the true ones."""
    prompt, answer = base.prompts().hole(hole.place, hole.middle)
    stops = base.fim.stop | base.tokenizer.special_ids
    ends = torch.tensor(sorted(stops))
    rows = engine.batch(torch.tensor([[*prompt.ids, *answer]]), len(answer) + 1)[0, :-1]
    source = NgramCache(prompt.context, ngrams.without(hole.path), stops)
    for at, token in enumerate(answer):
        logprobs = rows[at].log_softmax(-1)
        found = source.find(answer[:at])
        cached = source.next_tokens(found)
        copies, length = 0.0, 0
        if cached is not None:
            length = max(some.longest for some in found)
            going = 1 - float(logprobs[ends].exp().sum())
            copies = going * float(cached.shares[cached.ids == token].sum())
        seen.by_length[length].append((float(logprobs[token].exp()), copies))
    seen.bytes += len(hole.middle.encode())


def fitted(seen: Seen) -> list[float]:
    """The most likely share for each length, never less for a longer one."""
    groups: list[tuple[list[int], list[tuple[float, float]]]] = []
    for length in range(2, MAX_MATCH + 1):
        groups.append(([length], seen.by_length[length]))
        while len(groups) > 1 and (
            len(groups[-1][1]) < FEW or best(groups[-2][1]) > best(groups[-1][1])
        ):
            lengths, tokens = groups.pop()
            groups[-1] = (groups[-1][0] + lengths, groups[-1][1] + tokens)
    trust = [0.0] * (MAX_MATCH + 1)
    for lengths, tokens in groups:
        for length in lengths:
            trust[length] = best(tokens)
    return trust


def best(tokens: Sequence[tuple[float, float]]) -> float:
    """The share of the copies that makes the tokens most likely."""
    share = 0.5
    for _ in range(ROUNDS):
        owed = [share * q / (share * q + (1 - share) * p) for p, q in tokens]
        share = sum(owed) / max(1, len(owed))
    return share


if __name__ == "__main__":
    main()
