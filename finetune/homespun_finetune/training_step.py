"""The training step of a run: what is read, from where it sets out, and what is kept of it.

Text comes in, an adapter lies in a folder afterwards. Knows no holdout and no gate.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from homespun_corpus.mining.dataset import Mined
from homespun_corpus.mining.sample import Sample
from homespun_corpus.reading.rules_version import JUDGING_VERSION
from homespun_model.bases.base import Base
from homespun_model.bases.memory import holds_bf16

from homespun_finetune import provenance
from homespun_finetune.adapter import save_adapter
from homespun_finetune.batches import EncodedSample, encode_all, mixed
from homespun_finetune.progress import Stage
from homespun_finetune.refresh import TrainingPlan
from homespun_finetune.resumable import ResumableRun, key_of
from homespun_finetune.settings import TrainSettings
from homespun_finetune.stdlib_samples import replay_digest, replay_samples
from homespun_finetune.train import Trained, TrainingFolders, fine_tune
from homespun_finetune.training_data import Tokens, TrainingData


@dataclass(frozen=True)
class TrainingTask:
    """What a run trains on, and how."""

    base: Base
    mined: Mined
    plan: TrainingPlan
    settings: TrainSettings
    planted: Sequence[Sample] = ()
    """Read before the repository's own, so that however short the time, they are."""

    def to_json(self) -> dict[str, Any]:
        """For the manifest: with these, a later run knows whether it may go on from this one."""
        return {
            "rules": JUDGING_VERSION,
            "course": self.plan.to_json(),
            "general_digest": replay_digest(self.settings.seed),
        }

    def key(self, minutes: float) -> str:
        """What decides the result, but for the budget that the machine is good for."""
        deciding = {
            "base": self.base.weights_hash,
            "prompt": self.base.prompt_versions[-1],
            "commit": self.mined.manifest["commit"],
            "data": self.mined.manifest["digest"],
            "settings": self.settings.to_json(),
            "minutes": minutes,
        }
        return key_of(deciding | self.to_json())

    def training(self) -> Iterator[EncodedSample]:
        """The repository's samples in the course's order, with some of the standard library."""
        rows = self.mined.dataset["train"]
        samples = (Sample.from_row(rows[i]) for i in self.plan.rows)
        own = self._encoded(chain(self.planted, samples))
        general = self._encoded(replay_samples(self.settings.seed))
        return mixed(own, general, self.settings.general_share)

    def validation(self) -> list[EncodedSample]:
        held_out = self._encoded(self.mined.samples("validation"))
        return list(islice(held_out, self.settings.validation_samples))

    def data(self) -> TrainingData:
        """All of it as token ids; training samples are encoded only as they are read."""
        end = self.base.fim.end
        own = len(self.planted) + len(self.plan.rows)
        count = round(own / (1 - self.settings.general_share))
        return TrainingData(self.training(), self.validation(), Tokens(pad=end, end=end), count)

    def _encoded(self, samples: Iterator[Sample]) -> Iterator[EncodedSample]:
        return encode_all(self.base.prompts(), samples, longest=self.base.context_length)


def train_adapter(
    task: TrainingTask,
    folder: Path,
    resumable: ResumableRun | None,
    *,
    seconds: float,
    stage: Stage,
) -> Trained:
    """Train for ``seconds``, or go on with what is ``resumable``; the adapter is in ``folder``.

    Without ``resumable`` nothing is kept that a later run could go on with.
    """
    base, plan, mined = task.base, task.plan, task.mined
    folders = TrainingFolders(
        work=folder,
        start=plan.start.path if plan.start else None,
        kept=resumable.path if resumable else None,
    )
    dtype = torch.bfloat16 if holds_bf16(base.parameters) else torch.float32
    trained = fine_tune(
        base.load_model(dtype), task.data(), task.settings, folders, seconds=seconds, stage=stage
    )
    assert trained.model is not None
    save_adapter(trained.model, folder, base.id)
    trained = replace(trained, model=None)
    gc.collect()  # a trainer and its callbacks know each other
    if mined.material is not None:
        taught = provenance.of(mined.material.repository, mined.material.kept)
        before = provenance.read(plan.start.path) if plan.start else None
        taught.and_(before).write(folder)
    return trained
