"""Who gets the model next: one thread that computes, and per document only the newest request.

A request that a newer one of the same document replaces is answered at once, and its computation
stops at its next question whether it was cancelled: between two forward passes. So does one that
the editor cancels. Other documents wait their turn, first come, first served. What is only done in
case it is wanted has the thread while nobody waits, and gives way in the same manner. Knows nothing
of documents or models.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

SPARE = 4  # documents for which something is kept to be done when nobody waits


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


@dataclass(eq=False, slots=True)
class _Spare:
    """Something to do when nobody waits, and who is told what came of it."""

    key: str
    work: Callable[[Callable[[], bool]], Any]
    then: Callable[[Any], None]
    ticket: _Ticket = field(default_factory=_Ticket)


class Scheduler:
    """Runs work on one thread of its own; use it from one event loop."""

    def __init__(self, name: str = "inference") -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._newest: dict[str, _Ticket] = {}
        self._spare: OrderedDict[str, _Spare] = OrderedDict()
        self._running: _Spare | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether anybody waits; may be asked from any thread."""
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
            self._begin_spare()

    def spare(
        self,
        key: str,
        work: Callable[[Callable[[], bool]], T],
        then: Callable[[T], None] = lambda _result: None,
    ) -> None:
        """Do ``work(cancelled)`` while nobody waits, begun again where a request interrupted it.

        In place of what ``key`` had; the newest of a few keys first, and the others forgotten.
        ``then`` gets what it came to, on the event loop, unless ``key`` was dropped meanwhile.
        """
        self._drop_spare(key)
        self._spare[key] = _Spare(key, work, then)
        while len(self._spare) > SPARE:
            self._spare.popitem(last=False)
        self._begin_spare()

    def submit(self, work: Callable[[], object]) -> None:
        """Do ``work`` on the thread when it is its turn; nobody waits for it."""
        self._executor.submit(work)

    def drop(self, key: str) -> None:
        """Give up what ``key`` waits for, and what would be done for it while nobody does."""
        self._drop_spare(key)
        if (ticket := self._newest.pop(key, None)) is not None:
            ticket.give_way()

    def close(self) -> None:
        """Stop everything that runs or waits, without waiting for it."""
        self._closed = True
        self._spare.clear()
        if self._running is not None:
            self._running.ticket.give_way()
        for key in list(self._newest):
            self.drop(key)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _enter(self, key: str) -> _Ticket:
        self.drop(key)
        if self._running is not None:
            self._running.ticket.cancelled.set()
        ticket = self._newest[key] = _Ticket()
        return ticket

    def _drop_spare(self, key: str) -> None:
        self._spare.pop(key, None)
        if self._running is not None and self._running.key == key:
            self._running.ticket.give_way()

    def _begin_spare(self) -> None:
        if self._closed or self._newest or self._running is not None or not self._spare:
            return
        _, spare = self._spare.popitem()
        spare.ticket = _Ticket()
        self._running = spare
        loop = asyncio.get_running_loop()

        def ended(future: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop has ended before the work
                loop.call_soon_threadsafe(self._end_spare, spare, future)

        self._executor.submit(spare.work, spare.ticket.cancelled.is_set).add_done_callback(ended)

    def _end_spare(self, spare: _Spare, future: Future[Any]) -> None:
        self._running = None
        interrupted = spare.ticket.cancelled.is_set()
        failed = future.cancelled() or future.exception() is not None
        if not spare.ticket.superseded and not failed:
            spare.then(future.result())
        elif not spare.ticket.superseded and interrupted:
            self._spare.setdefault(spare.key, spare)
            self._spare.move_to_end(spare.key, last=False)
        self._begin_spare()
