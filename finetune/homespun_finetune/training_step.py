"""The training step of a run: what is read, from where it sets out, and what is kept of it.

Text comes in, an adapter lies in a folder afterwards. Knows no holdout and no gate.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from homespun_corpus.mining.dataset import Mined
from homespun_corpus.mining.sample import Sample
from homespun_corpus.reading.rules_version import JUDGING_VERSION
from homespun_model.bases.base import Base
from homespun_model.bases.generic_adapter import GenericAdapter
from homespun_model.bases.memory import holds_bf16
from homespun_model.engines.lora_merged import merged
from torch import Size
from transformers import PreTrainedModel

from homespun_finetune import provenance
from homespun_finetune.adapted_model import onward
from homespun_finetune.adapter import save_adapter
from homespun_finetune.batches import EncodedSample, encode_all, mixed
from homespun_finetune.progress import Stage
from homespun_finetune.refresh import TrainingPlan
from homespun_finetune.resumable import ResumableRun, key_of
from homespun_finetune.settings import TrainSettings
from homespun_finetune.start_beside import join, narrowed
from homespun_finetune.start_onward import widen
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

    @property
    def generic(self) -> GenericAdapter | None:
        """The base's generic adapter, of which this one holds all, or began with all."""
        return generic_for(self.base, self.settings)

    def to_json(self) -> dict[str, Any]:
        """For the manifest: with these, a later run knows whether it may go on from this one."""
        return {
            "start": self.settings.start if self.generic else "bare",
            "generic": self.generic.sha256 if self.generic else None,
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


def generic_for(base: Base, settings: TrainSettings) -> GenericAdapter | None:
    """The generic adapter that a fresh training begins at: one of the prompt that is trained on."""
    found = None if settings.start == "bare" else base.found_generic.adapter
    return found if found and found.prompt_version == base.prompt_versions[-1] else None


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
    plan, mined = task.plan, task.mined
    kept = resumable.path if resumable else None
    with tempfile.TemporaryDirectory() as scratch:
        begin = _beginning(task, Path(scratch))
        folders = TrainingFolders(folder, begin.start, kept, fresh=plan.start is None)
        trained = fine_tune(
            begin.model, task.data(), begin.settings, folders, seconds=seconds, stage=stage
        )
    assert trained.model is not None
    save_adapter(trained.model, folder, task.base.id)
    if begin.beside is not None:
        join(begin.beside, folder, begin.shapes)
    trained = replace(trained, model=None)
    del begin
    gc.collect()  # a trainer and its callbacks know each other
    if mined.material is not None:
        taught = provenance.of(mined.material.repository, mined.material.kept)
        before = provenance.read(plan.start.path) if plan.start else None
        taught.and_(before).write(folder)
    return trained


@dataclass(frozen=True, slots=True)
class _Beginning:
    """A model before its first step."""

    model: PreTrainedModel
    settings: TrainSettings
    start: Path | None = None
    """The adapter to go on from."""
    beside: Path | None = None
    """The generic adapter, where it is a part of the model's weights."""
    shapes: Mapping[str, Size] = field(default_factory=dict)
    """Of the base's weights; names change where an adapter comes."""


def _beginning(task: TrainingTask, scratch: Path) -> _Beginning:
    """The base with what the plan goes on from; else with its generic adapter, as the settings have
    it. StoreError: it does not fit the base."""
    base, found = task.base, task.generic
    model = base.load_model(torch.bfloat16 if holds_bf16(base.parameters) else torch.float32)
    settings = onward(model, task.settings) if found else task.settings
    if task.plan.start is not None:
        return _Beginning(model, settings, task.plan.start.path)
    if found is None:
        return _Beginning(model, settings)
    generic, shapes = found.path, {n: p.shape for n, p in model.named_parameters()}
    if settings.start == "beside":
        narrow = narrowed(settings, generic)
        return _Beginning(merged(model, generic), narrow, beside=generic, shapes=shapes)
    widen(generic, shapes, settings, scratch)
    return _Beginning(model, settings, scratch)
