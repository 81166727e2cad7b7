"""Refreshing against training from the base, over successive windows of one repository's history.

    python bench/refresh_schedule.py REPOSITORY [--windows 10] [--commits 40] [--tokens 4e5]
                                     [--work FOLDER]

The history is cut into windows of so many first-parent commits, the newest last. At the end of each
the repository is mined as it was then, and three adapters are trained with the same budget of
tokens (a budget, not minutes: a busy machine changes nothing): ``base`` from the base on
everything, ``chain`` by refreshing the last window's chain, and ``weekly``, a chain that begins
at the base again every fifth window. All sit the same exam: code newer than what any of them read.
Prints a line a window (bits per byte of the base and of each, and of code in general) and at the
end each schedule's mean gain over the base and the tokens it took. What is finished is noted in
FOLDER/windows.jsonl, so that a run of hours goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.reading.rules_version import JUDGING_VERSION
from homespun_corpus.repo.repository import Repository
from homespun_finetune.budget import SAFETY, TokenBudget, best_device, best_precision
from homespun_finetune.early_stopping import EarlyStopping
from homespun_finetune.holdout import held_out
from homespun_finetune.metrics import bits_of
from homespun_finetune.progress import Stage
from homespun_finetune.refresh import TrainingPlan, full_plan, refresh_plan, unseen
from homespun_finetune.settings import TrainSettings
from homespun_finetune.stdlib_samples import measured_samples
from homespun_finetune.training_budget import BudgetTrial, TrainingBudget
from homespun_finetune.training_step import TrainingTask, generic_for, train_adapter
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.plain_lora import WEIGHTS
from homespun_model.completer import Completer
from homespun_model.engines.loading import load_engine
from homespun_model.store.store import Revision
from rich.console import Console

SCHEDULES = ("base", "chain", "weekly")
WEEK = 5  # windows after which "weekly" begins at the base again
HOLES, GENERAL = 120, 60


def main() -> None:
    parser = argparse.ArgumentParser(description="refreshing against training from the base")
    parser.add_argument("repository", type=Path)
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--commits", type=int, default=40)
    parser.add_argument("--tokens", type=float, default=4e5)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    fix_budget(options.tokens)
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        notes = work / "windows.jsonl"
        done = (
            [json.loads(line) for line in notes.read_text().splitlines()] if notes.is_file() else []
        )
        base, ends = load_base(options.base), window_ends(options)
        for number in range(len(done), len(ends)):
            done.append(window(base, options.repository, ends[number], number, work))
            with notes.open("a") as out:
                out.write(json.dumps(done[-1]) + "\n")
            print(json.dumps(done[-1]), flush=True)
    print(summary(done))


def fix_budget(tokens: float) -> None:
    """The same tokens for every training of this process, whatever the machine is doing."""
    budget = TokenBudget(tokens / SAFETY / 1000, 1000.0, best_precision(best_device()))

    def within(trial: Any, _seconds: float, _stage: Stage) -> TrainingBudget:
        return TrainingBudget(budget, trial._micro(trial._step_size()))

    patch.object(BudgetTrial, "within", within).start()
    patch.object(EarlyStopping, "_is_late", lambda *_: False).start()


def window_ends(options: argparse.Namespace) -> list[str]:
    """The last commit of each window, oldest first."""
    commits = [commit.id for commit in Repository.open(options.repository).history()]
    return commits[:: options.commits][: options.windows][::-1]


def window(base: Base, origin: Path, commit: str, number: int, work: Path) -> dict[str, Any]:
    """Train each schedule's adapter as of one commit, and put all to the same exam."""
    folder = work / f"window-{number}"
    mined = mine(Repository.open(as_of(origin, commit, work / "clone")), MineSettings())
    trained: dict[str, TrainingPlan] = {}
    same: dict[tuple[bytes, tuple[int, ...]], str] = {}
    for schedule in SCHEDULES:
        before = previous(work / f"window-{number - 1}" / schedule)
        from_base = schedule == "base" or (schedule == "weekly" and number % WEEK == 0)
        plan = (
            full_plan(mined, 0)
            if from_base
            else refresh_plan(
                mined, before, 0, base.prompt_versions[-1], generic_for(base, TrainSettings())
            )
        )
        start = (before.path / WEIGHTS).read_bytes() if before and plan.start else b""
        twin = same.setdefault((start, tuple(plan.rows)), schedule)
        if twin == schedule:
            learn(base, mined, plan, folder / schedule, before)
        else:  # the same training: it would come to the same
            shutil.copytree(folder / twin, folder / schedule)
        trained[schedule] = plan
    exam = fair_exam(mined, [previous(folder / schedule) for schedule in SCHEDULES])
    general = list(islice((s for s in measured_samples(0) if s.middle.strip()), GENERAL))
    figures: dict[str, Any] = {"window": number, "commit": commit, "holes": len(exam)}
    for name in ("untuned", *SCHEDULES):
        completer = tuned(base, folder / name)
        learnt = trained.get(name)
        figures[name] = {
            "bits": round(bits(completer, exam), 4),
            "general": round(bits(completer, general), 4),
            "from": learnt.start.name if learnt and learnt.start else None,
            "changed": learnt.changed if learnt else 0,
            "samples": len(learnt.rows) if learnt else 0,
            "tokens": spent(folder / name),
        }
    return figures


