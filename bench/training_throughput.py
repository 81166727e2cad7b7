"""Our training loop against a bare PyTorch loop: same model, batches and precision.

    python bench/training_throughput.py [--base starter] [--steps 8] [--rounds 3] [--length 600]
                                        [--rank 32] [--micro 8]

Both train the same adapter on the same random batches, in turns of a few steps, so that whatever
else the machine does meets both alike. Ours is ``WeightedTrainer``, with its data loader, its
clipping, its schedule, its early stopping and its checkpoints (a minute apart, as in a run), over
packed rows where the base is a dense decoder; the bare one is peft's forward pass, backward, clip,
step, zero, over padded rows, with a loss that never holds all logits; with ``--plain-loss`` it
takes transformers' own, as one would without reading further. Prints tokens a second of processor
time and of wall clock, their ratio, and what share that is of the products' own speed: of the
weights' products forward and back, without attention and output layer, at the speed of one large
product timed in the same run.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, cast

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from homespun_finetune.adapted_model import AdaptedModel
from homespun_finetune.adapter import lora
from homespun_finetune.batches import EncodedSample
from homespun_finetune.budget import TokenBudget, autocast, best_device
from homespun_finetune.checkpoint import Checkpointer
from homespun_finetune.early_stopping import EarlyStopping
from homespun_finetune.loss import Batch, WeightedLoss, loss_of
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings
from homespun_finetune.trainer import StepLayout, WeightedTrainer, arguments
from homespun_finetune.training_data import Tokens, TrainingData
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.memory import holds_bf16
from homespun_model.engines.dense_shape import Shape
from peft import PeftModel
from rich.console import Console

RATE = 1e-4
ROWS = 4096  # of the product that the wall is taken from


def main() -> None:
    parser = argparse.ArgumentParser(description="our training loop against a bare one")
    parser.add_argument("--base", default="starter")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--length", type=int, default=600)
    parser.add_argument("--rank", type=int, help="of the adapter (a run's unless given)")
    parser.add_argument("--micro", type=int, help="samples at a time (all of a step unless given)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--plain-loss", action="store_true")
    options = parser.parse_args()
    base, settings = load_base(options.base), TrainSettings()
    if options.rank:
        settings = replace(settings, rank=options.rank, alpha=2 * options.rank)
    examples = invented(base, options.steps * settings.batch_size, options.length)
    tokens_of = Tokens(pad=base.fim.end, end=base.fim.end)
    collator = TrainingData((), (), tokens_of).collator(settings)
    how, micro = options.precision, options.micro or settings.batch_size
    runs: dict[str, Callable[[], None]] = {
        "bare": bare(
            base, settings, examples, collator, how, micro=micro, plain_loss=options.plain_loss
        ),
        "ours": ours(base, settings, examples, collator, how, micro=micro),
    }
    tokens = sum(map(len, examples))
    walls: list[float] = []
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(options.rounds + 1):
        for name, run in runs.items():
            speed = timed(run, tokens)
            if number:  # the first round warms up
                speeds[name].append(speed)
        walls.append(of_products(base))
    for name, found in speeds.items():
        processor, wall = (median(column) for column in zip(*found, strict=True))
        print(f"{name}: {processor:.0f} tokens a processor second, {wall:.0f} a second")
    pairs = list(zip(speeds["ours"], speeds["bare"], strict=True))
    ratios = [[a[i] / b[i] for a, b in pairs] for i in (0, 1)]
    print(
        f"products alone: {median(walls):.0f} tokens a processor second; share of ours: "
        f"{median(a[0] for a in speeds['ours']) / median(walls):.2f}"
    )
    print(
        f"ratio of ours to bare, median of {options.rounds} rounds: {median(ratios[0]):.3f} by "
        f"processor time, {median(ratios[1]):.3f} by wall clock"
    )


def of_products(base: Base) -> float:
    """Tokens a processor second if a step were its large products and these were bf16's best."""
    shape = Shape.of(base.config)
    if shape is None:
        return math.nan
    sizes = shape.weights().items()
    layers = sum(math.prod(size) for name, size in sizes if name.startswith("model.layers."))
    rows, inner, outer = torch.empty(ROWS, 4096), torch.empty(4096, 1024), 3
    left, right = rows.bfloat16().fill_(0.5), inner.bfloat16().fill_(0.5)
    begun = time.process_time()
    for _ in range(outer):
        left @ right
    flops = 2 * outer * ROWS * 4096 * 1024 / (time.process_time() - begun)
    return flops / (4 * layers)


