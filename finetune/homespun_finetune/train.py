"""LoRA on a base: transformers' Trainer with our loss, our batches and our clock.

What is learned is the middle and its end, and the prompt at a lower weight. The state with the
lowest validation loss, which looks at middles only, becomes the adapter, not the last one. Knows
no repositories, no store and no gate.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments

from homespun_finetune.batches import Example, Plan, collate, plan, take
from homespun_finetune.budget import TokenBudget, best_device, measure
from homespun_finetune.errors import TrainingError, UsageError
from homespun_finetune.loss import Batch, Lesson
from homespun_finetune.progress import Stage
from homespun_finetune.settings import TrainSettings, learning_rate_for
from homespun_finetune.watch import Point, Watch

TIMED_BATCHES = 3  # full batches timed for the budget, after one that nobody times
FORWARD_SHARE = 1 / 3  # of a training step's cost, for a batch that is only looked at


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids that batches need: what fills up a batch, and what ends a middle."""

    pad: int
    end: int


@dataclass(frozen=True, slots=True)
class Trained:
    """An adapter in memory, and how it came to be."""

    model: PeftModel
    budget: TokenBudget
    learning_rate: float
    samples: int
    steps: int
    """Planned; fewer were made if ``stopped`` is not "schedule"."""
    tokens: int
    best_step: int
    stopped: str
    points: tuple[Point, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "budget": self.budget.to_json(),
            "learning_rate": self.learning_rate,
            "samples": self.samples,
            "steps": self.steps,
            "tokens": self.tokens,
            "best_step": self.best_step,
            "stopped": self.stopped,
            "points": [point.to_json() for point in self.points],
        }


def fine_tune(
    model: PreTrainedModel,
    training: Iterable[Example],
    validation: Sequence[Example],
    settings: TrainSettings,
    *,
    tokens: Tokens,
    seconds: float,
    work: Path,
    stage: Stage,
) -> Trained:
    """Train a LoRA adapter on ``model`` within ``seconds``, timing included.

    ``training`` is read as far as the time will reach. ``work`` is a folder for transformers;
    nothing in it is needed afterwards. Raises TrainingError where there is nothing to learn from,
    or where no state of the adapter has a finite loss; UsageError where there is no time to.
    """
    begun = time.monotonic()
    torch.manual_seed(settings.seed)
    device = best_device()
    adapted = lora(_on(device, model), settings)
    lesson = Lesson(adapted)
    source = iter(training)
    examples = list(islice(source, settings.batch_size * (TIMED_BATCHES + 1)))
    if not examples:
        raise TrainingError("no training sample fits the base's context: choose a larger base")
    collator = partial(
        collate,
        pad_id=tokens.pad,
        end_id=tokens.end,
        end_weight=settings.end_weight,
        prompt_weight=settings.prompt_weight,
    )
    on_middles = partial(collator, prompt_weight=0.0)  # what counts is what will be shown
    left = seconds - (time.monotonic() - begun)
    if left > 0:  # timing is not free either
        budget = _measure(lesson, examples, settings, collator, seconds=left, device=device)
    if left <= 0 or budget.tokens < sum(map(len, examples[: settings.batch_size])):
        raise UsageError("no time is left to train after mining and measuring: raise --minutes")
    training_tokens = budget.tokens * (1 - settings.validation_share)
    examples += take(source, training_tokens - sum(map(len, examples)))
    steps = _plan(examples, settings).within(training_tokens)
    rate = settings.learning_rate or learning_rate_for(model.config.get_text_config().hidden_size)
    watch = Watch(
        lesson,
        adapted,
        [on_middles(batch) for batch in _affordable(validation, budget, settings)],
        seconds=budget.seconds,
        precision=budget.precision,
        steps=len(steps.batches),
        settings=settings,
        stage=stage,
    )
    _Trainer(
        lesson,
        _arguments(settings, budget, steps, rate=rate, work=work, device=device),
        data_collator=collator,
        train_dataset=cast(Any, [examples[i] for batch in steps.batches for i in batch]),
        callbacks=[watch],
    ).train()
    best = watch.restore_best()
    return Trained(
        model=adapted,
        budget=budget,
        learning_rate=rate,
        samples=len({i for batch in steps.batches for i in batch}),
        steps=len(steps.batches),
        tokens=sum(steps.tokens),
        best_step=best,
        stopped=watch.stopped,
        points=tuple(watch.points),
    )


