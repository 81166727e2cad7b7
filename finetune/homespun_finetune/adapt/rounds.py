"""Training in rounds, each twice as long as the last, until more tokens gain little.

A round is a whole training of ``finetune-repo``'s recipe that goes on from the round before it, so
that its rate has come down to nothing at its end: only then can two states be compared. After each
the validation holes are asked of the adapter as it would be served. Knows no repositories.
"""

from __future__ import annotations

import gc
import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path

import torch
from homespun_model.bases.base import Base
from homespun_model.bases.memory import holds_bf16
from homespun_model.bases.plain_lora import WEIGHTS
from homespun_model.completer import Completer
from homespun_model.decoding.completing import Score
from homespun_model.engines.loading import load_engine
from homespun_model.files.disk import flush_files
from homespun_model.files.disk import replace as put
from safetensors.torch import load_file, save_file

from homespun_finetune.adapt.material import Material
from homespun_finetune.adapter import save_adapter
from homespun_finetune.batches import encode_all
from homespun_finetune.budget import best_device
from homespun_finetune.progress import Reporter
from homespun_finetune.settings import TrainSettings
from homespun_finetune.train import Trained, TrainingFolders, fine_tune
from homespun_finetune.training_data import Tokens, TrainingData

PARTS = (1, 2, 4)
"""Of the time."""
GAIN, PER = 0.01, 100_000
"""Training ends where so many more tokens gain less."""
ASKING = 0.03  # of the time, for each time that the validation holes are asked
FEWEST_ASKED, ASKED_TOGETHER = 8, 4  # holes
RANK = 8
"""8.8 MB beside a base of half a billion parameters, in bf16. What it has to learn is small."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one came to."""

    tokens: int
    samples: int
    seconds: float
    bits: float
    """A byte of the validation holes."""
    asked: int
    """How many of them: the same ones in all rounds."""

    def __str__(self) -> str:
        rate = self.tokens / max(self.seconds, 1e-9)
        return f"{self.tokens:,} tokens, {rate:,.0f} a second, {self.bits:.4f} bits a byte"


