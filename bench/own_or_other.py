"""Is a team's own adapter worth more than another team's, of the same start, tokens and seed?

    python bench/own_or_other.py REPOSITORY... --base FOLDER [--generic FOLDER|none]
                                 [--tokens 120000] [--holes 150] [--context none] [--renamed]
                                 [--order recent] [--rows 0.5] [--roles generic,other,own]
                                 [--keep FOLDER] [--json FILE] [--train KEY=VALUE]...

On each repository an adapter is trained for as many tokens, from the same seed, going on from the
base's generic adapter or the one in ``--generic`` (``none`` for none). Of each repository the
held-out new functions are asked of the base, of the generic one, of its own adapter and of that of
the next repository in the list (other). The model alone, teacher forced: bits a byte of
the middles without their ends, and first lines of which every token is the likeliest. Intervals
(95%) over files, of each repository and of all together; the headline is own against other. How
often another's adapter is surely better than the generic one is the null control of the gate.
With ``--keep`` adapters lie in FOLDER, and are not trained again where they lie there.
``--order recent`` reads files that changed last first; ``--rows`` shortens training's rows.
``--context none`` leaves related code out of every prompt; ``--renamed`` gives all code names that
no model can have seen, as in-house code has (what is cut in a word at the cursor is left as it
comes); ``--train`` moves a setting of the recipe.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.adapted_model import AdaptedModel, peak_rate, prepare
from homespun_finetune.adapter import save_adapter
from homespun_finetune.batches import EncodedSample, encode, encode_all, shuffled
from homespun_finetune.budget import SAFETY, TokenBudget, best_precision
from homespun_finetune.holdout import held_out
from homespun_finetune.metrics import Interval, bootstrap_ratio
from homespun_finetune.packed_decoder import PackedDecoder, packed
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings
from homespun_finetune.start_onward import widen
from homespun_finetune.train import TrainingFolders, TrainingLoop
from homespun_finetune.training_budget import TrainingBudget, first_samples
from homespun_finetune.training_data import Tokens, TrainingData, schedule
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.prompt import Budget
from reading_order import last_changed_first
from renamed import Renaming
from rich.console import Console

FOREVER = 1e9  # seconds: here tokens decide, not the clock
MICRO = 1  # samples in memory together
TOGETHER = 256  # positions of the output layer at a time


@dataclass(frozen=True, slots=True)
class Asked:
    """One hole and what a model made of it."""

    file: str
    bits: float
    bytes: int
    line: bool


@dataclass(frozen=True)
class Bench:
    """What is the same for every training and every exam."""

    base: Base
    settings: TrainSettings
    tokens: int
    with_context: bool
    renaming: Renaming | None
    recent: bool
    """Whether files that changed last are read first."""
    rows: float
    """How long those of a training are, as a share of what is served."""
    work: Path

    def adapter(self, repository: Path, start: Path | None) -> Path:
        """The folder of an adapter trained on a repository, its samples in a seeded order."""
        folder = self.work / _name(repository)
        if folder.exists():
            return folder
        model = self.base.load_model(torch.bfloat16)
        adapted = prepare(model, self.settings, start)
        stage = Stage(folder.name, Console(stderr=True))
        end = self.base.fim.end
        data = TrainingData(self._encoded(_mined(repository)), (), Tokens(end, end))
        rows = iter(data.training)
        first = first_samples(rows, self.settings)
        budget = TrainingBudget(self._budget(), MICRO)
        planned = schedule(data, first, rows, budget.time, self.settings, micro=MICRO)
        rate = peak_rate(model, self.settings, refreshing=False)
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as work:
            loop = TrainingLoop(adapted, self.settings, budget, planned, rate, None)
            trained = loop.run(data.collator(self.settings), TrainingFolders(Path(work)), stage)
        speed = trained.tokens / (time.perf_counter() - begun)
        print(f"{folder.name}: {trained.tokens:,} tokens, {speed:.0f} a second", flush=True)
        assert trained.model is not None
        folder.mkdir(parents=True)
        save_adapter(trained.model, folder, "base")
        return folder

    def exam(self, holes: Sequence[Sample], adapter: Path | None) -> list[Asked]:
        adapted = prepare(self.base.load_model(torch.bfloat16), self.settings, adapter)
        decoder = packed(adapted.model, torch.bfloat16)
        assert decoder is not None, "only dense decoders are asked here"
        return [self._ask(adapted, decoder, hole) for hole in holes]

    def _budget(self) -> TokenBudget:
        """So many tokens, and a little more for what rounding takes."""
        share = SAFETY * (1 - self.settings.validation_share)
        return TokenBudget(FOREVER, (self.tokens + 1) / FOREVER / share, best_precision("cpu"))

    def _encoded(self, mined: Mined) -> Iterator[EncodedSample]:
        rows = mined.dataset["train"]
        seed = self.settings.seed
        order = last_changed_first(mined, seed) if self.recent else shuffled(len(rows), seed)
        samples = (Sample.from_row(rows[i]) for i in order)
        longest = round(self.rows * self.base.context_length)
        usual = self.base.prompts()
        builder = type(usual)(self.base.tokenizer, self.base.fim, Budget.of(longest))
        return encode_all(builder, map(self._shown, samples), longest=longest)

    def _shown(self, sample: Sample) -> Sample:
        if not self.with_context:
            sample = replace(sample, place=replace(sample.place, related=()))
        return self.renaming.sample(sample) if self.renaming else sample

    @torch.inference_mode()
    def _ask(self, adapted: AdaptedModel, decoder: PackedDecoder, hole: Sample) -> Asked:
        hole = self._shown(hole)
        asked = encode(self.base.prompts(), hole)
        ids = torch.from_numpy(asked.ids).long()
        states = decoder([ids])[asked.start - 1 : -2]  # the end apart
        wanted, model = ids[asked.start : -1], cast(Any, adapted.model.get_base_model())
        nats, right = 0.0, []
        for state, want in zip(
            torch.split(states, TOGETHER), torch.split(wanted, TOGETHER), strict=True
        ):
            logits = (state @ model.lm_head.weight.T).float()
            nats += float(torch.nn.functional.cross_entropy(logits, want, reduction="sum"))
            right += (logits.argmax(-1) == want).tolist()
        texts = [self.base.tokenizer.decode([token]) for token in wanted.tolist()]
        line = next((n + 1 for n, text in enumerate(texts) if "\n" in text), len(texts))
        return Asked(hole.path, nats / math.log(2), len(hole.middle.encode()), all(right[:line]))


def main() -> None:
    parser = argparse.ArgumentParser(description="own adapter against another's")
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--base", required=True)
    parser.add_argument("--generic")
    parser.add_argument("--tokens", type=float, default=120_000)
    parser.add_argument("--holes", type=int, default=150)
    parser.add_argument("--roles", default="base,generic,other,own")
    parser.add_argument("--context", choices=("related", "none"), default="related")
    parser.add_argument("--order", choices=("any", "recent"), default="any")
    parser.add_argument("--rows", type=float, default=1.0)
    parser.add_argument("--renamed", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--train", action="append", default=[])
    options = parser.parse_args()
    changes = {key: float(value) for key, value in (each.split("=") for each in options.train)}
    whole = {key: int(value) if value.is_integer() else value for key, value in changes.items()}
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(
            load_base(options.base),
            replace(TrainSettings(), **whole),  # type: ignore[arg-type]
            int(options.tokens),
            options.context == "related",
            Renaming.away_from_the_library() if options.renamed else None,
            options.order == "recent",
            options.rows,
            options.keep or Path(work),
        )
        generic = widened(bench, options.generic)
        own = {one: bench.adapter(one, generic) for one in options.repositories}
        everything: dict[str, dict[str, list[Asked]]] = {}
        for repository, other in zip(own, [*own][1:] + [*own][:1], strict=True):
            roles = {"base": None, "generic": generic, "other": own[other], "own": own[repository]}
            asked = {role: roles[role] for role in options.roles.split(",")}
            found = compared(bench, repository, asked, options.holes)
            everything[_name(repository)] = found
            print(f"== {_name(repository)}, other: {_name(other)}")
            tell(_name(repository), found)
            if options.json:
                options.json.write_text(json.dumps(everything, default=asdict))
    pooled = {role: [a for each in everything.values() for a in each[role]] for role in found}
    tell("all of them", pooled)
    for role in [role for role in ("other", "own") if "generic" in found]:
        surely = sum(is_surely_better(each[role], each["generic"]) for each in everything.values())
        print(f"{role} surely better than generic: {surely} of {len(everything)} repositories")


def widened(bench: Bench, named: str | None) -> Path | None:
    """The generic adapter in the shape of all others here."""
    found = None if named == "none" else Path(named) if named else bench.base.generic
    if found is None:
        return None
    shapes = {name: size.shape for name, size in bench.base.tensors(torch.bfloat16).items()}
    folder = bench.work / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    widen(found, shapes, bench.settings, folder)
    return folder


def compared(
    bench: Bench, repository: Path, roles: dict[str, Path | None], count: int
) -> dict[str, list[Asked]]:
    """What each of them makes of the repository's holes."""
    holes = held_out(_mined(repository).samples("test"), "new", 0)[:count]
    found = {}
    for role, adapter in roles.items():
        if adapter or role == "base":
            found[role] = bench.exam(holes, adapter)
            gc.collect()
    return found