def as_of(origin: Path, commit: str, clone: Path) -> Path:
    """A bare clone whose HEAD is the commit; the objects are shared."""
    if not clone.exists():
        run = ["git", "clone", "-q", "--bare", "--shared", str(origin), str(clone)]
        subprocess.run(run, check=True)
    subprocess.run(
        ["git", "-C", str(clone), "update-ref", "--no-deref", "HEAD", commit], check=True
    )
    return clone


def learn(
    base: Base, mined: Mined, plan: TrainingPlan, folder: Path, before: Revision | None
) -> None:
    """One training; where nothing has changed, the adapter stays as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    version = base.prompt_versions[-1]
    about = {
        "rules": JUDGING_VERSION,
        "prompt_version": version,
        "split": mined.manifest["split"],
        "tokens": 0,
    }
    if plan.rows:
        task = TrainingTask(base, mined, plan, TrainSettings())
        quiet = Stage("training", Console(stderr=True, quiet=True))
        trained = train_adapter(task, folder, None, seconds=1e9, stage=quiet)
        about["tokens"] = trained.tokens
    elif before is not None:
        for file in before.path.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "manifest.json").write_text(json.dumps(about))


def previous(folder: Path) -> Revision | None:
    """The adapter in a folder as the store would give it."""
    file = folder / "manifest.json"
    if not file.is_file():
        return None
    return Revision("bench", folder.parent.name, folder, json.loads(file.read_text()))


def fair_exam(mined: Mined, adapters: Sequence[Revision | None]) -> list[Sample]:
    """Held-out holes that no adapter has learnt."""
    samples = list(mined.samples("test"))
    for adapter in adapters:
        known = unseen(mined, adapter)[0]
        samples = [sample for sample in samples if sample in known]
    return held_out(samples, "new", 0)[:HOLES]


def tuned(base: Base, folder: Path) -> Completer:
    return Completer(base, load_engine(base, folder if folder.is_dir() else None), None)


def spent(folder: Path) -> int:
    about = previous(folder)
    return int(about.manifest["tokens"]) if about else 0


def bits(completer: Completer, holes: Sequence[Sample]) -> float:
    pairs = [(hole.place, hole.middle) for hole in holes]
    scores = [s for i in range(0, len(pairs), 8) for s in completer.score_many(pairs[i : i + 8])]
    return bits_of(sum(s.nats for s in scores)) / max(1, sum(s.bytes for s in scores))


def summary(done: Sequence[dict[str, Any]]) -> str:
    """Means over the windows; the first is the same for all."""
    lines = [f"{len(done)} windows; gain in bits per byte over the base, and what it cost:"]
    for name in SCHEDULES:
        gain = fmean(w["untuned"]["bits"] - w[name]["bits"] for w in done)
        lost = fmean(w[name]["general"] - w["untuned"]["general"] for w in done)
        tokens = sum(w[name]["tokens"] for w in done)
        lines.append(
            f"  {name:7} {gain:+.4f}, code in general {lost:+.4f} lost, "
            f"{tokens / 1000:.0f} thousand tokens"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
