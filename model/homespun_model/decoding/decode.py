"""Token ids in, token ids out: greedy decoding that remembers and guesses ahead.

For each session (a document) the keys and values of its last sequence are kept; a new prompt runs
through the model only from where it differs. One pass checks several drafted tokens, and what comes
out is what would have come one by one. What is expected next is the model's, or, where there is
something to copy from, a blend. Knows no text, no prompt and no adapter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from homespun_model.bases.fitted import SMALL, Fitted
from homespun_model.decoding import score
from homespun_model.decoding.cache_lm import NgramCache
from homespun_model.decoding.callbacks import (
    Allowed,
    IsCancelled,
    KeepGoing,
    MayEnd,
    always,
    any_token,
    anywhere,
    never,
)
from homespun_model.decoding.draft import MAX_DRAFT, Drafter, Rates
from homespun_model.decoding.ngram_index import NgramView
from homespun_model.decoding.sessions import Session, Sessions
from homespun_model.engines.engine import Engine
from homespun_model.errors import Cancelled

# Prompt tokens in one forward pass, for which a cancellation waits: as many as the last one says
# are read in this time. Fewer than a few dozen would spend it on fetching the weights.
CHUNK_SECONDS = 0.2
CHUNK, LEAST_CHUNK = 256, 64
UNCANCELLED = 512  # tokens in one pass where nobody cancels: weights are fetched half as often


@dataclass(frozen=True, slots=True)
class Decoded:
    """A greedy continuation, the token that ended it left out.

    ``logprobs``: natural log-probability of each id. ``stopped``: "end" at a stop id, "length" at
    the limit, "halted" because ``keep_going`` said no. ``reused``: prompt tokens not run again.
    ``passes``: forward passes that gave tokens, the last one over the prompt included.
    """

    ids: list[int]
    logprobs: list[float]
    stopped: Literal["end", "length", "halted"]
    reused: int
    passes: int


@dataclass(slots=True)
class _Progress:
    """What one call has found so far."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    passes: int = 0


