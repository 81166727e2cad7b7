"""``python -m homespun_finetune.pretrain prepare|train|export|measure``: the recipe's steps."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from homespun_finetune.pretrain.card import EARLIER, MEASURED, PREPARED
from homespun_finetune.pretrain.settings import RECIPE, Recipe
from homespun_finetune.pretrain.sources import SOURCES

VOCABULARY = "vocabulary"  # folder of a run


def main() -> int:
    """Run one step. Argparse, for a bare training machine has no typer."""
    # Threads that spin while they wait steal the core of whatever else runs: measured, 12 times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = _parser().parse_args()
    recipe = Recipe.read(options.recipe)
    steps = {"prepare": _prepare, "train": _train, "export": _export, "measure": _measure}
    steps[options.step](recipe, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m homespun_finetune.pretrain")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="the recipe's TOML file")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="the list of repositories")
    steps = parser.add_subparsers(dest="step", required=True)
    prepare = steps.add_parser("prepare", help="clones of the listed repositories → documents")
    prepare.add_argument("clones", type=Path)
    prepare.add_argument("out", type=Path)
    train = steps.add_parser("train", help="prepared documents → a checkpoint; resumes one")
    train.add_argument("prepared", type=Path)
    train.add_argument("run", type=Path)
    train.add_argument("--tokens", type=int, help="instead of the recipe's")
    train.add_argument("--minutes", type=float, help="stop after this long, resumable")
    train.add_argument("--from", dest="weights", type=Path, help="begin from these weights")
    train.add_argument("--seen", type=int, default=0, help="tokens that those weights have seen")
    export = steps.add_parser("export", help="a checkpoint → a folder to serve")
    export.add_argument("run", type=Path)
    export.add_argument("out", type=Path)
    measure = steps.add_parser("measure", help="exported weights → figures in their card")
    measure.add_argument("clones", type=Path)
    measure.add_argument("prepared", type=Path)
    measure.add_argument("run", type=Path)
    measure.add_argument("out", type=Path)
    return parser


def _prepare(recipe: Recipe, options: argparse.Namespace) -> None:
    from homespun_finetune.pretrain.prepare import prepare
    from homespun_finetune.pretrain.sources import read_sources

    sources = read_sources(options.sources)
    done = prepare(sources, options.clones, options.out, recipe.data, workers=_workers())
    print(done, file=sys.stderr)


def _train(recipe: Recipe, options: argparse.Namespace) -> None:
    from homespun_finetune.pretrain.rows import load_or_encode
    from homespun_finetune.pretrain.train import Trainer, load_weights, new_model

    if options.tokens:
        recipe = replace(recipe, train=replace(recipe.train, tokens=options.tokens))
    options.run.mkdir(parents=True, exist_ok=True)
    shards = sorted(options.prepared.glob("*.jsonl.xz"))
    if not shards:
        sys.exit(f"no prepared documents in {options.prepared}: run the prepare step first")
    shutil.copyfile(options.prepared / PREPARED, options.run / PREPARED)
    if options.weights:
        _take_vocabulary(options.weights, options.run / VOCABULARY)
        (options.run / EARLIER).write_text(json.dumps({"tokens": options.seen}))
    vocabulary = _vocabulary(recipe, shards, options.run / VOCABULARY)
    rows, held = load_or_encode(shards, vocabulary, recipe, options.run, workers=_workers())
    model = load_weights(options.weights) if options.weights else new_model(recipe, vocabulary)
    Trainer(recipe, model, rows, held, options.run).run(options.minutes)


def _take_vocabulary(weights: Path, folder: Path) -> None:
    """Weights know the vocabulary they were trained with and no other."""
    folder.mkdir(exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(weights / name, folder / name)


def _vocabulary(recipe: Recipe, shards: list[Path], folder: Path) -> Path:
    """The run's vocabulary, learnt at its first start."""
    from homespun_finetune.pretrain.documents import read_shard
    from homespun_finetune.pretrain.vocabulary import learn_vocabulary, save_vocabulary

    path = folder / "tokenizer.json"
    if not path.exists():
        documents = (document for shard in shards for document in read_shard(shard))
        texts = _first_megabytes((d.text for d in documents), recipe.vocabulary.sample_megabytes)
        learnt = learn_vocabulary(texts, recipe.vocabulary.size)
        save_vocabulary(learnt, folder, recipe.model.context_length)
    return path


def _export(recipe: Recipe, options: argparse.Namespace) -> None:
    from homespun_finetune.pretrain.bundle import export
    from homespun_finetune.pretrain.card import write_card
    from homespun_finetune.pretrain.sources import read_sources
    from homespun_finetune.pretrain.train import load_checkpoint

    vocabulary = options.run / VOCABULARY
    model = load_checkpoint(recipe, vocabulary / "tokenizer.json", options.run)
    export(model, vocabulary, options.out)
    sources = read_sources(options.sources)
    (options.run / MEASURED).unlink(missing_ok=True)  # figures of weights exported before
    write_card(recipe, options.run, sources, options.out)


def _measure(recipe: Recipe, options: argparse.Namespace) -> None:
    from homespun_finetune.pretrain.card import write_card
    from homespun_finetune.pretrain.measure import measure_lines, measure_overlap
    from homespun_finetune.pretrain.sources import read_sources

    sources = read_sources(options.sources)
    lines = []
    for found in measure_lines(options.out, sources, options.clones):
        print(found, file=sys.stderr, flush=True)
        lines.append(asdict(found))
    overlap = measure_overlap(options.out, sorted(options.prepared.glob("*.jsonl.xz")))
    print(overlap, file=sys.stderr)
    figures = {"lines": lines, "overlap": asdict(overlap)}
    (options.run / MEASURED).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    write_card(recipe, options.run, sources, options.out)


def _first_megabytes(texts: Iterable[str], megabytes: int) -> Iterator[str]:
    chars = 0
    for text in texts:
        chars += len(text)
        if chars > megabytes * 1_000_000:
            return
        yield text


def _workers() -> int:
    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
