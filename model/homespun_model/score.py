"""Log-probabilities of given tokens: several prompts padded into one forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from homespun_model.forward import Forward

SCORED_TOKENS = 4096  # tokens, padding included, in one batch of scoring

Pair = tuple[Sequence[int], Sequence[int]]


def logprobs_many(forward: Forward, pairs: Sequence[Pair]) -> list[torch.Tensor]:
    """Natural log-probability of each token of the middle behind its prompt, (len(middle),).

    One for each (prompt, middle), in their order. ValueError if a prompt is empty.
    """
    if not all(prompt for prompt, _ in pairs):
        raise ValueError("a prompt needs at least one token")
    results = [torch.zeros(0)] * len(pairs)
    todo = [i for i, (_, middle) in enumerate(pairs) if middle]
    todo.sort(key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
    while todo:
        batch = _batch(pairs, todo)
        for i, scored in zip(batch, _score(forward, [pairs[i] for i in batch]), strict=True):
            results[i] = scored
    return results


def _batch(pairs: Sequence[Pair], todo: list[int]) -> list[int]:
    """Take the longest off ``todo``, and as many of the next as fit beside it."""
    longest = len(pairs[todo[-1]][0]) + len(pairs[todo[-1]][1])
    count = max(1, min(SCORED_TOKENS // longest, len(todo)))
    batch = todo[-count:]
    del todo[-count:]
    return batch


@torch.inference_mode()
def _score(forward: Forward, pairs: Sequence[Pair]) -> list[torch.Tensor]:
    """One padded forward pass. Attention looks back only: padding at the end needs no mask."""
    rows = [[*prompt, *middle] for prompt, middle in pairs]
    length = max(map(len, rows))
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    first = min(len(prompt) for prompt, _ in pairs) - 1  # earliest position that predicts
    logits = forward.batch(ids, length - first)
    results = []
    for i, (prompt, middle) in enumerate(pairs):
        begin = len(prompt) - 1 - first
        of_middle = logits[i, begin : begin + len(middle)].log_softmax(-1)  # (middle, vocabulary)
        wanted = torch.tensor(list(middle), device=logits.device).unsqueeze(-1)
        results.append(of_middle.gather(-1, wanted).squeeze(-1).cpu())
    return results