def lora(model: PreTrainedModel, settings: TrainSettings) -> PeftModel:
    """The base with a fresh adapter on every linear layer but the output; it is neutral yet."""
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return cast(PeftModel, get_peft_model(model, config))


def save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    """Write the adapter in peft's own format, safetensors only, naming the base it belongs to.

    TrainingError where it cannot be written.
    """
    state = get_peft_model_state_dict(model)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    try:
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        _config_of(model, base).save_pretrained(str(folder))
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            f"the adapter cannot be written to {folder}: {reason}; make room there, or choose "
            "another --store"
        ) from error


def _config_of(model: PeftModel, base: str) -> LoraConfig:
    config = cast(LoraConfig, model.peft_config["default"])
    config.base_model_name_or_path = base
    config.target_modules = sorted(config.target_modules or ())  # a set would differ every time
    config.inference_mode = True
    return config


class _Trainer(Trainer):
    """transformers' loop with the loss on middles; batches come in the order they were planned."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.remove_callback(PrinterCallback)  # standard output is for --json

    def compute_loss(self, model: Any, inputs: Batch, *_: Any, **__: Any) -> torch.Tensor:
        return cast(torch.Tensor, model(**inputs))


def _arguments(
    settings: TrainSettings,
    budget: TokenBudget,
    steps: Plan,
    *,
    rate: float,
    work: Path,
    device: str,
) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(work),
        max_steps=len(steps.batches),
        per_device_train_batch_size=len(steps.batches[0]),
        train_sampling_strategy="sequential",
        learning_rate=rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, round(settings.warmup * len(steps.batches))),
        weight_decay=settings.weight_decay,
        adam_beta2=0.99,  # a run is a few hundred steps: 0.999 would remember all of it
        max_grad_norm=settings.clip,
        bf16=budget.precision == "bf16",
        use_cpu=device == "cpu",
        seed=settings.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _measure(
    lesson: Lesson,
    examples: Sequence[Example],
    settings: TrainSettings,
    collator: partial[Batch],
    *,
    seconds: float,
    device: str,
) -> TokenBudget:
    """Time a few batches. The adapter stays as it is: gradients are dropped, nothing steps."""

    def step(batch: Batch) -> None:
        lesson(**batch).backward()
        lesson.zero_grad(set_to_none=True)

    batches = [
        {name: tensor.to(device) for name, tensor in collator([examples[i] for i in batch]).items()}
        for batch in _plan(examples, settings).batches[: TIMED_BATCHES + 1]
    ]
    lesson.train()
    return measure(step, batches, seconds=seconds, device=device)


def _on(device: str, model: PreTrainedModel) -> PreTrainedModel:
    return cast(PreTrainedModel, cast(torch.nn.Module, model).to(device))


def _plan(examples: Sequence[Example], settings: TrainSettings) -> Plan:
    return plan(
        [len(example) for example in examples],
        batch_size=settings.batch_size,
        passes=settings.passes,
        seed=settings.seed,
    )


def _affordable(
    validation: Sequence[Example], budget: TokenBudget, settings: TrainSettings
) -> list[list[Example]]:
    """Validation batches, as many as ``validation_share`` of the budget pays for."""
    tokens = budget.tokens * settings.validation_share / settings.validations / FORWARD_SHARE
    chosen = take(iter(validation[: settings.validation_samples]), tokens)
    chosen.sort(key=len)
    size = settings.batch_size
    return [chosen[i : i + size] for i in range(0, len(chosen), size)]
