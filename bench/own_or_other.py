"""Is a team's own adapter worth more than another team's, of the same start, tokens and seed?

    python bench/own_or_other.py REPOSITORY... --base FOLDER [--generic FOLDER|none]
                                 [--tokens 120000] [--holes 150] [--context none] [--renamed]
                                 [--order any] [--rows 0.5] [--roles generic,other,own]
                                 [--start beside]
                                 [--keep FOLDER] [--json FILE] [--train KEY=VALUE]...

On each repository an adapter is trained for as many tokens, from the same seed, going on from the
base's generic adapter or the one in ``--generic`` (``none`` for none). Of each repository the
held-out new functions are asked of the base, of the generic one, of its own adapter and of that of
the next repository in the list (other). The model alone, teacher forced (``model_alone.py``):
bits of the middles, of the names in them that only this repository has, and of the lines above that
are read with them; first lines. Intervals (95%) over files, of each repository and of all together;
the headline is own against other. How often another's adapter is surely better than the generic one
is the null control of the gate. With ``--keep`` adapters lie in FOLDER, and are not trained again
where they lie there; what FILE has of an earlier run is not asked again.
``--order any`` reads samples in any order, not what changed last first; ``--rows`` shortens rows.
``--start beside`` leaves the generic adapter as it is and trains a new one beside it.
``--context none`` leaves related code out of every prompt; ``--renamed`` gives all code names that
no model can have seen, as in-house code has (what is cut in a word at the cursor is left as it
comes); ``--train`` moves a setting of the recipe.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.adapted_model import onward, peak_rate, prepare
from homespun_finetune.adapter import save_adapter
from homespun_finetune.batches import EncodedSample, encode_all, shuffled
from homespun_finetune.budget import SAFETY, TokenBudget, best_precision
from homespun_finetune.holdout import held_out
from homespun_finetune.packed_decoder import packed
from homespun_finetune.progress import Stage
from homespun_finetune.reading_order import last_changed_first
from homespun_finetune.settings import TrainSettings
from homespun_finetune.start_beside import join, narrowed
from homespun_finetune.start_onward import widen
from homespun_finetune.train import TrainingFolders, TrainingLoop
from homespun_finetune.training_budget import TrainingBudget, first_samples
from homespun_finetune.training_data import Tokens, TrainingData, schedule
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.prompt import Budget
from homespun_model.engines.lora_merged import merged
from model_alone import Asked, Asker, common_names, is_surely_better, names_of, pooled, tell
from renamed import Renaming
from rich.console import Console
from unseen import name_of

FOREVER = 1e9  # seconds: here tokens decide, not the clock
MICRO = 1  # samples in memory together


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
        folder = self.work / name_of(repository)
        if folder.exists():
            return folder
        model = self.base.load_model(torch.bfloat16)
        shapes = {name: weight.shape for name, weight in model.named_parameters()}
        settings = onward(model, self.settings) if start else self.settings
        beside = start if settings.start == "beside" else None
        if beside:
            settings = narrowed(settings, beside)
            adapted = prepare(merged(model, beside), settings, None)
        else:
            adapted = prepare(model, settings, start)
        stage = Stage(folder.name, Console(stderr=True))
        end = self.base.fim.end
        data = TrainingData(self._encoded(_mined(repository)), (), Tokens(end, end))
        rows = iter(data.training)
        first = first_samples(rows, settings)
        budget = TrainingBudget(self._budget(), MICRO)
        planned = schedule(data, first, rows, budget.time, settings, micro=MICRO)
        rate = peak_rate(model, settings, refreshing=False)
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as work:
            loop = TrainingLoop(adapted, settings, budget, planned, rate, None)
            trained = loop.run(data.collator(settings), TrainingFolders(Path(work)), stage)
        speed = trained.tokens / (time.perf_counter() - begun)
        print(f"{folder.name}: {trained.tokens:,} tokens, {speed:.0f} a second", flush=True)
        assert trained.model is not None
        folder.mkdir(parents=True)
        save_adapter(trained.model, folder, "base")
        if beside:
            join(beside, folder, shapes)
        return folder

    def exam(
        self, holes: Sequence[Sample], adapter: Path | None, names: frozenset[str]
    ) -> list[Asked]:
        adapted = prepare(self.base.load_model(torch.bfloat16), self.settings, adapter)
        decoder = packed(adapted.model, torch.bfloat16)
        assert decoder is not None, "only dense decoders are asked here"
        asker = Asker(self.base, adapted, decoder, names)
        return [asker.ask(self._shown(hole)) for hole in holes]

    def _budget(self) -> TokenBudget:
        """So many tokens, and a little more for what rounding takes."""
        return TokenBudget(FOREVER, (self.tokens + 1) / FOREVER / SAFETY, best_precision("cpu"))

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


def main() -> None:
    parser = argparse.ArgumentParser(description="own adapter against another's")
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--base", required=True)
    parser.add_argument("--generic")
    parser.add_argument("--tokens", type=float, default=120_000)
    parser.add_argument("--holes", type=int, default=150)
    parser.add_argument("--roles", default="base,generic,other,own")
    parser.add_argument("--context", choices=("related", "none"), default="related")
    parser.add_argument("--order", choices=("recent", "any"), default="recent")
    parser.add_argument("--rows", type=float, default=1.0)
    parser.add_argument("--start", choices=("onward", "beside"), default="onward")
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
            replace(TrainSettings(start=options.start), **whole),  # type: ignore[arg-type]
            int(options.tokens),
            options.context == "related",
            Renaming.away_from_the_library() if options.renamed else None,
            options.order == "recent",
            options.rows,
            options.keep or Path(work),
        )
        generic = widened(bench, options.generic)
        asked = options.roles.split(",")
        is_taught = bool({"own", "other"} & set(asked))
        begin = generic_named(bench, options.generic) if options.start == "beside" else generic
        own = {
            one: bench.adapter(one, begin) if is_taught else None for one in options.repositories
        }
        everything = answered(options.json)
        named = own_names(options.repositories)
        for repository, other in zip(own, [*own][1:] + [*own][:1], strict=True):
            roles = {"base": None, "generic": generic, "other": own[other], "own": own[repository]}
            found = everything.setdefault(name_of(repository), {})
            for role in asked:
                if role not in found and (roles[role] or role == "base"):
                    holes = held(repository, options.holes)
                    found[role] = bench.exam(holes, roles[role], named[repository])
                    gc.collect()
                    keep(options.json, everything)
            print(f"== {name_of(repository)}, other: {name_of(other)}")
            tell(name_of(repository), found)
    together = {
        role: pooled({name: each[role] for name, each in everything.items()}) for role in found
    }
    tell("all of them", together)
    for role in [role for role in ("other", "own") if "generic" in found]:
        surely = sum(is_surely_better(each[role], each["generic"]) for each in everything.values())
        print(f"{role} surely better than generic: {surely} of {len(everything)} repositories")


def generic_named(bench: Bench, named: str | None) -> Path | None:
    return None if named == "none" else Path(named) if named else bench.base.generic


def widened(bench: Bench, named: str | None) -> Path | None:
    """The generic adapter in the shape of all others here."""
    found = generic_named(bench, named)
    if found is None:
        return None
    shapes = {name: size.shape for name, size in bench.base.tensors(torch.bfloat16).items()}
    folder = bench.work / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    widen(found, shapes, bench.settings, folder)
    return folder


def answered(file: Path | None) -> dict[str, dict[str, list[Asked]]]:
    """What an earlier run had asked when it was stopped: role by role of each repository."""
    if not file or not file.exists():
        return {}
    return {
        repository: {role: [Asked(**each) for each in asked] for role, asked in found.items()}
        for repository, found in json.loads(file.read_text()).items()
    }


def keep(file: Path | None, everything: dict[str, dict[str, list[Asked]]]) -> None:
    if file:
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(everything, default=asdict))
        unfinished.replace(file)


def own_names(repositories: Sequence[Path]) -> dict[Path, frozenset[str]]:
    """Of each repository, names in its code that neither the others nor the library have."""
    everybodys = common_names()
    names = {one: names_of(_mined(one)) for one in repositories}
    others = {one: [names[two] for two in names if two != one] for one in names}
    return {one: names[one].difference(everybodys, *others[one]) for one in names}


def held(repository: Path, count: int) -> list[Sample]:
    """Holes in functions that are new."""
    return held_out(_mined(repository).samples("test"), "new", 0)[:count]


@cache
def _mined(repository: Path) -> Mined:
    return mine(Repository.open(repository), MineSettings())


if __name__ == "__main__":
    main()