@dataclass(frozen=True, slots=True)
class Rounds:
    """A training on ``material``, kept in ``folder``: whoever comes after a kill goes on."""

    base: Base
    material: Material
    folder: Path
    seed: int
    reporter: Reporter

    def run(self, seconds: float) -> tuple[Path, list[Round]]:
        """The folder of the best adapter, and what all rounds came to; the first is of the bare
        base."""
        done = self._read() or self._note([self._bare(ASKING * seconds)])
        asking = done[0].seconds * len(PARTS)
        while (number := len(done)) <= len(PARTS) and not self._is_enough(done):
            share = (seconds - asking) * PARTS[number - 1] / sum(PARTS)
            done = self._note([*done, self._round(number, done, share)])
            self.reporter.say(f"round {number} of {len(PARTS)}: {done[-1]}")
            shutil.rmtree(self._kept(number), ignore_errors=True)
        best = min(range(1, len(done)), key=lambda i: done[i].bits)
        return self._adapter(best), done

    @property
    def settings(self) -> TrainSettings:
        """The recipe's, of a small rank at the same scale."""
        usual = TrainSettings()
        return replace(usual, seed=self.seed, rank=RANK, alpha=usual.alpha * RANK // usual.rank)

    def _is_enough(self, done: Sequence[Round]) -> bool:
        """Whether more is not worth its time, or there is no more."""
        if sum(one.samples for one in done) >= self.material.samples:
            self.reporter.say("all that was prepared has been read")
            return True
        if len(done) < 2 or not gains_little(*done[-2:]):
            return False
        self.reporter.say(f"{PER:,} more tokens gain less than {GAIN:.0%}: that is enough")
        return True

    def _bare(self, seconds: float) -> Round:
        """The base alone, asked as many holes as ``seconds`` are good for."""
        begun, scores = time.monotonic(), list[Score]()
        with self.reporter.stage("asking the bare base"):
            for some in self._scores(None):
                scores += some
                if len(scores) >= FEWEST_ASKED and time.monotonic() - begun > seconds:
                    break
        self.reporter.say(f"bare base: {_bits(scores):.4f} bits a byte of {len(scores)} holes")
        return Round(0, 0, time.monotonic() - begun, _bits(scores), len(scores))

    def _round(self, number: int, done: Sequence[Round], seconds: float) -> Round:
        """Train, and put the adapter in its place whole."""
        kept = self._kept(number)
        kept.mkdir(exist_ok=True)
        read = sum(one.samples for one in done)
        start = self._adapter(number - 1) if number > 1 else None
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as work,
            self.reporter.stage(f"round {number}") as stage,
        ):
            folders = TrainingFolders(Path(work), start, kept)
            dtype = torch.bfloat16 if holds_bf16(self.base.parameters) else torch.float32
            trained = fine_tune(
                self.base.load_model(dtype),
                self._data(read),
                self.settings,
                folders,
                seconds=seconds,
                stage=stage,
            )
            self._save(trained, Path(work), self._adapter(number))
            trained = replace(trained, model=None)
            gc.collect()  # a trainer and its callbacks know each other
            stage.tell("asking it")
            asked = self._scores(self._adapter(number), done[0].asked)
            bits = _bits(list(chain.from_iterable(asked)))
        return Round(trained.tokens, trained.samples, trained.seconds, bits, done[0].asked)

    def _save(self, trained: Trained, work: Path, folder: Path) -> None:
        """In bf16, half the size: as it is served beside a large base."""
        assert trained.model is not None
        staged = work / "adapter"
        staged.mkdir()
        save_adapter(trained.model, staged, public_name(self.base))
        state = load_file(staged / WEIGHTS)
        state = {name: tensor.to(torch.bfloat16) for name, tensor in state.items()}
        save_file(state, staged / WEIGHTS, metadata={"format": "pt"})
        flush_files(staged)
        shutil.rmtree(folder, ignore_errors=True)
        staged.replace(folder)

    def _data(self, read: int) -> TrainingData:
        """From where the last round stopped reading."""
        end = self.base.fim.end
        training = islice(self.material.training(self.seed), read, None)
        held = self.material.validation(self.seed)
        validation = encode_all(self.base.prompts(), held, longest=self.base.context_length)
        return TrainingData(training, list(validation), Tokens(pad=end, end=end))

    def _scores(self, adapter: Path | None, most: int | None = None) -> Iterator[list[Score]]:
        """What the base with an adapter expects of the validation holes, a few at a time."""
        held = self.material.validation(self.seed)[:most]
        holes = [(sample.place, sample.middle) for sample in held]
        engine = load_engine(self.base, adapter, device=best_device())
        completer = Completer(self.base, engine, None)
        for i in range(0, len(holes), ASKED_TOGETHER):
            yield completer.score_many(holes[i : i + ASKED_TOGETHER])

    def _kept(self, number: int) -> Path:
        """Its checkpoints."""
        return self.folder / f"kept-{number}"

    def _adapter(self, number: int) -> Path:
        return self.folder / f"adapter-{number}"

    def _read(self) -> list[Round]:
        try:
            rows = json.loads((self.folder / "rounds.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [Round(**row) for row in rows]

    def _note(self, done: list[Round]) -> list[Round]:
        rows = json.dumps([asdict(one) for one in done])
        put(self.folder / "rounds.json", rows, by_way_of=self.folder)
        return done


def _bits(scores: Sequence[Score]) -> float:
    """Per byte."""
    return sum(s.nats for s in scores) / math.log(2) / sum(s.bytes for s in scores)


def gains_little(before: Round, after: Round) -> bool:
    """Whether ``PER`` more tokens, as those of ``after``, gain less than ``GAIN``."""
    gain = 1 - after.bits / before.bits
    return gain * PER / max(1, after.tokens) < GAIN


def public_name(base: Base) -> str:
    """What others may call the base: no path of this machine."""
    identity = base.record.identity
    return (identity.name if identity else None) or Path(base.id).name
