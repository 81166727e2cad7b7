"""What a training setting is worth: variants of one, same base, samples, order and tokens.

    python bench/training_settings.py REPOSITORY SETTING VALUE... [--tokens 4e5] [--holes 150]

SETTING is a field of ``TrainSettings`` that is a number. Each value trains an adapter on the
repository with that budget of tokens (a budget, not minutes: a busy machine changes nothing), and
all sit the exam as editors ask, copies and all: held-out holes of new functions, lines of them
typed again, and code in general. Prints the base's figures and each value's, and what each value
gains over the first one, with intervals over whole files.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.holdout import ServedModel, held_out
from homespun_finetune.metrics import summarise
from homespun_finetune.refresh import full_plan
from homespun_finetune.settings import TrainSettings
from homespun_finetune.training_step import TrainingTask, train_adapter
from homespun_model.bases.base import Base, load_base
from homespun_model.completer import Completer
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.engines.loading import load_engine
from published_recipe import Sheets, examined, figures, gains, general_holes, quiet
from refresh_schedule import fix_budget

LINES = 60


@dataclass(frozen=True)
class Questions:
    """The exam."""

    holes: list[Sample]
    general: list[Sample]
    ngrams: NgramIndex


def main() -> None:
    parser = argparse.ArgumentParser(description="what a training setting is worth")
    parser.add_argument("repository", type=Path)
    parser.add_argument("setting")
    parser.add_argument("values", type=json.loads, nargs="+")  # some are whole numbers
    parser.add_argument("--tokens", type=float, default=4e5)
    parser.add_argument("--holes", type=int, default=150)
    parser.add_argument("--base", default="starter")
    options = parser.parse_args()
    fix_budget(options.tokens)
    base, mined = load_base(options.base), mine(Repository.open(options.repository), MineSettings())
    material = mined.material
    assert material is not None
    files = (file for index in material.indexes.values() for file in index.files())
    ngrams = NgramIndex()
    ngrams.update({path: base.tokenizer.encode(text) for path, text in files})
    questions = Questions(
        held_out(mined.samples("test"), "new", 0, material)[: options.holes],
        general_holes(),
        ngrams,
    )
    told("base", answered(base, None, questions))
    first: Sheets | None = None
    for value in options.values:
        settings = replace(TrainSettings(), **{options.setting: value})
        with tempfile.TemporaryDirectory() as folder:
            task = TrainingTask(base, mined, full_plan(mined, 0), settings)
            train_adapter(task, Path(folder), None, seconds=1e9, stage=quiet("training"))
            name = f"{options.setting} {value:g}"
            sheets = answered(base, Path(folder), questions)
        told(name, sheets)
        if first is not None:
            print(f"  against the first: {gains(first, sheets)}", flush=True)
        first = first or sheets


def answered(base: Base, folder: Path | None, questions: Questions) -> Sheets:
    """The base's answers, or those of the adapter in ``folder``, merged as editors are served."""
    completer = Completer(base, load_engine(base, folder), None)
    served = ServedModel(completer, questions.ngrams)
    holes = questions.holes
    return examined(served, completer, holes, len(holes), questions.general, lines=LINES)


def told(name: str, sheets: Sheets) -> None:
    typing = summarise(sheets.new, sheets.typed)
    print(f"{name:16} {figures(sheets)}")
    print(
        f"  typing saved {typing.typing_balance:.1%}, accepted {typing.typing_accepted:.1%}, "
        f"{typing.wrong_shown:.2f} wrong a line ({len(sheets.typed)} lines)",
        flush=True,
    )


if __name__ == "__main__":
    main()
