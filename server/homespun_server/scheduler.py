"""Who gets the model next: one thread that computes, and per document only the newest request.

A request that a newer one of the same document replaces is answered at once, and its computation
stops at its next question whether it was cancelled: between two forward passes. So does one that
the editor cancels. Other documents wait their turn, first come, first served. Knows nothing of
documents or models.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class Superseded(Exception):
    """A newer request of the same document has taken this one's place."""


@dataclass(eq=False, slots=True)
class _Ticket:
    cancelled: threading.Event = field(default_factory=threading.Event)
    superseded: bool = False
    leave: tuple[Callable[[], object], ...] = ()
    """Leave the thread's queue at once, which cancelling the awaited future does a round later."""

    def give_way(self) -> None:
        self.superseded = True
        self.cancelled.set()
        for leave in self.leave:
            leave()


class Scheduler:
    """Runs work on one thread of its own; use it from one event loop."""

    def __init__(self, name: str = "inference") -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._newest: dict[str, _Ticket] = {}

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits; may be asked from any thread."""
        return bool(self._newest)

    async def run(self, key: str, work: Callable[[Callable[[], bool]], T]) -> T:
        """``work(cancelled)`` computed on the thread, after replacing what ``key`` still waits for.

        Raises Superseded when a newer call has the same key, and whatever ``work`` raises.
        """
        ticket = self._enter(key)
        try:
            queued = self._executor.submit(work, ticket.cancelled.is_set)
            answer = asyncio.wrap_future(queued)
            ticket.leave = (queued.cancel, answer.cancel)
            return await answer
        except asyncio.CancelledError:
            if ticket.superseded:
                raise Superseded(key) from None
            raise
        finally:
            ticket.cancelled.set()
            if self._newest.get(key) is ticket:
                del self._newest[key]

    def submit(self, work: Callable[[], object]) -> None:
        """Do ``work`` on the thread when it is its turn; nobody waits for it."""
        self._executor.submit(work)

    def drop(self, key: str) -> None:
        """Give up what ``key`` waits for."""
        if (ticket := self._newest.pop(key, None)) is not None:
            ticket.give_way()

    def close(self) -> None:
        """Stop everything that runs or waits, without waiting for it."""
        for key in list(self._newest):
            self.drop(key)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _enter(self, key: str) -> _Ticket:
        self.drop(key)
        ticket = self._newest[key] = _Ticket()
        return ticket
