"""What was read for each document, kept for its next question, in bounded memory.

A session has the keys and values of the last sequence that ran; a new prompt gives up what it does
not share with that. Knows no tokens' meaning and decodes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from homespun_model.engines.engine import CachedSequence, Engine
from homespun_model.errors import Cancelled

MAX_SESSIONS = 16
CACHE_BYTES = 128 << 20  # keys and values kept for all sessions together: ten long prompts of 0.5B


@dataclass(slots=True)
class Session:
    """``ids`` are the tokens that ``sequence`` has read; ``known`` the last prompt that was
    answered and its answer, as far as it came."""

    ids: list[int]
    sequence: CachedSequence
    known: list[int] = field(default_factory=list)

    def behind(self, prompt: Sequence[int]) -> list[int]:
        """What is known to come behind a prompt, as likely as not; nothing where it is another."""
        size = len(prompt)
        return self.known[size:] if self.known[:size] == list(prompt) else []

    def cut(self, length: int) -> None:
        """Back to so many tokens, if it has read more."""
        if length < len(self.ids):
            self.sequence.cut(length)
            del self.ids[length:]


class Sessions:
    """Those of one engine. Not for two threads at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __getitem__(self, session: str) -> Session:
        """What is remembered of one; KeyError."""
        return self._sessions[session]

    @contextmanager
    def recalled(self, session: str | None, prompt: Sequence[int]) -> Iterator[Session]:
        """The session's state for ``prompt``, remembered again unless a pass failed half-way."""
        if not prompt:
            raise ValueError("a prompt needs at least one token")
        state = self._recall(session, prompt)
        try:
            yield state
        except Cancelled:
            self._remember(session, state)
            raise
        self._remember(session, state)

    def _recall(self, session: str | None, prompt: Sequence[int]) -> Session:
        """The session's state cut back to what it shares with ``prompt``, which it leaves alone.

        At least one token of the prompt stays to be run: its logits begin the continuation. Taken
        out of the table, so that a pass that fails half-way leaves nothing behind.
        """
        state = self._sessions.pop(session, None) if session is not None else None
        if state is None:
            return Session([], self._engine.begin())
        shared = 0
        for old, new in zip(state.ids, prompt[:-1], strict=False):
            if old != new:
                break
            shared += 1
        state.cut(shared)
        return state

    def _remember(self, session: str | None, state: Session) -> None:
        if session is None:
            return
        self._sessions[session] = state
        sizes = {name: kept.sequence.size() for name, kept in self._sessions.items()}
        total = sum(sizes.values())
        while len(self._sessions) > 1 and (
            total > CACHE_BYTES or len(self._sessions) > MAX_SESSIONS
        ):
            oldest, _ = self._sessions.popitem(last=False)
            total -= sizes[oldest]

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session."""
        self._sessions.pop(session, None)
