"""Our recipe against HF personal copilot's published one: same base, same code, same minutes.

    python bench/published_recipe.py REPOSITORY [--minutes 10 | --tokens 5e5] [--batch 64]

Theirs: whole files packed without regard to functions, a random span as the hole in half of them
and half of these suffix first, loss on every token, nothing from other files, LoRA of rank 32 with
dropout 0.1, rate 3e-4 along a cosine with a tenth of warm-up, weight decay 0.1, 64 samples a step;
``--batch 8`` gives theirs more steps in short time. Both train for the same minutes, or for the
same number of tokens, which a busy machine does not change; both sit the exam without anything to
copy: held-out holes of new functions, code in general. Prints each one's figures and what ours
gains over theirs, with intervals over whole files.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.eval_material import EvalMaterial
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.adapter import save_adapter
from homespun_finetune.batches import EncodedSample
from homespun_finetune.evidence import weigh
from homespun_finetune.holdout import Answerer, answered, held_out
from homespun_finetune.metrics import HoleResult, Interval, SimulatedLine, summarise
from homespun_finetune.progress import Stage, Turn
from homespun_finetune.refresh import full_plan
from homespun_finetune.settings import TrainSettings
from homespun_finetune.sitting import Asked, Sitting
from homespun_finetune.stdlib_samples import measured_samples
from homespun_finetune.train import TrainingFolders, fine_tune
from homespun_finetune.training_data import Tokens, TrainingData
from homespun_finetune.training_step import TrainingTask, train_adapter
from homespun_model.bases.base import Base, load_base
from homespun_model.completer import Completer
from homespun_model.engines.loading import load_engine
from refresh_schedule import fix_budget
from rich.console import Console

HOLES, COMPLETIONS, GENERAL = 300, 200, 120
FIM_RATE, SUFFIX_FIRST = 0.5, 0.5
PUBLISHED = TrainSettings(
    rank=32,
    alpha=64,
    dropout=0.1,
    learning_rate=3e-4,
    warmup=0.1,
    weight_decay=0.1,
    end_weight=1.0,
    prompt_weight=1.0,
    general_share=0.0,
)


@dataclass(frozen=True)
class Sheets:
    """What one model answered: the held-out holes, lines typed at them, and code in general."""

    new: tuple[HoleResult, ...]
    typed: tuple[SimulatedLine, ...]
    general: tuple[HoleResult, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description="our recipe against a published one")
    parser.add_argument("repository", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--tokens", type=float)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--base", default="starter")
    options = parser.parse_args()
    base, seconds = load_base(options.base), options.minutes * 60
    if options.tokens:
        fix_budget(options.tokens)
    mined = mine(Repository.open(options.repository), MineSettings())
    exam = held_out(mined.samples("test"), "new", 0)[:HOLES]
    general = general_holes()
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = Path(scratch, "ours"), Path(scratch, "theirs")
        for folder in (ours, theirs):
            folder.mkdir()
        task = TrainingTask(base, mined, full_plan(mined, 0), TrainSettings())
        train_adapter(task, ours, None, seconds=seconds, stage=quiet("ours"))
        learn_as_published(base, mined, theirs, seconds, options.batch)
        folders = {"base": None, "published": theirs, "ours": ours}
        models = {
            name: Completer(base, load_engine(base, folder), None)
            for name, folder in folders.items()
        }
    sheets = {
        name: examined(model, model, exam, COMPLETIONS, general) for name, model in models.items()
    }
    for name, sheet in sheets.items():
        print(f"{name:10} {figures(sheet)}")
    for name in ("published", "base"):
        print(f"ours against {name}: {gains(sheets[name], sheets['ours'])}")


def quiet(name: str) -> Stage:
    return Stage(name, Console(stderr=True, quiet=True))


def learn_as_published(base: Base, mined: Mined, folder: Path, seconds: float, batch: int) -> None:
    """An adapter by the published recipe, in ``folder``."""
    material = mined.material
    assert material is not None
    rng = random.Random(0)
    documents = list(packed(base, files_of(material)))
    rng.shuffle(documents)
    cut = len(documents) // 20
    examples = [published_example(base, ids, rng) for ids in documents]
    settings = replace(PUBLISHED, batch_size=batch)
    trained = fine_tune(
        base.load_model(),
        TrainingData(examples[cut:], examples[:cut], Tokens(pad=base.fim.end, end=base.fim.end)),
        settings,
        TrainingFolders(work=folder),
        seconds=seconds,
        stage=quiet("published"),
    )
    assert trained.model is not None
    save_adapter(trained.model, folder, base.id)


def files_of(material: EvalMaterial) -> Iterator[str]:
    """The files that our recipe learns functions of, whole, as they were at the split."""
    learnt = {function.path for function in material.kept}
    files = chain.from_iterable(index.files() for index in material.indexes.values())
    return (text for path, text in files if path in learnt)


def packed(base: Base, texts: Iterator[str]) -> Iterator[list[int]]:
    """All files one after the other, cut to the length of a context with its sentinels."""
    room, open_ids = base.context_length - 4, list[int]()
    for text in texts:
        open_ids += [*base.tokenizer.encode(text), base.fim.end]
        while len(open_ids) >= room:
            yield open_ids[:room]
            open_ids = open_ids[room:]


def published_example(base: Base, ids: list[int], rng: random.Random) -> EncodedSample:
    """The document as it is, or with the span between two random places at its end."""
    fim = base.fim
    assert fim.middle is not None
    if rng.random() >= FIM_RATE:
        return EncodedSample(np.asarray(ids, dtype=np.int32), start=1)
    first, last = sorted(rng.sample(range(len(ids) + 1), 2))
    prefix, middle, suffix = ids[:first], ids[first:last], ids[last:]
    if rng.random() < SUFFIX_FIRST:
        prompt = [fim.prefix, fim.suffix, *suffix, fim.middle, *prefix]
    else:
        prompt = [fim.prefix, *prefix, fim.suffix, *suffix, fim.middle]
    return EncodedSample(np.asarray([*prompt, *middle, fim.end], dtype=np.int32), start=1)


def general_holes() -> list[Sample]:
    """Holes in code in general."""
    return list(islice((s for s in measured_samples(0) if s.middle.strip()), GENERAL))


def examined(
    answering: Answerer,
    model: Answerer,
    exam: Sequence[Sample],
    completed: int,
    general: Sequence[Sample],
    *,
    lines: int = 0,
) -> Sheets:
    """What is answered in the exam, and by the model itself in code in general."""
    turn = Turn(quiet("exam"), 1e9)
    sitting = Sitting(Asked(whole=completed, lines=lines))
    sitting.ask(answering, exam[:completed], turn)
    scored = [answered(answering, hole) for hole in exam[completed:]]
    return Sheets(
        (*sitting.results, *scored),
        tuple(sitting.lines),
        tuple(answered(model, hole) for hole in general),
    )


def figures(sheets: Sheets) -> str:
    new, general = summarise(sheets.new, ()), summarise(sheets.general, ())
    return (
        f"bits per byte {new.bits_per_byte:.3f}  first line exact {new.exact_line:.1%}  whole "
        f"{new.exact_match:.1%}  edit similarity {new.edit_similarity:.1%}  ends by itself "
        f"{new.ends_itself:.1%}  code in general {general.bits_per_byte:.3f} bits  "
        f"({new.holes} holes, {new.completions} completed)"
    )


def gains(before: Sheets, after: Sheets) -> str:
    new, general = weigh(before.new, after.new), weigh(before.general, after.general)
    return (
        f"bits saved {shown(new.gain)}, first lines {shown(new.exact_line)}, whole "
        f"{shown(new.exact_match)}, bits saved on code in general {shown(general.gain)}"
    )


def shown(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


if __name__ == "__main__":
    main()
