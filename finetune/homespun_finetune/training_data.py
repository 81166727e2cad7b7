"""What a training reads: samples for its steps, samples to validate on, and in which order.

A budget of tokens says how far the samples are read. Knows no models and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from homespun_finetune import processes
from homespun_finetune.batches import EncodedSample, Plan, collate, plan, take
from homespun_finetune.budget import TokenBudget
from homespun_finetune.loss import Batch
from homespun_finetune.settings import TrainSettings

FORWARD_SHARE = 1 / 3  # of a training step's cost, for a batch that is only looked at
# Validation samples below which chance would choose among the states of a short training: then the
# last one is taken, after a rate that has come down to nothing.
LEAST_WATCHED = 32
FEW_TOKENS = 20_000
# A short training makes more steps, each of fewer samples: as good, and less of its time is left
# over for want of a whole step (LOG E-052).
FEWEST_STEPS = 8
_FEW = "that teaches little; more --minutes, a smaller base or a GPU would help"

Collator = Callable[[Sequence[EncodedSample]], Batch]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids that batches need: what fills up a batch, and what ends a middle."""

    pad: int
    end: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Samples as token ids, and the ids that make batches of them."""

    training: Iterable[EncodedSample]
    """Read as far as the time will reach."""
    validation: Sequence[EncodedSample]
    tokens: Tokens
    count: int | None = None
    """Of the training samples, where it is known before they are read."""

    def collator(self, settings: TrainSettings) -> Collator:
        """What makes a batch of training samples."""
        return partial(
            collate,
            pad_id=self.tokens.pad,
            end_id=self.tokens.end,
            end_weight=settings.end_weight,
            prompt_weight=settings.prompt_weight,
            prompt_share=settings.prompt_share,
        )


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """Which of ``samples`` each step reads, and what every validation looks at."""

    samples: Sequence[EncodedSample]
    steps: Plan
    validation: Sequence[Batch]
    validations: int
    """How often these are looked at, beside the first time before the first step."""

    def __len__(self) -> int:
        """Steps."""
        return len(self.steps.batches)

    @property
    def batch_size(self) -> int:
        """Samples a step."""
        return len(self.steps.batches[0])

    def read(self, steps: int | None = None) -> tuple[int, int]:
        """Samples that so many steps read at least once, all by default, and the tokens read."""
        order = [i for batch in self.steps.batches[:steps] for i in batch]
        return len(set(order)), sum(len(self.samples[i]) for i in order)

    def said(self, count: int | None) -> str:
        """How much of ``count`` samples is read, for people; tokens of the others are estimated."""
        distinct, read = self.read()
        each = read / max(1, sum(map(len, self.steps.batches)))
        of = f" of {count * each:,.0f}" if count and count > distinct else ""
        few = f": {_FEW}" if of and read < FEW_TOKENS else ""
        return f"about {read:,}{of} tokens in the time given{few}"

    def after(self, step: int) -> list[EncodedSample]:
        """The samples of all later steps, in their order."""
        return [self.samples[i] for batch in self.steps.batches[step:] for i in batch]


def schedule(
    data: TrainingData,
    first: Sequence[EncodedSample],
    rest: Iterator[EncodedSample],
    budget: TokenBudget,
    settings: TrainSettings,
    *,
    micro: int,
) -> TrainingSchedule:
    """The steps and the validation that ``budget`` pays for: over ``first``, and some of ``rest``.

    There is at least one step. ``micro``: samples that are in memory together.
    """
    watched, validations = _affordable(data.validation, budget, settings)
    tokens = budget.tokens * (1 - settings.validation_share if validations else 1.0)
    samples = [*first, *take(rest, tokens - sum(map(len, first)))]
    return TrainingSchedule(
        samples,
        planned(samples, settings).within(tokens),
        on_middles(watched, micro, data.tokens),
        validations,
    )


def planned(samples: Sequence[EncodedSample], settings: TrainSettings) -> Plan:
    """The batches of all passes over ``samples``."""
    return plan(
        [len(sample) for sample in samples],
        batch_size=samples_a_step(len(samples) * settings.passes, settings),
        passes=settings.passes,
        seed=settings.seed,
    )


def samples_a_step(read: int, settings: TrainSettings) -> int:
    """Of a training that reads so many: the settings' where that leaves it ``FEWEST_STEPS``, else a
    half of it, a quarter, and so on, as long as every process has as many."""
    size = settings.batch_size
    while read < FEWEST_STEPS * size and size % (2 * processes.count()) == 0:
        size //= 2
    return size


def _affordable(
    validation: Sequence[EncodedSample], budget: TokenBudget, settings: TrainSettings
) -> tuple[list[EncodedSample], int]:
    """What ``validation_share`` of the budget pays for: samples, and how often they are looked at.

    None where that is not twice ``LEAST_WATCHED`` of them: nothing would be chosen but by chance.
    """
    tokens = budget.tokens * settings.validation_share / FORWARD_SHARE
    least = sum(map(len, validation[:LEAST_WATCHED]))
    times = min(settings.validations, int(tokens / max(1, least)) - 1)
    if times < 2 or not least:
        return [], 0
    allowed = iter(validation[: settings.validation_samples])
    return take(allowed, tokens / (times + 1)), times


def on_middles(samples: Sequence[EncodedSample], size: int, tokens: Tokens) -> list[Batch]:
    """Batches in which the middles count, and neither prompts nor ends.

    What counts is what is written. A base that was taught to end often unlearns some of that at
    once: with ends, the best state would be the first one, whatever is learnt of middles
    (LOG E-032).
    """
    asked = sorted((e for e in samples if len(e) > e.start + 1), key=len)
    batches = (asked[i : i + size] for i in range(0, len(asked), size))
    return [
        collate(batch, pad_id=tokens.pad, end_id=tokens.end, end_weight=0.0) for batch in batches
    ]
