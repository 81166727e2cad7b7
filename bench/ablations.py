"""Train small models from scratch, each with one thing changed, and measure them on unseen code.

    python bench/ablations.py CLONES UNSEEN... [--tokens 2e6] [--only NAME ...] [--work FOLDER]

CLONES holds clones of the starter's list (see ``python -m homespun_finetune.pretrain prepare``), of
which the first few Python ones are read. UNSEEN are repositories that are not among them; holes are
cut from their newest functions as ``finetune-repo`` does. Prints one line a variant: bits per byte
of the middles, with and without related code in the prompt, exact first lines, and the share that
ends by itself. Every variant gets the same number of tokens, in bytes of text not quite the same
where the vocabulary differs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.mining.holes import MIX
from homespun_corpus.mining.sample import Kind, Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.holdout import compare_with_middle, held_out
from homespun_finetune.metrics import bits_of
from homespun_finetune.pretrain.bundle import export
from homespun_finetune.pretrain.documents import PretrainDocument, read_shard, write_shards
from homespun_finetune.pretrain.prepare import cut_repository, read_repository
from homespun_finetune.pretrain.rows import load_or_encode
from homespun_finetune.pretrain.settings import ModelSettings, Recipe
from homespun_finetune.pretrain.sources import read_sources
from homespun_finetune.pretrain.train import Trainer, new_model
from homespun_finetune.pretrain.vocabulary import learn_vocabulary, save_vocabulary
from homespun_model.bases.base import load_base
from homespun_model.bases.families import STARTER, FimFormat
from homespun_model.completer import Completer

SOURCES = 20  # repositories read
MOST_CHARS = 250_000  # of one of them
HOLES = 120  # of one unseen repository, for bits
COMPLETIONS = 60  # of them completed
SMALL = ModelSettings(
    context_length=1024,
    hidden_size=192,
    intermediate_size=512,
    layers=4,
    heads=3,
    kv_heads=1,
    head_dim=64,
)
RANDOM: Mapping[Kind, float] = {"random": 1.0}
LINES: Mapping[Kind, float] = {"line": 0.7, "block-rest": 0.3}
NODES: Mapping[Kind, float] = {kind: MIX[kind] for kind in list(MIX)[:5]}


@dataclass(frozen=True)
class Variant:
    """One thing that is not as in the recipe."""

    recipe: Recipe
    format: FimFormat = STARTER
    mix: Mapping[Kind, float] | None = None


def variants(recipe: Recipe) -> dict[str, Variant]:
    """By name; the first is the recipe itself, only smaller."""

    def trained(**changes: Any) -> Variant:
        return Variant(replace(recipe, train=replace(recipe.train, **changes)))

    no_related = replace(recipe, data=replace(recipe.data, related=0.0))
    small_vocabulary = replace(recipe, vocabulary=replace(recipe.vocabulary, size=4096))
    return {
        "recipe": Variant(recipe),
        "prefix first": Variant(recipe, format=replace(STARTER, order="psm")),
        "trained without related code": Variant(no_related),
        "random spans only": Variant(recipe, mix=RANDOM),
        "lines only": Variant(recipe, mix=LINES),
        "syntax nodes only": Variant(recipe, mix=NODES),
        "AdamW alone": trained(muon_rate=0.0),
        "end token weighted 1": trained(end_weight=1.0),
        "end token weighted 8": trained(end_weight=8.0),
        "vocabulary 4096": Variant(small_vocabulary),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="small models with one thing changed each")
    parser.add_argument("clones", type=Path)
    parser.add_argument("unseen", type=Path, nargs="+")
    parser.add_argument("--tokens", type=float, default=2e6)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    recipe = Recipe.read()
    recipe = replace(recipe, model=SMALL, train=replace(recipe.train, tokens=int(options.tokens)))
    exam = [hole for folder in options.unseen for hole in holes_of(folder)]
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        documents = list(read(options.clones))
        for name, variant in variants(recipe).items():
            if not options.only or name in options.only:
                began = time.monotonic()
                folder = trained(variant, documents, work / name.replace(" ", "-"))
                print(f"{name:30} {measured(folder, exam)}  ({time.monotonic() - began:.0f} s)")


def holes_of(folder: Path) -> list[Sample]:
    """Held-out holes of a repository that no variant has seen."""
    mined = mine(Repository.open(folder), MineSettings())
    return held_out(mined.samples("test"), "new", seed=0)[:HOLES]


def read(clones: Path) -> Iterator[list[PretrainDocument]]:
    """The first Python files of a few repositories."""
    sources = [source for source in read_sources() if source.use == "train"]
    found = 0
    for source in sources:
        if found == SOURCES:
            return
        kept, _ = read_repository(clones, source)
        python = [document for document in kept if document.language == "python"]
        if len(python) > 40:
            found += 1
            chars = 0
            yield [d for d in python if (chars := chars + len(d.text)) < MOST_CHARS]


def trained(variant: Variant, documents: Sequence[list[PretrainDocument]], folder: Path) -> Path:
    """A base trained as the variant says, in ``folder``."""
    recipe, out = variant.recipe, folder / "base"
    if out.exists():
        return out
    shards = prepared(variant, documents, folder.parent)
    vocabulary = folder / "vocabulary"
    texts = (document.text for shard in shards for document in read_shard(shard))
    learnt = learn_vocabulary(texts, recipe.vocabulary.size)
    save_vocabulary(learnt, vocabulary, recipe.model.context_length)
    tokens = vocabulary / "tokenizer.json"
    rows, held = load_or_encode(
        shards, tokens, recipe, folder, workers=os.cpu_count() or 1, format=variant.format
    )
    trainer = Trainer(recipe, new_model(recipe, tokens), rows, held, folder)
    trainer.run()
    export(trainer.model, vocabulary, out, variant.format)
    return out


def prepared(
    variant: Variant, documents: Sequence[list[PretrainDocument]], work: Path
) -> list[Path]:
    """The shards of a variant's holes; variants that cut alike share them."""
    data, mix = variant.recipe.data, variant.mix or MIX
    folder = work / f"prepared-{data.related}-{'-'.join(mix)}"
    if not folder.exists():
        write_shards((d for part in documents for d in cut_repository(data, part, mix)), folder)
    return sorted(folder.glob("*.xz"))


@torch.inference_mode()
def measured(folder: Path, exam: Sequence[Sample]) -> str:
    """The figures of one base."""
    base = load_base(str(folder))
    completer = Completer.from_model(base, base.load_model(), None)
    alone = [replace(hole.place, related=()) for hole in exam]
    middles = [hole.middle for hole in exam]
    told = completer.score_many(list(zip((h.place for h in exam), middles, strict=True)))
    untold = completer.score_many(list(zip(alone, middles, strict=True)))
    size = sum(score.bytes for score in told)
    completed = [
        compare_with_middle(hole, completer.complete(hole.place))
        for hole in islice(exam, None, None, HOLES // COMPLETIONS)
    ]
    return "  ".join(
        (
            f"bits per byte {bits_of(sum(s.nats for s in told)) / size:.3f}",
            f"without related code {bits_of(sum(s.nats for s in untold)) / size:.3f}",
            f"first lines {sum(c.exact_line for c in completed) / len(completed):.1%}",
            f"end themselves {sum(c.ends_itself is True for c in completed) / len(completed):.0%}",
            f"({len(exam)} holes, {len(completed)} completed)",
        )
    )


if __name__ == "__main__":
    main()