@cache
def _mined(repository: Path) -> Mined:
    return mine(Repository.open(repository), MineSettings())


def _name(repository: Path) -> str:
    return repository.parent.name if repository.name == "repo" else repository.name


def tell(name: str, found: dict[str, list[Asked]]) -> None:
    for role, asked in found.items():
        bits = sum(each.bits for each in asked) / sum(each.bytes for each in asked)
        lines = sum(each.line for each in asked) / len(asked)
        print(f"{name:24} {role:8} {bits:.4f} bits a byte, first lines {lines:.1%}")
    pairs = [("generic", "base"), ("other", "generic"), ("own", "generic"), ("own", "other")]
    for role, against in pairs:
        if role in found and against in found:
            more, exact = differences(found[role], found[against])
            print(f"{name:24} {role} against {against}: bits {_said(more)}, lines {_said(exact)}")
    print(flush=True)


def is_surely_better(found: list[Asked], against: list[Asked]) -> bool:
    """As the gate asks: the whole interval of the bits."""
    more, _ = differences(found, against)
    return more.high < 0


def differences(found: list[Asked], against: list[Asked]) -> tuple[Interval, Interval]:
    """Bits more, as a share of the other's; first lines more, as a share of the holes."""
    files = [each.file for each in found]
    pairs = list(zip(found, against, strict=True))
    bits = np.array([a.bits - b.bits for a, b in pairs])
    lines = np.array([float(a.line) - float(b.line) for a, b in pairs])
    return (
        bootstrap_ratio(bits, np.array([b.bits for b in against]), files),
        bootstrap_ratio(lines, np.ones(len(lines)), files),
    )


def _said(interval: Interval) -> str:
    return f"{interval.value:+.1%} [{interval.low:+.1%}, {interval.high:+.1%}]"


if __name__ == "__main__":
    main()
