"""The pretraining loop: rows of token ids in, weights out. The same code on a CPU and on a GPU.

Killed at any point, it goes on from its last checkpoint to the same result: the order of the rows
depends on the seed and the step alone.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from homespun_model.bases.families import STARTER
from tokenizers import Tokenizer
from transformers import Qwen3Config, Qwen3ForCausalLM

from homespun_finetune.fused_loss import weighted_nats
from homespun_finetune.pretrain.rows import END, MIDDLE, PackedRows
from homespun_finetune.pretrain.schedule import rate_at
from homespun_finetune.pretrain.settings import ModelSettings, PretrainSettings, Recipe

CHECKPOINT = "checkpoint.pt"
HELD_OUT_ROWS = 64  # rows of held-out text behind each printed loss


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean nats a token: over all tokens, and over those of middles alone."""

    all: float
    middle: float


def build_model(settings: ModelSettings, vocabulary: int, pad: int, end: int) -> Qwen3ForCausalLM:
    """A randomly initialised model. head_dim is given: Qwen3 does not take hidden / heads."""
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.kv_heads,
        head_dim=settings.head_dim,
        max_position_embeddings=settings.context_length,
        tie_word_embeddings=True,
        pad_token_id=pad,
        eos_token_id=end,
        bos_token_id=None,
        use_cache=False,
    )
    return Qwen3ForCausalLM(config)


def new_model(recipe: Recipe, vocabulary: Path) -> Qwen3ForCausalLM:
    """The recipe's model with the recipe's random weights."""
    torch.manual_seed(recipe.train.seed)
    tokenizer = Tokenizer.from_file(str(vocabulary))
    fim = STARTER.resolve(tokenizer.token_to_id)
    assert fim.pad is not None
    return build_model(recipe.model, tokenizer.get_vocab_size(), fim.pad, fim.end)


def load_weights(folder: Path) -> Qwen3ForCausalLM:
    """Weights that an earlier run exported, in fp32 to be trained on."""
    model: Qwen3ForCausalLM = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model


