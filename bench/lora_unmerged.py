"""Adapters merged into copies of a base, and beside it: time and memory, by the base's size.

    python bench/beside.py --millions 20 45 110 210

Randomly initialised Qwen3 models of about so many million parameters with an adapter of the usual
shape. "merged" runs through transformers, "lean" is what small bases are served with. Processor
time of one thread, medians, taken by turns. ``memory.SMALL`` comes from these figures.
"""

from __future__ import annotations

import argparse
import gc
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from homespun_finetune.adapter import lora, save_adapter
from homespun_finetune.settings import TrainSettings
from homespun_model.bases import memory
from homespun_model.bases.base import Base, load_base
from homespun_model.engines.engine import Engine
from homespun_model.engines.loading import load_engine
from homespun_model.engines.lora_merged import merged
from homespun_model.engines.transformers_engine import TransformersEngine
from transformers import Qwen3Config, Qwen3ForCausalLM

PROMPT, DRAFT, TOKENS = 256, 6, 8
KINDS = ("token", "draft", "prompt")
WIDTHS = {20: 384, 45: 512, 110: 768, 210: 1024, 380: 1280}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=int, nargs="+", choices=WIDTHS, default=[20, 110])
    parser.add_argument("--repeats", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for millions in options.millions:
        with tempfile.TemporaryDirectory() as folder:
            compare(
                make(Path(folder) / "base", millions), Path(folder) / "adapter", options.repeats
            )
        gc.collect()


def make(folder: Path, millions: int) -> Base:
    """A base of random weights with the starter's tokenizer, saved in ``folder``."""
    starter, width = load_base(), WIDTHS[millions]
    config = Qwen3Config(
        vocab_size=8192,
        hidden_size=width,
        intermediate_size=3 * width,
        num_attention_heads=width // 64,
        num_key_value_heads=2,
        head_dim=64,
        tie_word_embeddings=True,
        num_hidden_layers=round((millions * 1e6 - 8192 * width) / (11.25 * width**2)),
    )
    Qwen3ForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "fim_format.json"):
        shutil.copyfile(starter.files.path / name, folder / name)
    return load_base(str(folder))


def compare(base: Base, folder: Path, repeats: int) -> None:
    """Print what a token, a draft and a prompt take each way, and the memory of an adapter."""
    adapt(base, folder)
    ways: dict[str, Engine] = {"merged": TransformersEngine(merged(base.load_model(), folder))}
    ways |= served(base, folder)
    times: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name in ways}
    for _ in range(repeats):
        for name, engine in ways.items():
            measure(engine, times[name])
    print(f"{base.parameters / 1e6:.0f} million parameters")
    for name, engine in ways.items():
        parts = [
            f"{what} {1e3 * (median := statistics.median(taken)):6.1f} ms "
            f"({median / statistics.median(times['merged'][what]):.2f})"
            for what, taken in times[name].items()
        ]
        print(f"  {name:<8}{'  '.join(parts)}  {engine.size / 2**20:6.0f} MB")


def adapt(base: Base, folder: Path) -> None:
    """Save an adapter that is not neutral."""
    folder.mkdir()
    adapted = lora(base.load_model(), TrainSettings())
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight.data, std=0.02)
    save_adapter(adapted, folder, base.id)


def served(base: Base, folder: Path) -> dict[str, Engine]:
    """The adapter beside the base and, where that is served, lean."""
    ways: dict[str, Engine] = {}
    limit = memory.SMALL
    if memory.is_small(base.parameters):
        ways["lean"] = load_engine(base, folder)
    memory.SMALL = 0
    ways["beside"] = load_engine(base, folder)
    memory.SMALL = limit
    return ways


@torch.inference_mode()
def measure(engine: Engine, times: dict[str, list[float]]) -> None:
    """Add to ``times`` those of one reading."""
    sequence, rng = engine.begin(), random.Random(0)
    ids = rng.choices(range(8000), k=PROMPT)
    times["prompt"].append(timed(lambda: sequence.run(ids, 1)))
    for _ in range(TOKENS):
        times["token"].append(timed(lambda: sequence.run(ids[:1], 1)))
        times["draft"].append(timed(lambda: sequence.run(ids[:DRAFT], DRAFT)))


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
