"""Where the prefix of a prompt should end, for a base trained prefix first.

    python bench/anchors.py BASE REPOSITORY... [--holes 60] [--way NAME]... [--context 1024]
                            [--teach REPOSITORY --tokens 6e4 --adapters FOLDER]

Asks the base the same held-out holes of each repository in several ways, the word at the cursor
spelt anew in all of them, without copies: what the rest of the hole costs in bits per byte, and how
often every token of its first line is the likeliest. Ways: "cursor" (version 1: the prefix ends at
the cursor), "line" (version 2: where the cursor's line begins), "words" (the same, a half word
alone spelt anew), "statement" (where the syntax tree's innermost statement around the cursor
begins), "region" (version 3: the first line of a stretch of 256 characters, so that it holds over
a few lines), "suffix-first" (no anchor: all of the prefix behind the suffix) and "repository" (as
"line", behind the family's mark for a repository). With
``--teach`` each way has an adapter of its own, taught that way on another repository, kept in
FOLDER. Intervals are over files. What is finished is noted in FOLDER, or printed only.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import TEXT, by_name
from homespun_corpus.syntax.parsing import captures, parse
from homespun_finetune.batches import EncodedSample, encode_all
from homespun_finetune.holdout import held_out
from homespun_finetune.metrics import bits_of
from homespun_finetune.refresh import full_plan
from homespun_finetune.settings import TrainSettings
from homespun_finetune.training_step import TrainingTask, train_adapter
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.prompt import (
    AnchoredPromptBuilder,
    Budget,
    Prompt,
    PromptBuilder,
    RegionPromptBuilder,
)
from homespun_model.bases.token_healing import begun_word
from homespun_model.decoding.callbacks import any_token
from homespun_model.engines.engine import Engine
from homespun_model.engines.loading import load_engine
from model_alone import Asked, differences, pooled, shown
from numpy.typing import NDArray
from published_recipe import quiet
from refresh_schedule import fix_budget

STRETCH = 256  # characters


class ToCursor(AnchoredPromptBuilder):
    """Version 1, asked as it is served: with the word at the cursor spelt anew."""

    def begun(self, prefix: str) -> str:
        return begun_word(prefix, self._tokenizer)

    def _anchor(self, place: Place) -> int:
        return len(place.prefix)


class ToLineByWords(AnchoredPromptBuilder):
    """With only a word begun spelt anew."""

    def begun(self, prefix: str) -> str:
        return begun_word(prefix, self._tokenizer)


class ToStatement(AnchoredPromptBuilder):
    """The innermost statement that begins before the cursor's line ends, if it goes on there."""

    def _anchor(self, place: Place) -> int:
        line = super()._anchor(place)
        language = by_name(place.language) if place.language else TEXT
        if language is TEXT:
            return line
        source = (place.prefix + place.suffix).encode()
        cursor = len(place.prefix.encode())
        found = captures(language, parse(language, source), "statement").get("statement", [])
        around = [n.start_byte for n in found if n.start_byte <= cursor <= n.end_byte]
        if not around:
            return line
        begins = place.prefix.rfind("\n", 0, len(source[: max(around)].decode()) + 1) + 1
        return min(line, begins) if line - begins < STRETCH else line


class InRepository(AnchoredPromptBuilder):
    """Behind the repository's name."""

    name = ""

    def _prompt(self, place: Place, begun: str) -> Prompt:
        prompt = super()._prompt(place, begun)
        mark = [] if self.fim.repo is None else [self.fim.repo, *self._encode(f"{self.name}\n")]
        return replace(prompt, ids=[*mark, *prompt.ids])


class SuffixFirst(ToCursor):
    """As a family trained suffix first is asked."""

    def _prompt(self, place: Place, begun: str) -> Prompt:
        prompt = super()._prompt(place, begun)
        return replace(prompt, ids=prompt.context)