def timed(run: Callable[[], None], tokens: int) -> tuple[float, float]:
    """Tokens a second: of the processor's time, and of the clock's."""
    processor, wall = time.process_time(), time.perf_counter()
    run()
    return tokens / (time.process_time() - processor), tokens / (time.perf_counter() - wall)


def invented(base: Base, count: int, length: int) -> list[EncodedSample]:
    """Random ids, all of one length: both loops are given the same batches."""
    rng = np.random.default_rng(0)
    return [
        EncodedSample(
            rng.integers(16, base.tokenizer.size, length, dtype=np.int32), start=length - 24
        )
        for _ in range(count)
    ]


def adapted(base: Base, settings: TrainSettings) -> PeftModel:
    torch.manual_seed(0)
    dtype = torch.bfloat16 if holds_bf16(base.parameters) else torch.float32
    model = lora(base.load_model(dtype), settings)
    return cast(PeftModel, cast(torch.nn.Module, model).to(best_device()).train())


def bare(
    base: Base,
    settings: TrainSettings,
    examples: Sequence[EncodedSample],
    collator: Callable[[Sequence[EncodedSample]], Batch],
    precision: Any,
    *,
    micro: int,
    plain_loss: bool,
) -> Callable[[], None]:
    """What anybody would write first."""
    model, device, size = adapted(base, settings), best_device(), settings.batch_size
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE, fused=True)
    weighted_loss = WeightedLoss(model)
    parts = [collator(examples[i : i + micro]) for i in range(0, len(examples), micro)]

    def run() -> None:
        for number, batch in enumerate(parts, 1):
            here = {name: tensor.to(device) for name, tensor in batch.items()}
            with autocast(precision, device):
                if plain_loss:
                    ids = here["input_ids"]
                    loss = model(input_ids=ids, labels=ids, use_cache=False).loss
                else:
                    loss = weighted_loss(**here)
            (loss * micro / size).backward()
            if number * micro % size:
                continue
            torch.nn.utils.clip_grad_norm_(weights, settings.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return run


def ours(
    base: Base,
    settings: TrainSettings,
    examples: Sequence[EncodedSample],
    collator: Callable[[Sequence[EncodedSample]], Batch],
    precision: Any,
    *,
    micro: int,
) -> Callable[[], None]:
    """The loop of a run, but for validation, whose share of the time is planned apart."""
    model, size = adapted(base, settings), settings.batch_size
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    learner = AdaptedModel(model, loss_of(model, dtype), best_device(), precision)
    steps = len(examples) // size
    folder = tempfile.TemporaryDirectory()
    work = Path(folder.name)

    def run() -> None:
        assert folder  # it goes with the closure
        stopping = EarlyStopping(
            learner,
            [],
            TokenBudget(1e9, 1.0, precision),
            steps=steps,
            validations=0,
            settings=settings,
            stage=Stage("training", Console(stderr=True, quiet=True)),
        )
        keeper = Checkpointer(work, model, stopping, {}, None)
        how = arguments(
            settings,
            StepLayout(steps=steps, batch=size, micro=micro),
            rate=RATE,
            precision=precision,
            work=work,
            device=learner.device,
        )
        WeightedTrainer(
            learner.weighted_loss,
            how,
            data_collator=collator,
            train_dataset=cast(Any, list(examples)),
            callbacks=[stopping, keeper],
        ).train()

    return run


if __name__ == "__main__":
    main()
