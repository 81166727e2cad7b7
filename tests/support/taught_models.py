"""A tiny base and a tiny adapter that were taught one answer each, whatever they are asked.

So that a test can tell from an answer which weights gave it, through everything that lies between:
prompt, decoding, trimming, the store, the server.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from generic_adapters import give_generic
from homespun_corpus.place import Place, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.store.store import AdapterStore, Revision
from peft import LoraConfig, get_peft_model
from tiny_models import CODE, tiny_base

BASE_SAYS = "return width * height"
ADAPTER_SAYS = "return self.books"
STEPS = 400  # at most
KNOWN = 0.01  # mean loss of a token by which an answer is known by heart


@dataclass(frozen=True)
class Taught:
    """Where they are and what they say."""

    base: Path
    adapter: Path
    base_says: str
    adapter_says: str

    def publish(self, store: AdapterStore, repository: str, **manifest: Any) -> Revision:
        """Publish the adapter as ``finetune-repo`` would."""
        staged = store.stage(repository)
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            shutil.copyfile(self.adapter / name, staged / name)
        base = load_base(str(self.base))
        about = {"base": base.record.to_json(), "prompt_version": base.prompt_versions[-1]}
        return store.publish(repository, staged, about | manifest)

    def give_generic(self) -> Path:
        """Put the adapter where the base finds its generic one."""
        return give_generic(load_base(str(self.base)), self.adapter)


def teach(folder: Path, *, head: int = 16) -> Taught:
    """Make both; a few seconds."""
    base_folder = tiny_base(folder / "base", head=head)
    base = load_base(str(base_folder))
    model = base.load_model().train()
    _calm(model)
    _train(base, model, BASE_SAYS, model.parameters(), 3e-3)
    model.save_pretrained(base_folder)
    base = load_base(str(base_folder))
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(base.load_model().train(), lora)
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    _train(base, adapted, ADAPTER_SAYS, trained, 3e-3)
    adapted.save_pretrained(folder / "adapter")
    return Taught(base_folder, folder / "adapter", BASE_SAYS, ADAPTER_SAYS)


def _calm(model: torch.nn.Module) -> None:
    """Weights so small that what it is asked matters less than what it has said last."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and "embed" not in name:
            parameter.mul_(0.2)
        parameter.requires_grad_()


def _train(
    base: Base,
    model: torch.nn.Module,
    answer: str,
    parameters: Iterable[torch.nn.Parameter],
    rate: float,
) -> None:
    """Teach ``answer`` at cursors anywhere, until it is known at twenty in a row."""
    torch.manual_seed(0)
    parameters = list(parameters)
    optimizer = torch.optim.AdamW(parameters, lr=rate)
    prompts = base.prompts()
    middle = [*prompts.encode_middle(answer), base.fim.end]
    rng = random.Random(0)
    streak = 0
    for _ in range(STEPS):
        prompt = prompts.build(_anywhere(rng))
        ids = torch.tensor([prompt + middle])
        labels = torch.tensor([[-100] * len(prompt) + middle])
        loss = model(input_ids=ids, labels=labels).loss
        streak = streak + 1 if loss.item() < KNOWN else 0
        if streak == 20:
            return
        optimizer.zero_grad()
        loss.backward()
        # Without it one odd cursor undoes a streak, on some processors every time.
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    raise AssertionError(f"not taught: loss {loss.item():.2f}")


def _anywhere(rng: random.Random) -> Place:
    """A cursor in some of the code, all of it or none, now and then behind what no code holds."""
    start, end = sorted(rng.randrange(len(CODE)) for _ in range(2))
    odd = "x = 1\n    é😀\f\n    " if rng.random() < 0.2 else ""
    text = CODE[start:end] + odd
    path = f"{rng.choice('abcdefgh') * rng.randrange(8)}.py"
    return place_at(text, rng.randint(0, len(text)), path=path, language="python")
