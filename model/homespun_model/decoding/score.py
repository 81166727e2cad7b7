"""Log-probabilities of given tokens: several prompts padded into one forward pass.

What is written counts, and not how it is cut into tokens at its end: many a ``{`` has the line
break behind it in one token, which is served without the break where that stands there already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from homespun_model.decoding.cache_lm import NgramCache
from homespun_model.decoding.callbacks import Allowed, any_token
from homespun_model.engines.engine import Engine

SCORED_TOKENS = 4096  # tokens, padding included, in one batch of scoring
SCORED_LOGITS = 64 << 20  # numbers in one batch: 256 MiB, 441 places of 151,936 words


@dataclass(frozen=True, slots=True)
class Question:
    """What are these tokens worth as the answer to a prompt?"""

    prompt: Sequence[int]
    answer: Sequence[int]
    context: Sequence[int] = ()
    """The prompt's tokens as they stand in the code, if that is another order: ``NgramCache``."""
    allowed: Allowed = any_token
    """What decoding would choose the answer among."""
    other_ends: Sequence[NDArray[np.int64]] = ()
    """For each token of the answer, those that in place of it and all behind it write the same text
    and go on as what stands behind it does: ``Lexicon.other_ends``."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def logprobs_many(
    engine: Engine, questions: Sequence[Question], sources: Sequence[NgramCache] | None = None
) -> list[torch.Tensor]:
    """Natural log-probability of each token of the answer behind its prompt, (len(answer),).

    One for each question, in their order, as ``costs`` has them; blended with what ``sources``, one
    for each, have to copy. ValueError if a prompt is empty.
    """
    if not all(question.prompt for question in questions):
        raise ValueError("a prompt needs at least one token")
    results = [torch.zeros(0)] * len(questions)
    todo = [i for i, question in enumerate(questions) if question.answer]
    todo.sort(key=lambda i: len(questions[i]))
    while todo:
        batch = _batch(questions, todo, SCORED_LOGITS // engine.vocabulary)
        expected = _expected(engine, [questions[i] for i in batch])
        for i, logprobs in zip(batch, expected, strict=True):
            source = sources[i] if sources else None
            results[i] = costs(questions[i], logprobs, source).cpu()
    return results


def _batch(questions: Sequence[Question], todo: list[int], places: int) -> list[int]:
    """Take the longest off ``todo``, and as many of the next as fit beside it: logits of all rows
    begin where the shortest prompt ends, and are of no more than so many places."""
    batch = [todo.pop()]
    longest, first = len(questions[batch[0]]), len(questions[batch[0]].prompt)
    while todo:
        first, count = min(first, len(questions[todo[-1]].prompt)), len(batch) + 1
        if count * longest > SCORED_TOKENS or count * (longest - first + 1) > places:
            break
        batch.append(todo.pop())
    return batch


@torch.inference_mode()
def _expected(engine: Engine, questions: Sequence[Question]) -> Iterator[torch.Tensor]:
    """What is expected at each token of each answer, log-probabilities (answer, vocabulary).

    One padded forward pass. Attention looks back only: padding at the end needs no mask.
    """
    rows = [[*question.prompt, *question.answer] for question in questions]
    length = max(map(len, rows))
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    first = min(len(question.prompt) for question in questions) - 1  # the earliest that predicts
    logits = engine.batch(ids, length - first)
    for row, question in zip(logits, questions, strict=True):
        begin = len(question.prompt) - 1 - first
        yield row[begin : begin + len(question.answer)].log_softmax(-1)


@torch.inference_mode()
def costs(question: Question, expected: torch.Tensor, source: NgramCache | None) -> torch.Tensor:
    """What the tokens of the answer have of ``expected`` (answer, vocabulary), log-probabilities:
    (answer,).

    Their sum is the text's: the last has what other ends of it add (a marginal over tokenizations
    as in Cao and Rimell 2021, arXiv 2109.02550, of those alone that differ at the end).
    """
    answer, ends = question.answer, question.other_ends
    wanted = torch.tensor(list(answer), device=expected.device).unsqueeze(-1)
    found = expected.gather(-1, wanted).squeeze(-1)
    others = torch.full_like(found, -torch.inf)
    for i, token in enumerate(answer):
        some = question.allowed(answer[:i])
        other = ends[i] if ends else ()
        if some is None and source is None and not len(other):
            continue
        row = source.interpolate(expected[i], answer[:i]) if source else expected[i]
        chosen = some is not None and token in some
        among = row[some].logsumexp(0) if chosen else 0.0
        found[i] = row[token] - among
        if len(other):
            others[i] = row[other].logsumexp(0) - among
    if any(map(len, ends)):
        spelt = found.sum()
        found[-1] += torch.stack([spelt, *(found.cumsum(0) - found + others)]).logsumexp(0) - spelt
    return found