class Decoder:
    """Decodes with one model. Not for two threads at once."""

    def __init__(self, engine: Engine, fitted: Fitted = SMALL) -> None:
        self._engine = engine
        self._fitted = fitted
        self._sessions = Sessions(engine)
        self._rates = Rates(fitted)
        self._chunk = CHUNK

    @torch.inference_mode()
    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_new_tokens: int,
        stop_ids: frozenset[int],
        context: Sequence[int] | None = None,
        session: str | None = None,
        cancelled: IsCancelled = never,
        keep_going: KeepGoing = always,
        allowed: Allowed = any_token,
        may_end: MayEnd = anywhere,
        ngrams: NgramView | None = None,
        guess: Sequence[int] = (),
    ) -> Decoded:
        """The most likely token, one after another.

        ``context``: the prompt's tokens as they stand in the code, if that is another order.
        ``session`` names what to remember the prompt under. ``cancelled`` is asked before each
        forward pass; Cancelled is raised if it says yes, and what was computed is kept.
        ``keep_going`` sees all ids so far after each new one. ``allowed`` names, for the ids so
        far, those that may come next, None for all; log-probabilities are among these. Where
        ``may_end`` says no the likeliest token that does not end comes, as likely as it is beside.
        ``ngrams``: code whose continuations are blended into what the model expects, together with
        the prompt's own; without it the model decides alone. ``guess``: ids that may well come,
        drafted as far as they do; they change nothing but the number of passes. Without one it is
        what the session knows behind this prompt: an answer that was given up half-way because
        somebody typed its next letter is taken up where it was.
        """
        found = _Progress()
        stopped: Literal["end", "length", "halted"] = "length"
        source = self._source(prompt if context is None else context, ngrams, stop_ids)
        with self._sessions.recalled(session, prompt) as state:
            reused = len(state.ids)
            guess = guess or state.behind(prompt)
            try:
                for token, logprob in self._tokens(
                    state,
                    prompt,
                    found,
                    source,
                    blended=ngrams is not None,
                    limit=max_new_tokens,
                    cancelled=cancelled,
                    allowed=allowed,
                    may_end=may_end,
                    stop_ids=stop_ids,
                    guess=guess,
                ):
                    if token in stop_ids:
                        stopped = "end"
                        break
                    found.ids.append(token)
                    found.logprobs.append(logprob)
                    if not keep_going(found.ids, found.logprobs):
                        stopped = "halted"
                        break
            finally:
                state.known = [*prompt, *found.ids, *_still_right(guess, found.ids)]
        return Decoded(found.ids, found.logprobs, stopped, reused, found.passes)

    @torch.inference_mode()
    def warm(self, prompt: Sequence[int], *, session: str, cancelled: IsCancelled = never) -> None:
        """Run ``prompt`` and remember it, so that ``generate`` begins at its last token."""
        with self._sessions.recalled(session, prompt) as state:
            self._feed(state, prompt, 0, cancelled)

    def _tokens(
        self,
        state: Session,
        prompt: Sequence[int],
        found: _Progress,
        source: NgramCache,
        *,
        blended: bool,
        limit: int,
        cancelled: IsCancelled,
        allowed: Allowed,
        may_end: MayEnd,
        stop_ids: frozenset[int],
        guess: Sequence[int],
    ) -> Iterator[tuple[int, float]]:
        """Tokens and their log-probabilities; the caller puts each into ``found`` before the next.

        A pass checks a draft: each of its tokens that comes true gives one more token.
        """
        ids = found.ids
        drafter = Drafter(source, self._rates)
        while len(ids) < limit:
            most = limit - len(ids) - 1
            guessed = _still_right(guess, ids)[: min(most, MAX_DRAFT)]
            draft = guessed or drafter.draft(ids, most)
            if draft and (some := allowed(ids)) is not None and draft[0] not in some:
                draft = []
            state.cut(len(prompt) + len(ids) - 1)  # behind that are drafts that did not come true
            rows = self._feed(state, [*prompt, *ids, *draft], len(draft) + 1, cancelled)
            found.passes += 1
            accepted = 0
            for row, drafted in zip(rows, [*draft, None], strict=True):
                logits = source.interpolate(row.log_softmax(-1), ids) if blended else row
                if (some := allowed(ids)) is not None:
                    logits = _only(some, logits)
                best = int(logits.argmax())
                if best in stop_ids and not may_end(ids):
                    best = _likeliest(logits, but=stop_ids)
                accepted += best == drafted
                yield best, float(logits[best] - logits.logsumexp(-1))
                if best != drafted:
                    break
            if not guessed:
                drafter.learn(len(draft), accepted)

    def _source(
        self, context: Sequence[int], ngrams: NgramView | None, stop_ids: frozenset[int]
    ) -> NgramCache:
        return NgramCache(context, ngrams, stop_ids, self._fitted.trust)

    def _feed(
        self, state: Session, ids: Sequence[int], keep: int, cancelled: IsCancelled
    ) -> torch.Tensor:
        """Run what ``state`` lacks of ``ids``; logits of the last ``keep``, (keep, vocabulary)."""
        while (begin := len(state.ids)) < len(ids):
            if cancelled():
                raise Cancelled
            left, most = len(ids) - begin, UNCANCELLED if cancelled is never else self._chunk
            size = left if left <= max(most, keep) else min(most, left - keep)
            chunk = list(ids[begin : begin + size])
            begun = time.perf_counter()
            logits = state.sequence.run(chunk, keep if size == left else 0)
            state.ids += chunk
            if size >= LEAST_CHUNK:
                self._chunk = _chunk(size / (time.perf_counter() - begun))
        return logits

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session."""
        self._sessions.forget(session)

    @torch.inference_mode()
    def logprobs(
        self,
        question: score.Question,
        *,
        stop_ids: frozenset[int] = frozenset(),
        session: str | None = None,
        ngrams: NgramView | None = None,
    ) -> torch.Tensor:
        """Natural log-probability of each token of the answer behind its prompt, (len(answer),).

        ``session`` names what to remember the prompt under, for ``generate`` or the next question.
        """
        prompt, answer = question.prompt, question.answer
        with self._sessions.recalled(session, prompt) as state:
            if not answer:
                return torch.zeros(0)
            rows = self._feed(state, [*prompt, *answer[:-1]], len(answer), never)
        source = None
        if ngrams is not None:
            source = self._source(question.context or prompt, ngrams, stop_ids)
        return score.costs(question, rows.log_softmax(-1), source).cpu()

    def logprobs_many(
        self,
        questions: Sequence[score.Question],
        *,
        stop_ids: frozenset[int] = frozenset(),
        ngrams: Sequence[NgramView] | None = None,
    ) -> list[torch.Tensor]:
        """``logprobs`` of each question, in their order, several in one forward pass.

        ``ngrams``: what may be copied into each answer.
        """
        if ngrams is None:
            return score.logprobs_many(self._engine, questions)
        sources = [
            self._source(question.context or question.prompt, some, stop_ids)
            for question, some in zip(questions, ngrams, strict=True)
        ]
        return score.logprobs_many(self._engine, questions, sources)


def _chunk(speed: float) -> int:
    """Tokens to read at once at so many a second."""
    return int(min(CHUNK, max(LEAST_CHUNK, speed * CHUNK_SECONDS)))


def _still_right(guess: Sequence[int], ids: Sequence[int]) -> list[int]:
    """What is left of a ``guess`` that came true so far."""
    return list(guess[len(ids) :]) if list(guess[: len(ids)]) == list(ids) else []


def _likeliest(logits: torch.Tensor, *, but: frozenset[int]) -> int:
    """The likeliest token, by logits (vocabulary,), that is none of these."""
    masked = logits.clone()
    masked[list(but)] = -torch.inf
    return int(masked.argmax())


def _only(tokens: NDArray[np.int64], logits: torch.Tensor) -> torch.Tensor:
    """The logits (vocabulary,) with every other token made impossible."""
    masked, chosen = torch.full_like(logits, -torch.inf), torch.from_numpy(tokens)
    masked[chosen] = logits[chosen]
    return masked
