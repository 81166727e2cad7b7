"""A training run of a tiny model in a process of its own, to be killed or shared by several.

    python training_in_a_process.py FOLDER [--kill-at SHARE] [--no-dropout] [--micro N]

Trains with a given budget, keeps its checkpoints (one a step) in FOLDER/kept, writes the adapter
into FOLDER/adapter, what the run says of itself into FOLDER/trained.json, and the first ids of each
step's samples into FOLDER/order-RANK.jsonl. With ``--kill-at`` the
process kills itself, as the system would, at that share of its steps.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from homespun_finetune import adapted_model, checkpoint, processes, training_budget
from homespun_finetune.adapter import save_adapter
from homespun_finetune.budget import TokenBudget
from homespun_finetune.progress import Stage
from homespun_finetune.train import TrainingFolders, fine_tune
from homespun_finetune.trainer import WeightedTrainer
from homespun_finetune.training_data import TrainingData
from rich.console import Console
from tiny_training import QUICK, TOKENS, examples, tiny_model

PASSES, BATCH = 4, 4
SETTINGS = type(QUICK)(**{**QUICK.to_json(), "passes": PASSES, "dropout": 0.1})


class Killing(Stage):
    """A stage that ends its process, without a word, at a share of the work."""

    kill_at: float = 2.0

    def update(self, done: float, note: str = "") -> None:
        del note
        if done >= self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def write_order(file: Path) -> None:
    """Note what each step of this process reads."""
    gather = WeightedTrainer.get_batch_samples

    def noting(self: WeightedTrainer, *arguments: Any) -> Any:
        parts, weight = gather(self, *arguments)
        with file.open("a") as out:
            ids = [row.tolist() for part in parts for row in part["input_ids"]]
            out.write(json.dumps([[i for i in row if i] for row in ids]) + "\n")
        return parts, weight

    WeightedTrainer.get_batch_samples = noting  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kill-at", type=float, default=2.0)
    parser.add_argument("--no-dropout", action="store_true")
    parser.add_argument("--micro", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint.EVERY = 0.0
    # A budget that nobody measures: what two runs do must not hang on how fast they were.
    training_budget.TokenBudget = lambda *_: TokenBudget(1e4, 1e4, "fp32")  # type: ignore[assignment,misc]
    adapted_model.best_precision = lambda _device: "fp32"
    if options.micro:
        training_budget.micro_batch = lambda *_, **__: options.micro  # type: ignore[assignment]
    options.folder.mkdir(parents=True, exist_ok=True)
    write_order(options.folder / f"order-{os.environ.get('RANK', '0')}.jsonl")
    settings = replace(SETTINGS, dropout=0.0) if options.no_dropout else SETTINGS
    kept, work = options.folder / "kept", options.folder / "work"
    kept.mkdir(exist_ok=True)
    stage = Killing("training", Console(stderr=True))
    stage.kill_at = options.kill_at
    trained = fine_tune(
        tiny_model(),
        TrainingData(examples(24), examples(12, seed=1), TOKENS),
        settings,
        TrainingFolders(work, kept=kept),
        seconds=60,
        stage=stage,
    )
    if processes.is_first():
        adapter = options.folder / "adapter"
        adapter.mkdir()
        save_adapter(trained.model, adapter, "tiny")
        (options.folder / "trained.json").write_text(json.dumps(trained.to_json()))


if __name__ == "__main__":
    main()
