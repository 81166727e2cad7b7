"""Log-probabilities of given tokens: several prompts padded into one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from homespun_model.decoding.cache_lm import NgramCache
from homespun_model.engines.engine import Engine

SCORED_TOKENS = 4096  # tokens, padding included, in one batch of scoring
SCORED_LOGITS = 64 << 20  # numbers in one batch: 256 MiB, 441 places of 151,936 words

Pair = tuple[Sequence[int], Sequence[int]]


def logprobs_many(
    engine: Engine, pairs: Sequence[Pair], sources: Sequence[NgramCache] | None = None
) -> list[torch.Tensor]:
    """Natural log-probability of each token of the middle behind its prompt, (len(middle),).

    One for each (prompt, middle), in their order; blended with what ``sources``, one for each, have
    to copy. ValueError if a prompt is empty.
    """
    if not all(prompt for prompt, _ in pairs):
        raise ValueError("a prompt needs at least one token")
    results = [torch.zeros(0)] * len(pairs)
    todo = [i for i, (_, middle) in enumerate(pairs) if middle]
    todo.sort(key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
    while todo:
        batch = _batch(pairs, todo, SCORED_LOGITS // engine.vocabulary)
        expected = _expected(engine, [pairs[i] for i in batch])
        for i, logprobs in zip(batch, expected, strict=True):
            source = sources[i] if sources else None
            results[i] = _of(pairs[i][1], logprobs, source).cpu()
    return results


def _batch(pairs: Sequence[Pair], todo: list[int], places: int) -> list[int]:
    """Take the longest off ``todo``, and as many of the next as fit beside it: logits of all rows
    begin where the shortest prompt ends, and are of no more than so many places."""
    longest = len(pairs[todo[-1]][0]) + len(pairs[todo[-1]][1])
    batch = [todo.pop()]
    first = len(pairs[batch[0]][0])
    while todo:
        first, count = min(first, len(pairs[todo[-1]][0])), len(batch) + 1
        if count * longest > SCORED_TOKENS or count * (longest - first + 1) > places:
            break
        batch.append(todo.pop())
    return batch


@torch.inference_mode()
def _expected(engine: Engine, pairs: Sequence[Pair]) -> Iterator[torch.Tensor]:
    """What is expected at each token of each middle, log-probabilities (middle, vocabulary).

    One padded forward pass. Attention looks back only: padding at the end needs no mask.
    """
    rows = [[*prompt, *middle] for prompt, middle in pairs]
    length = max(map(len, rows))
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    first = min(len(prompt) for prompt, _ in pairs) - 1  # earliest position that predicts
    logits = engine.batch(ids, length - first)
    for row, (prompt, middle) in zip(logits, pairs, strict=True):
        begin = len(prompt) - 1 - first
        yield row[begin : begin + len(middle)].log_softmax(-1)


@torch.inference_mode()
def _of(middle: Sequence[int], expected: torch.Tensor, source: NgramCache | None) -> torch.Tensor:
    """What the tokens of ``middle`` have of ``expected`` (middle, vocabulary), (middle,)."""
    if source is None:
        wanted = torch.tensor(list(middle), device=expected.device).unsqueeze(-1)
        return expected.gather(-1, wanted).squeeze(-1)
    return torch.stack(
        [source.interpolate(expected[i], middle[:i])[token] for i, token in enumerate(middle)]
    )
