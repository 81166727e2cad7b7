"""Samples become token ids, and token ids become batches.

Prompts come from ``PromptBuilder`` and from nowhere else. Batches hold examples of like length, so
that little is spent on padding, in an order that the seed alone decides. Knows no optimiser.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from homespun_corpus.mining.sample import Sample
from homespun_model.bases.prompt import PromptBuilder
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

IGNORED = -100  # a label that carries no loss
POOL_BATCHES = 32  # batches cut from one sorted pool: enough for little padding, few enough to mix


@dataclass(frozen=True, slots=True)
class EncodedSample:
    """Token ids of prompt and middle; the loss begins at ``ids[start]``."""

    ids: NDArray[np.int32]  # (length,)
    start: int

    def __len__(self) -> int:
        return len(self.ids)


def encode(builder: PromptBuilder, sample: Sample) -> EncodedSample:
    """The prompt of the sample's place, the answer, and the token that ends it.

    Plain text goes on after the sample, so it carries no end; nothing says its first token where
    nothing is before it.
    """
    if sample.kind == "plain":
        before = builder.build(sample.place, plain=True)
        ids = [*before, *builder.encode_middle(sample.middle)]
        return EncodedSample(np.asarray(ids, dtype=np.int32), start=max(1, len(before)))
    prompt, answer = builder.hole(sample.place, sample.middle)
    ids = [*prompt.ids, *answer, builder.fim.end]
    return EncodedSample(np.asarray(ids, dtype=np.int32), start=len(prompt.ids))


def encode_all(
    builder: PromptBuilder, samples: Iterable[Sample], *, longest: int
) -> Iterator[EncodedSample]:
    """Examples one by one, as they are asked for; one longer than ``longest`` ids is left out."""
    for sample in samples:
        example = encode(builder, sample)
        if example.start < len(example) <= longest:
            yield example


def take(examples: Iterator[EncodedSample], tokens: float) -> list[EncodedSample]:
    """Examples from the front until they hold ``tokens`` together; reads no further."""
    taken: list[EncodedSample] = []
    total = 0
    while total < tokens and (example := next(examples, None)) is not None:
        taken.append(example)
        total += len(example)
    return taken


def mixed(own: Iterable[T], other: Iterable[T], share: float) -> Iterator[T]:
    """``own`` in its order, with ``other`` strewn in evenly: ``share`` of all that comes."""
    others, due = iter(other), 0.0
    for example in own:
        yield example
        due += share / (1 - share)
        if due >= 1:
            due -= 1
            yield from islice(others, 1)


def shuffled(count: int, seed: int) -> list[int]:
    """0 … count - 1 in an order that the seed decides."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order


@dataclass(frozen=True, slots=True)
class Plan:
    """Which examples each step sees, and how many tokens it costs with its padding."""

    batches: tuple[tuple[int, ...], ...]
    tokens: tuple[int, ...]

    def within(self, tokens: float) -> Plan:
        """The longest beginning that costs at most ``tokens``; at least one batch."""
        steps = sum(1 for spent in accumulate(self.tokens) if spent <= tokens)
        return Plan(self.batches[: max(1, steps)], self.tokens[: max(1, steps)])


def plan(lengths: Sequence[int], *, batch_size: int, passes: int, seed: int) -> Plan:
    """``passes`` times over the examples, each in another order, in batches of like length.

    Every batch is full, so the flat order of examples alone says what each step sees; what is left
    over at the end of a pass, other examples each time, waits for the next. No batch spans two
    passes: sorted by length, it would hold the same example twice.
    """
    size = min(batch_size, len(lengths))
    batches = tuple(b for n in range(passes) for b in _one_pass(lengths, size, seed + n))
    costs = (max(lengths[i] for i in batch) * len(batch) for batch in batches)
    return Plan(batches, tuple(costs))


def _one_pass(lengths: Sequence[int], size: int, seed: int) -> Iterator[tuple[int, ...]]:
    order = shuffled(len(lengths), seed)
    order = order[: len(order) - len(order) % size]
    pool = size * POOL_BATCHES
    for begin in range(0, len(order), pool):
        by_length = sorted(order[begin : begin + pool], key=lambda i: lengths[i])
        cut = [tuple(by_length[i : i + size]) for i in range(0, len(by_length), size)]
        yield from (cut[i] for i in shuffled(len(cut), seed + begin))


def collate(
    examples: Sequence[EncodedSample],
    *,
    pad_id: int,
    end_id: int,
    end_weight: float,
    prompt_weight: float = 0.0,
    prompt_share: float = 1.0,
) -> dict[str, torch.Tensor]:
    """One batch: ``input_ids`` (B, T), ``labels`` and ``weights`` (B, K) for the last K positions.

    Padding is on the right, where causal attention never looks back from, so no mask is needed and
    the fast attention path stays open. K reaches back to the earliest position with a loss: the
    output layer, a quarter of a small model's work, runs for those only. With a ``prompt_weight``
    that is the whole prompt: the team's own text around a hole, which has more to teach than it.
    Of its tokens ``prompt_share`` carry the weight of all, others for every sample.
    """
    import torch

    width, every = max(len(example) for example in examples), round(1 / prompt_share)
    learnt = [1 if prompt_weight else example.start for example in examples]
    first = min(learnt) - 1  # its logits predict the first target
    ids = np.full((len(examples), width), pad_id, dtype=np.int64)  # (B, T)
    labels = np.full((len(examples), width - first), IGNORED, dtype=np.int64)  # (B, K)
    weights = np.zeros(labels.shape)
    for row, (example, start) in enumerate(zip(examples, learnt, strict=True)):
        ids[row, : len(example)] = example.ids
        begin, end = start - 1 - first, len(example) - 1 - first
        labels[row, begin:end] = example.ids[start:]
        weights[row, begin + int(example.ids.sum()) % every : end : every] = prompt_weight * every
        weights[row, example.start - 1 - first : end] = 1.0
    weights[labels == end_id] = end_weight
    return {
        "input_ids": torch.from_numpy(ids),
        "labels": torch.from_numpy(labels),
        "weights": torch.from_numpy(weights.astype(np.float32)),
    }