WAYS: dict[str, type[PromptBuilder]] = {
    "cursor": ToCursor,
    "line": AnchoredPromptBuilder,
    "words": ToLineByWords,
    "statement": ToStatement,
    "region": RegionPromptBuilder,
    "suffix-first": SuffixFirst,
    "repository": InRepository,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="where the prefix of a prompt should end")
    parser.add_argument("base")
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--holes", type=int, default=60)
    parser.add_argument("--way", choices=list(WAYS), action="append")
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--teach", type=Path)
    parser.add_argument("--tokens", type=float, default=6e4)
    parser.add_argument("--adapters", type=Path)
    options = parser.parse_args()
    base, ways = load_base(options.base), options.way or list(WAYS)
    budget = Budget.of(options.context)
    builders = {way: WAYS[way](base.tokenizer, base.fim, budget) for way in ways}
    adapters = taught(base, builders, options) if options.teach else {}
    engines = {way: load_engine(base, adapters.get(way)) for way in ways}
    sheets: dict[str, dict[str, list[Asked]]] = defaultdict(dict)
    for repository in options.repositories:
        name = repository.parent.name if repository.name == "repo" else repository.name
        InRepository.name = name
        mined = mine(Repository.open(repository), MineSettings())
        holes = held_out(mined.samples("test"), "new", 0)[: options.holes]
        for way in ways:
            asked = [answered(base, engines[way], builders[way], hole) for hole in holes]
            sheets[way][name] = asked
            print(f"{name:24} {way:14} {figures(asked)}", flush=True)
            if options.adapters:
                note(options.adapters / f"{'taught' if adapters else 'bare'}.json", sheets)
    for way in ways:
        print(f"{'all':24} {way:14} {figures(pooled(sheets[way]))}")
    for way in ways[1:]:
        print(f"{way} against {ways[0]}: {compared(sheets[ways[0]], sheets[way])}")


def taught(
    base: Base, builders: dict[str, PromptBuilder], options: argparse.Namespace
) -> dict[str, Path]:
    """An adapter for each way, the same samples and tokens."""
    fix_budget(options.tokens)
    mined = mine(Repository.open(options.teach), MineSettings())
    folders = {}
    for way, builder in builders.items():
        folders[way] = options.adapters / way
        if not (folders[way] / "adapter_model.safetensors").is_file():
            folders[way].mkdir(parents=True, exist_ok=True)
            InRepository.name = options.teach.name
            task = Taught(base, mined, full_plan(mined, 0), TrainSettings(start="bare"))
            Taught.builder, Taught.longest = builder, options.context
            train_adapter(task, folders[way], None, seconds=1e9, stage=quiet(way))
    return folders


class Taught(TrainingTask):
    """A training in another way of asking."""

    builder: PromptBuilder
    longest: int

    def _encoded(self, samples: Iterator[Sample]) -> Iterator[EncodedSample]:
        return encode_all(self.builder, samples, longest=self.longest)


@torch.inference_mode()
def answered(base: Base, engine: Engine, builder: PromptBuilder, hole: Sample) -> Asked:
    """The hole as this way asks it."""
    prompt, answer = builder.hole(hole.place, hole.middle)
    allowed = base.lexicon.beginning(prompt.begun) if prompt.begun else any_token
    rows = engine.batch(torch.tensor([[*prompt.ids, *answer]]), len(answer) + 1)[0, :-1]
    nats, right, begins = 0.0, True, len(prompt.begun) + len(hole.middle.partition("\n")[0])
    for at, (logits, token) in enumerate(zip(rows, answer, strict=True)):
        some = allowed(answer[:at])
        row = logits if some is None or token not in some else among(some, logits)
        nats -= float(row[token] - row.logsumexp(-1))
        in_line = len(base.tokenizer.decode(answer[:at])) < begins
        right &= int(row.argmax()) == token or not in_line
    return Asked(hole.path, bits_of(nats), len(hole.middle.encode()), right)


def among(some: NDArray[np.int64], logits: torch.Tensor) -> torch.Tensor:
    """The logits (vocabulary,) with every other token made impossible."""
    masked = torch.full_like(logits, -torch.inf)
    masked[some] = logits[some]
    return masked


def figures(asked: Sequence[Asked]) -> str:
    bits = sum(one.bits for one in asked) / sum(one.bytes for one in asked)
    lines = sum(one.line for one in asked) / len(asked)
    return f"{bits:.3f} bits a byte, first line {lines:.1%} of {len(asked)}"


def compared(one: dict[str, list[Asked]], other: dict[str, list[Asked]]) -> str:
    """How much less ``other`` costs, and how many more lines; 95% intervals over files."""
    more = differences(pooled(other), pooled(one))
    return f"bits {shown(more['bits'])}, first lines {shown(more['lines'])}"


def note(file: Path, sheets: dict[str, dict[str, list[Asked]]]) -> None:
    plain: dict[str, Any] = {
        way: {name: [asdict(one) for one in asked] for name, asked in found.items()}
        for way, found in sheets.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(plain))


if __name__ == "__main__":
    main()
