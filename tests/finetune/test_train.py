"""The training loop on a tiny random model: it learns, it keeps the best, it keeps to its time."""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import place_at
from homespun_finetune.adapted_model import AdaptedModel
from homespun_finetune.adapter import lora, save_adapter
from homespun_finetune.batches import IGNORED, EncodedSample, collate, encode, plan
from homespun_finetune.budget import TokenBudget
from homespun_finetune.early_stopping import EarlyStopping
from homespun_finetune.errors import TrainingError
from homespun_finetune.loss import WeightedLoss, has_plain_head
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings
from homespun_finetune.train import Trained, TrainingFolders, fine_tune
from homespun_finetune.training_data import (
    LEAST_WATCHED,
    TrainingData,
    on_middles,
    schedule,
)
from readable_prompts import builder
from rich.console import Console
from tiny_training import END, PAD, QUICK, TOKENS, examples, tiny_model
from transformers import Qwen3ForCausalLM


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def train(tmp_path: Path, seconds: float = 60, **changes: object) -> Trained:
    settings = TrainSettings(**{**QUICK.to_json(), **changes})  # type: ignore[arg-type]
    return fine_tune(
        tiny_model(),
        TrainingData(examples(24), examples(12, seed=1), TOKENS),
        settings,
        TrainingFolders(tmp_path),
        seconds=seconds,
        stage=Stage("training", Console(stderr=True)),
    )


def test_batches_hold_every_example_once_a_pass_in_an_order_of_the_seed() -> None:
    lengths = [random.Random(n).randrange(5, 90) for n in range(104)]
    first = plan(lengths, batch_size=8, passes=2, seed=3)
    for begin in (0, 13):
        a_pass = [i for batch in first.batches[begin : begin + 13] for i in batch]
        assert sorted(a_pass) == list(range(104))
    assert first.batches[:13] != first.batches[13:]
    assert first == plan(lengths, batch_size=8, passes=2, seed=3)
    assert first != plan(lengths, batch_size=8, passes=2, seed=4)
    assert sum(first.tokens) < 1.1 * 2 * sum(lengths)


def test_no_batch_holds_an_example_twice_and_all_are_full() -> None:
    for count in (3, 8, 21):
        batches = plan([7] * count, batch_size=8, passes=5, seed=0).batches
        assert {len(batch) for batch in batches} == {min(8, count)}
        assert all(len(set(batch)) == len(batch) for batch in batches)
        assert {i for batch in batches for i in batch} == set(range(count))


def test_within_a_budget_there_is_always_one_batch() -> None:
    whole = plan([10] * 20, batch_size=4, passes=1, seed=0)
    assert len(whole.within(85).batches) == 2
    assert len(whole.within(0).batches) == 1


@pytest.mark.parametrize("prompt_weight", [0.0, 0.5])
def test_loss_weighs_prompt_middle_and_end(prompt_weight: float) -> None:
    """The same number as a full forward pass, example by example, without batching or padding."""
    model, batch = tiny_model(), examples(5)
    expected, weight = 0.0, 0.0
    for example in batch:
        logits = model(torch.tensor([example.ids.tolist()])).logits[0].log_softmax(-1)
        for position in range(1, len(example)):
            token = int(example.ids[position])
            inside = 3.0 if token == END else 1.0
            times = inside if position >= example.start else prompt_weight
            expected -= times * float(logits[position - 1, token].detach())
            weight += times
    collated = collate(batch, pad_id=PAD, end_id=END, end_weight=3.0, prompt_weight=prompt_weight)
    for weighted_loss in (WeightedLoss(model), _slow(WeightedLoss(model))):
        loss = float(weighted_loss(**collated).detach())
        assert loss == pytest.approx(expected / weight, rel=1e-5)
    learnt = sum(map(len, batch)) - len(batch) if prompt_weight else 3 * len(batch)
    assert int((collated["labels"] != IGNORED).sum()) == learnt


def _slow(weighted_loss: WeightedLoss) -> WeightedLoss:
    """Computing all logits, as for a base whose output layer is no plain product."""
    assert weighted_loss._has_plain_head
    weighted_loss._has_plain_head = False
    return weighted_loss


def test_a_scaled_or_capped_output_layer_is_not_taken_for_plain() -> None:
    class Capped(Qwen3ForCausalLM):
        def forward(self, *args: object, **kwargs: object) -> object:
            output = super().forward(*args, **kwargs)
            output.logits = 2 * torch.tanh(output.logits / 2)
            return output

    assert has_plain_head(tiny_model())
    assert not has_plain_head(Capped(tiny_model().config).eval())


def test_text_with_nothing_before_it_is_learnt_from_its_second_token_on() -> None:
    place = place_at("", 0, path=None, language=None)
    sample = Sample("r", "c", "b", "a.py", "f", "plain", "old", 0, 9, place, "x = [1, 2]\n")
    example = encode(builder("psm"), sample)
    batch = collate([example], pad_id=PAD, end_id=END, end_weight=3.0)
    assert example.start == 1
    assert batch["labels"].tolist() == [[*example.ids[1:], IGNORED]]


def test_learns_and_returns_the_best_state(tmp_path: Path) -> None:
    trained = train(tmp_path)
    first, best = trained.points[0], min(trained.points, key=lambda point: point.loss)
    assert trained.best_step == best.step > 0
    assert best.loss < 0.8 * first.loss
    batch = collate(examples(12, seed=1), pad_id=PAD, end_id=END, end_weight=0.0)
    trained.model.eval()
    with torch.no_grad():
        assert float(WeightedLoss(trained.model)(**batch)) == pytest.approx(best.loss, rel=0.05)
    assert list(tmp_path.iterdir()) == []


def test_same_seed_same_adapter(tmp_path: Path) -> None:
    first, second = (train(tmp_path, passes=2) for _ in range(2))
    assert first.points[-1].loss == second.points[-1].loss


def test_what_validates_is_middles_without_prompts_and_ends() -> None:
    only_end = EncodedSample(np.array([5, 6, END]), start=2)
    batches = on_middles([*examples(9), only_end], 4, TOKENS)
    assert sum(len(batch["labels"]) for batch in batches) == 9, "one has no middle"
    for batch in batches:
        counted = batch["weights"] > 0
        assert (batch["weights"].sum(1) == 2).all(), "two tokens of each middle"
        assert not (counted & ((batch["labels"] == END) | (batch["labels"] == IGNORED))).any()


def test_the_loss_of_validation_is_a_mean_over_tokens() -> None:
    """However they are spread over batches: that is what the exam's bits are over."""
    model, long = tiny_model(), EncodedSample(np.array([2, *([3] * 20), END]), start=1)
    watched = [
        EarlyStopping(
            AdaptedModel(lora(tiny_model(), QUICK), WeightedLoss(model), "cpu", "fp32"),
            on_middles([*examples(5), long], size, TOKENS),
            TokenBudget(1.0, 1.0, "fp32"),
            steps=1,
            validations=1,
            settings=QUICK,
            stage=Stage("testing", Console(quiet=True)),
        )
        for size in (1, 6)
    ]
    for stopping in watched:
        stopping.on_train_begin()
    one, together = (stopping.points[0].loss for stopping in watched)
    assert one == pytest.approx(together, rel=1e-4)


def test_where_validation_would_choose_by_chance_the_last_state_is_taken() -> None:
    data, settings = TrainingData(examples(24), examples(64, seed=1), TOKENS), QUICK
    few, many = (
        schedule(
            data,
            [],
            iter(examples(24)),
            TokenBudget(1.0, speed, "fp32"),
            settings,
            micro=4,
        )
        for speed in (2_000.0, 200_000.0)
    )
    assert not few.validation and not few.validations
    assert many.validation and many.validations == settings.validations
    between = schedule(
        data, [], iter(examples(24)), TokenBudget(1.0, 5_000.0, "fp32"), settings, micro=4
    )
    assert 2 <= between.validations < settings.validations
    assert sum(len(batch["labels"]) for batch in between.validation) >= LEAST_WATCHED


def test_without_validation_the_last_state_is_the_adapter(tmp_path: Path) -> None:
    trained = fine_tune(
        tiny_model(),
        TrainingData(examples(24), [], TOKENS),
        QUICK,
        TrainingFolders(tmp_path),
        seconds=5,
        stage=Stage("testing", Console(quiet=True)),
    )
    assert 0 < trained.best_step == trained.made <= trained.steps
    assert trained.points == ()


def test_it_is_said_how_much_of_a_repository_is_read() -> None:
    samples = examples(24)
    planned = schedule(
        TrainingData(samples, [], TOKENS, 2400),
        samples,
        iter(()),
        TokenBudget(1.0, 1e6, "fp32"),
        replace(QUICK, passes=1),
        micro=4,
    )
    read = sum(map(len, samples))
    assert planned.said(2400).startswith(f"about {read:,} of {read * 100:,} tokens in the time")
    assert "more --minutes" in planned.said(2400)
    assert planned.said(24) == f"about {read:,} tokens in the time given"


def test_stops_when_validation_no_longer_gains(tmp_path: Path) -> None:
    trained = train(tmp_path, passes=80, validations=16, patience=2, learning_rate=0.5)
    assert trained.stopped == "validation"
    assert trained.points[-1].step < trained.steps


def test_keeps_to_its_time(tmp_path: Path) -> None:
    begun = time.monotonic()
    trained = train(tmp_path, seconds=3, passes=3000, patience=1000)
    assert time.monotonic() - begun < 6
    assert trained.tokens <= trained.budget.tokens
    assert trained.budget.tokens_per_second > 0


def test_a_loss_that_is_not_a_number_is_an_error(tmp_path: Path) -> None:
    broken = tiny_model()
    with torch.no_grad():
        broken.get_input_embeddings().weight.fill_(math.nan)
    with pytest.raises(TrainingError, match="not a number"):
        fine_tune(
            broken,
            TrainingData(examples(8), examples(4, seed=1), TOKENS),
            QUICK,
            TrainingFolders(tmp_path),
            seconds=5,
            stage=Stage("training", Console(stderr=True)),
        )


def test_a_disk_that_takes_no_adapter_is_one_line(tmp_path: Path) -> None:
    model = lora(tiny_model(), QUICK)
    with pytest.raises(TrainingError, match=r"cannot be written to .* --store") as refusal:
        save_adapter(model, tmp_path / "gone", "base")
    assert "\n" not in str(refusal.value)
    save_adapter(model, tmp_path, "base")
    assert {"adapter_model.safetensors", "adapter_config.json"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no training sample"):
        fine_tune(
            tiny_model(),
            TrainingData([], [], TOKENS),
            QUICK,
            TrainingFolders(tmp_path),
            seconds=5,
            stage=Stage("training", Console(stderr=True)),
        )
