"""What a training decides before its first step: the model, the budget and the schedule, alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from homespun_finetune.adapted_model import AdaptedModel, onward, peak_rate, prepare
from homespun_finetune.adapter import save_adapter
from homespun_finetune.budget import TokenBudget
from homespun_finetune.errors import RunUsageError, TrainingError
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings, learning_rate_for
from homespun_finetune.train import TrainingFolders, fine_tune
from homespun_finetune.trainer import share_of_peak
from homespun_finetune.training_budget import (
    TIMED_BATCHES,
    BudgetTrial,
    TrainingBudget,
    first_samples,
)
from homespun_finetune.training_data import TrainingData, samples_a_step, schedule
from peft import get_peft_model_state_dict
from rich.console import Console
from tiny_training import QUICK, TOKENS, examples, tiny_model

HELD_OUT = examples(12, seed=1)
SILENT = Stage("testing", Console(quiet=True))


def weights(adapted: AdaptedModel) -> dict[str, torch.Tensor]:
    state = get_peft_model_state_dict(adapted.model)
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def trial(adapted: AdaptedModel) -> BudgetTrial:
    data = TrainingData(examples(24), HELD_OUT, TOKENS)
    first = first_samples(iter(data.training), QUICK)
    return BudgetTrial(adapted, first, QUICK, data.collator(QUICK))


def test_the_seed_alone_decides_a_fresh_adapter() -> None:
    first, second = (weights(prepare(tiny_model(), QUICK, None)) for _ in range(2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_an_adapter_is_gone_on_from_at_a_lower_rate(tmp_path: Path) -> None:
    other = prepare(tiny_model(), type(QUICK)(seed=5), None)
    save_adapter(other.model, tmp_path, "tiny")
    onward = weights(prepare(tiny_model(), QUICK, tmp_path))
    assert all(torch.equal(tensor, onward[name]) for name, tensor in weights(other).items())
    assert peak_rate(tiny_model(), QUICK, refreshing=True) == 1e-2
    assert peak_rate(tiny_model(), type(QUICK)(), refreshing=False) == learning_rate_for(32)


def test_what_sets_out_from_a_generic_adapter_goes_less_far() -> None:
    model, settings = tiny_model(), TrainSettings()
    usual, less = (
        peak_rate(model, s, refreshing=False) for s in (settings, onward(model, settings))
    )
    assert less == settings.onward_rate * usual < usual
    assert onward(model, QUICK) == QUICK, "a team's own rate is a team's own"


def test_a_trial_measures_and_leaves_the_adapter_as_it_is() -> None:
    adapted = prepare(tiny_model(), QUICK, None)
    before = weights(adapted)
    budget = trial(adapted).within(30.0, SILENT)
    assert 0 < budget.time.seconds < 30 and budget.time.tokens_per_second > 0
    assert budget.micro == QUICK.batch_size
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(adapted).items())
    assert all(parameter.grad is None for parameter in adapted.model.parameters())


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-3])
def test_too_little_time_for_one_batch_is_said(seconds: float) -> None:
    with pytest.raises(RunUsageError, match="raise --minutes"):
        trial(prepare(tiny_model(), QUICK, None)).within(seconds, SILENT)


def test_a_trial_asks_for_no_more_samples_than_it_times() -> None:
    rest = iter(examples(24))
    assert len(first_samples(rest, QUICK)) == QUICK.batch_size * (TIMED_BATCHES + 1)
    assert len(list(rest)) == 24 - QUICK.batch_size * (TIMED_BATCHES + 1)
    with pytest.raises(TrainingError, match="no training sample"):
        first_samples(rest, QUICK)


def test_no_step_of_a_short_training_is_idle() -> None:
    for steps in (1, 2, 4, 100):
        warm = max(1, round(0.08 * steps))
        rates = [share_of_peak(n, warm=warm, steps=steps) for n in range(steps)]
        assert all(0 < rate <= 1 for rate in rates)
        assert rates[:warm] == sorted(rates[:warm])
        assert rates[warm:] == sorted(rates[warm:], reverse=True)
    assert max(rates) == 1 and rates[-1] < 0.01


def test_a_short_training_makes_more_steps_of_fewer_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(QUICK, batch_size=8)
    sizes = {read: samples_a_step(read, settings) for read in (1000, 64, 63, 20, 3)}
    assert sizes == {1000: 8, 64: 8, 63: 4, 20: 2, 3: 1}
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert samples_a_step(3, settings) == 2, "each process has one"


def test_parts_of_a_step_are_no_larger_than_it(tmp_path: Path) -> None:
    data = TrainingData(examples(9), (), TOKENS)
    settings, folders = replace(QUICK, passes=1, batch_size=8), TrainingFolders(tmp_path)
    trained = fine_tune(tiny_model(), data, settings, folders, seconds=30, stage=SILENT)
    assert trained.made == 9, "the trial held eight samples at a time, a step has one"


def test_one_step_teaches_something(tmp_path: Path) -> None:
    settings = replace(QUICK, passes=1, batch_size=8)
    trained = fine_tune(
        tiny_model(),
        TrainingData(examples(1), (), TOKENS),
        settings,
        TrainingFolders(tmp_path),
        seconds=30,
        stage=SILENT,
    )
    assert trained.made == trained.steps == 1 and trained.model is not None
    up = [p for name, p in trained.model.named_parameters() if "lora_B" in name]
    assert all(weights.any() for weights in up)


def test_a_checkpoint_gives_the_budget_back() -> None:
    budget = TrainingBudget(TokenBudget(12.5, 345.6, "bf16"), 4)
    assert TrainingBudget.from_json(budget.to_json()) == budget


def test_a_schedule_reads_as_far_as_the_budget_reaches() -> None:
    samples = examples(1000)
    data = TrainingData(iter(samples), HELD_OUT, TOKENS)
    first, budget = samples[:8], TokenBudget(10.0, 500.0, "fp32")
    planned = schedule(data, first, iter(samples[8:]), budget, QUICK, micro=4)
    assert sum(planned.steps.tokens) <= budget.tokens * (1 - QUICK.validation_share)
    assert planned.read()[0] <= len(planned.samples) < 1000
    one_step = planned.steps.batches[0]
    assert planned.read(1) == (len(set(one_step)), sum(len(samples[i]) for i in one_step))
    assert planned.after(0)[:4] == [samples[i] for i in planned.steps.batches[0]]
    assert len(planned.after(2)) == (len(planned) - 2) * planned.batch_size
    assert 0 < sum(len(batch["labels"]) for batch in planned.validation) <= len(HELD_OUT)


def test_a_schedule_has_a_step_however_small_the_budget() -> None:
    samples = examples(8)
    data = TrainingData(samples, HELD_OUT, TOKENS)
    planned = schedule(data, samples, iter(()), TokenBudget(1e-6, 1.0, "fp32"), QUICK, micro=4)
    assert len(planned) == 1 and planned.validation == []
