"""Token ids in, token ids out: greedy decoding that remembers, and log-probabilities.

For each session (a document) the keys and values of its last sequence are kept; a new prompt runs
through the model only from where it differs. Knows no text, no prompt and no adapter.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from homespun_model.errors import Cancelled

MAX_SESSIONS = 16
CACHE_BYTES = 256 << 20  # keys and values kept for all sessions together
CHUNK = 256  # prompt tokens in one forward pass: a cancellation waits for no more than one
SCORED_TOKENS = 4096  # tokens, padding included, in one batch of scoring


@dataclass(frozen=True, slots=True)
class Decoded:
    """A greedy continuation, the token that ended it left out.

    ``logprobs``: natural log-probability of each id. ``stopped``: "end" at a stop id, "length" at
    the limit, "halted" because ``keep_going`` said no. ``reused``: prompt tokens not run again.
    """

    ids: list[int]
    logprobs: list[float]
    stopped: Literal["end", "length", "halted"]
    reused: int


@dataclass(slots=True)
class _Session:
    """``ids`` are the tokens whose keys and values ``cache`` holds."""

    ids: list[int]
    cache: DynamicCache

    def cut(self, length: int) -> None:
        if length < len(self.ids):
            self.cache.crop(length - len(self.ids))
            del self.ids[length:]

    def size(self) -> int:
        """Bytes held by keys and values."""
        return sum(
            int(tensor.nbytes)
            for layer in self.cache.layers
            if isinstance(layer, DynamicLayer)
            for tensor in (layer.keys, layer.values)
            if tensor is not None
        )


def never() -> bool:
    """The ``cancelled`` of a caller that does not cancel."""
    return False


def any_token(_ids: Sequence[int]) -> list[int] | None:
    """The ``allowed`` of a caller to whom every token is welcome."""
    return None


def always(_ids: list[int]) -> bool:
    """The ``keep_going`` of a caller that takes what comes."""
    return True


class Decoder:
    """Decodes with one model. Not for two threads at once."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._device = model.device
        # Logits of positions that nobody reads are the larger part of a small model's work.
        self._can_keep = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    @torch.inference_mode()
    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_new_tokens: int,
        stop_ids: frozenset[int],
        session: str | None = None,
        cancelled: Callable[[], bool] = never,
        keep_going: Callable[[list[int]], bool] = always,
        allowed: Callable[[Sequence[int]], list[int] | None] = any_token,
    ) -> Decoded:
        """The most likely token, one after another.

        ``session`` names what to remember the prompt under. ``cancelled`` is asked before each
        forward pass; Cancelled is raised if it says yes, and what was computed is kept.
        ``keep_going`` sees all ids so far after each new one. ``allowed`` names, for the ids so
        far, those that may come next, None for all; log-probabilities are among these.
        """
        with self._recalled(session, prompt) as state:
            reused = len(state.ids)
            logits = self._feed(state, prompt[reused:], cancelled)
            ids, logprobs, stopped = self._continue(
                state,
                logits,
                limit=max_new_tokens,
                stop_ids=stop_ids,
                cancelled=cancelled,
                keep_going=keep_going,
                allowed=allowed,
            )
        return Decoded(ids, logprobs, stopped, reused)

    @torch.inference_mode()
    def warm(
        self, prompt: Sequence[int], *, session: str, cancelled: Callable[[], bool] = never
    ) -> None:
        """Run ``prompt`` and remember it, so that ``generate`` begins at its last token."""
        with self._recalled(session, prompt) as state:
            self._feed(state, prompt[len(state.ids) :], cancelled)

    def _continue(
        self,
        state: _Session,
        logits: torch.Tensor,
        *,
        limit: int,
        stop_ids: frozenset[int],
        cancelled: Callable[[], bool],
        keep_going: Callable[[list[int]], bool],
        allowed: Callable[[Sequence[int]], list[int] | None],
    ) -> tuple[list[int], list[float], Literal["end", "length", "halted"]]:
        ids: list[int] = []
        logprobs: list[float] = []
        while len(ids) < limit:
            if some := allowed(ids):
                logits = _only(some, logits)
            best = int(logits.argmax())
            if best in stop_ids:
                return ids, logprobs, "end"
            ids.append(best)
            logprobs.append(float(logits[best] - logits.logsumexp(-1)))
            if not keep_going(ids):
                return ids, logprobs, "halted"
            if len(ids) < limit:
                logits = self._feed(state, [best], cancelled)
        return ids, logprobs, "length"

    def _feed(
        self, state: _Session, ids: Sequence[int], cancelled: Callable[[], bool]
    ) -> torch.Tensor:
        """Run ``ids`` behind what ``state`` holds; the logits of the last, (vocabulary,)."""
        if not ids:
            raise ValueError("a prompt needs at least one token")
        for begin in range(0, len(ids), CHUNK):
            if cancelled():
                raise Cancelled
            chunk = list(ids[begin : begin + CHUNK])
            logits = self._forward(torch.tensor([chunk], device=self._device), 1, state.cache)
            state.ids += chunk
        return logits[0, -1]

    def _forward(
        self, ids: torch.Tensor, keep: int, cache: DynamicCache | None = None
    ) -> torch.Tensor:
        """Logits in float32 of the last ``keep`` positions of ``ids`` (batch, length)."""
        options = {"logits_to_keep": keep} if self._can_keep else {}
        out = self._model(
            input_ids=ids, past_key_values=cache, use_cache=cache is not None, **options
        )
        logits: torch.Tensor = out.logits[:, -keep:].float()
        return logits

    @contextmanager
    def _recalled(self, session: str | None, prompt: Sequence[int]) -> Iterator[_Session]:
        """The session's state for ``prompt``, remembered again unless a pass failed half-way."""
        state = self._recall(session, prompt)
        try:
            yield state
        except Cancelled:
            self._remember(session, state)
            raise
        self._remember(session, state)

    def _recall(self, session: str | None, prompt: Sequence[int]) -> _Session:
        """The session's state cut back to what it shares with ``prompt``, which it leaves alone.

        At least one token of the prompt stays to be run: its logits begin the continuation. Taken
        out of the table, so that a pass that fails half-way leaves nothing behind.
        """
        state = self._sessions.pop(session, None) if session is not None else None
        if state is None:
            # Without a config every layer keeps all it sees, sliding ones too: it can be cut back.
            return _Session([], DynamicCache())
        shared = 0
        for old, new in zip(state.ids, prompt[:-1], strict=False):
            if old != new:
                break
            shared += 1
        state.cut(shared)
        return state

    def _remember(self, session: str | None, state: _Session) -> None:
        if session is None:
            return
        self._sessions[session] = state
        sizes = {name: kept.size() for name, kept in self._sessions.items()}
        total = sum(sizes.values())
        while len(self._sessions) > 1 and (
            total > CACHE_BYTES or len(self._sessions) > MAX_SESSIONS
        ):
            oldest, _ = self._sessions.popitem(last=False)
            total -= sizes[oldest]

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session."""
        self._sessions.pop(session, None)

    def logprobs(self, prompt: Sequence[int], middle: Sequence[int]) -> torch.Tensor:
        """Natural log-probability of each token of ``middle`` behind ``prompt``, (len(middle),)."""
        return self.logprobs_many([(prompt, middle)])[0]

    def logprobs_many(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[torch.Tensor]:
        """``logprobs`` of each (prompt, middle), in their order, several in one forward pass."""
        if not all(prompt for prompt, _ in pairs):
            raise ValueError("a prompt needs at least one token")
        results = [torch.zeros(0)] * len(pairs)
        todo = [i for i, (_, middle) in enumerate(pairs) if middle]
        todo.sort(key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        while todo:
            batch = self._batch(pairs, todo)
            for i, scored in zip(batch, self._score([pairs[i] for i in batch]), strict=True):
                results[i] = scored
        return results

    @staticmethod
    def _batch(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], todo: list[int]) -> list[int]:
        """Take the longest off ``todo``, and as many of the next as fit beside it."""
        longest = len(pairs[todo[-1]][0]) + len(pairs[todo[-1]][1])
        count = max(1, min(SCORED_TOKENS // longest, len(todo)))
        batch = todo[-count:]
        del todo[-count:]
        return batch

    @torch.inference_mode()
    def _score(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[torch.Tensor]:
        """One padded forward pass. Attention looks back only: padding at the end needs no mask."""
        rows = [[*prompt, *middle] for prompt, middle in pairs]
        length = max(map(len, rows))
        ids = torch.zeros((len(rows), length), dtype=torch.long, device=self._device)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, device=self._device)
        first = min(len(prompt) for prompt, _ in pairs) - 1  # earliest position that predicts
        logits = self._forward(ids, length - first)
        results = []
        for i, (prompt, middle) in enumerate(pairs):
            begin = len(prompt) - 1 - first
            of_middle = logits[i, begin : begin + len(middle)].log_softmax(-1)  # (middle, vocab)
            wanted = torch.tensor(list(middle), device=self._device).unsqueeze(-1)
            results.append(of_middle.gather(-1, wanted).squeeze(-1).cpu())
        return results


def _only(tokens: list[int], logits: torch.Tensor) -> torch.Tensor:
    """The logits (vocabulary,) with every other token made impossible."""
    masked = torch.full_like(logits, -torch.inf)
    masked[tokens] = logits[tokens]
    return masked