def load_checkpoint(recipe: Recipe, vocabulary: Path, directory: Path) -> Qwen3ForCausalLM:
    """The model of a run's last checkpoint."""
    model = new_model(recipe, vocabulary)
    state = torch.load(directory / CHECKPOINT, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    return model


class Trainer:
    """One run. ``directory`` holds its checkpoint and its log of losses."""

    def __init__(
        self,
        recipe: Recipe,
        model: Qwen3ForCausalLM,
        rows: PackedRows,
        held: PackedRows,
        directory: Path,
    ) -> None:
        self.recipe, self.settings, self.directory = recipe, recipe.train, directory
        self.rows, self.held = rows, held
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model
        self.model.to(device=self.device)  # type: ignore[call-arg]
        body: Any = model.model  # without the output layer: ``head`` has that
        self.forward: Any = torch.compile(body) if self.device.type == "cuda" else body
        self.optimizers = make_optimizers(model, self.settings)
        self.step = 0
        per_step = self.settings.rows_per_step * recipe.model.context_length
        self.steps = max(1, self.settings.tokens // per_step)
        self.tokens_per_step = per_step

    def run(self, minutes: float | None = None) -> None:
        """Train to the end of the schedule or for ``minutes``; leave a checkpoint."""
        self._resume()
        began = saved = time.monotonic()
        first = self.step
        while self.step < self.steps:
            losses = self._train_step()
            self.step += 1
            now = time.monotonic()
            if self.step % 20 == 0 or self.step == self.steps:
                speed = (self.step - first) * self.tokens_per_step / (now - began)
                self._report(losses, speed)
            if now - saved > self.settings.checkpoint_minutes * 60:
                self._save()
                saved = now
            if minutes is not None and now - began > minutes * 60:
                break
        self._save()

    def _train_step(self) -> Losses:
        rate = rate_at(self.step, self.steps, self.settings)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate
        batch = self._batch(self.step)
        passes = batch.split(self.settings.rows_per_pass)
        total = torch.zeros(2, device=self.device)
        for part in passes:
            loss, losses = self._loss(part)
            (loss / len(passes)).backward()  # type: ignore[no-untyped-call]
            total += losses / len(passes)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return Losses(*total.tolist())

    def _loss(self, rows: RowBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """(weighted loss, [loss of all, loss of middles]), from (rows, length) ids and roles."""
        ids, roles = rows.ids.to(self.device), rows.roles.to(self.device)
        with self._autocast():
            hidden = self.forward(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        labels, roles = ids[:, 1:].reshape(-1), roles[:, 1:].reshape(-1)
        weights = torch.ones(4, device=self.device)
        weights[0], weights[MIDDLE], weights[END] = (
            0.0,
            self.settings.middle_weight,
            self.settings.end_weight,
        )
        loss, nats = weighted_nats(
            hidden.flatten(0, 1), self.model.lm_head.weight, labels, weights[roles.long()]
        )
        real, middle = (roles > 0).float(), (roles == MIDDLE).float()
        plain = (nats * real).sum() / real.sum().clamp(min=1)
        inside = (nats * middle).sum() / middle.sum().clamp(min=1)
        return loss, torch.stack([plain, inside])

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _batch(self, step: int) -> RowBatch:
        """The rows of one step: the seed's permutation of all rows, a new one each time round."""
        per_step, count = self.settings.rows_per_step, len(self.rows.ids)
        picks = [divmod(step * per_step + i, count) for i in range(per_step)]
        chosen = [self._order(lap)[place] for lap, place in picks]
        return RowBatch.of(self.rows, np.array(chosen))

    def _order(self, lap: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        if getattr(self, "_lap", None) != lap:
            self._lap = lap
            rng = np.random.default_rng((self.settings.seed, lap))
            self._permutation = rng.permutation(len(self.rows.ids))
        return self._permutation

    @torch.no_grad()
    def held_out(self) -> Losses:
        """Losses on held-out text, unweighted."""
        batch = RowBatch.of(self.held, np.arange(min(HELD_OUT_ROWS, len(self.held.ids))))
        parts = [self._loss(part)[1] for part in batch.split(self.settings.rows_per_pass)]
        return Losses(*torch.stack(parts).mean(0).tolist())

    def _report(self, losses: Losses, speed: float) -> None:
        held = self.held_out() if self.step % 100 == 0 or self.step == self.steps else None
        left = (self.steps - self.step) * self.tokens_per_step / speed / 60
        row = {
            "step": self.step,
            "steps": self.steps,
            "tokens": self.step * self.tokens_per_step,
            "train": asdict(losses),
            "held_out": asdict(held) if held else None,
            "tokens_per_second": round(speed),
            "minutes_left": round(left, 1),
        }
        with (self.directory / "losses.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        print(json.dumps(row), file=sys.stderr, flush=True)

    def _save(self) -> None:
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        part = self.directory / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.directory / CHECKPOINT)

    def _resume(self) -> None:
        path = self.directory / CHECKPOINT
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


@dataclass(frozen=True, slots=True)
class RowBatch:
    """``ids`` and ``roles``, both (rows, length), int64 and uint8."""

    ids: torch.Tensor
    roles: torch.Tensor

    @classmethod
    def of(cls, rows: PackedRows, chosen: np.ndarray[Any, np.dtype[np.int64]]) -> RowBatch:
        """Some rows as tensors."""
        ids = torch.from_numpy(rows.ids[chosen].astype(np.int64))
        return cls(ids, torch.from_numpy(rows.roles[chosen]))

    def split(self, rows: int) -> list[RowBatch]:
        """Parts of at most ``rows`` rows."""
        pairs = zip(torch.split(self.ids, rows), torch.split(self.roles, rows), strict=True)
        return [RowBatch(ids, roles) for ids, roles in pairs]


def make_optimizers(
    model: Qwen3ForCausalLM, settings: PretrainSettings
) -> list[torch.optim.Optimizer]:
    """Muon (Jordan 2024) for the layers' matrices, AdamW for embeddings and norms.

    A ``muon_rate`` of 0 leaves everything to AdamW.
    """
    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and ".layers." in name
        (matrices if inside and settings.muon_rate else rest).append(parameter)
    decay = settings.weight_decay
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=settings.adamw_rate, betas=(0.9, 0.95), weight_decay=0.0)
    ]
    if matrices:
        muon = torch.optim.Muon(matrices, lr=settings.muon_rate, weight_decay=decay, momentum=0.95)
        optimizers.insert(0, muon)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers
