"""What is done for a document when its typing rests. Knows nothing of what that is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from homespun_server.logs import failure

REST = 0.05  # seconds: an editor that asks after a change has asked by then

logger = logging.getLogger(__name__)


class Debouncer:
    """A short time for every document, begun again by everything that happens in it."""

    def __init__(self) -> None:
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    def begin(self, uri: str, work: Callable[[], Awaitable[None]], seconds: float = REST) -> None:
        """Do ``work`` after ``seconds``, unless something happens to the document before."""
        self.end(uri)
        loop = asyncio.get_running_loop()
        self._timers[uri] = loop.call_later(seconds, self._over, uri, work)

    def at_once(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` now, whatever happens to any document."""

        async def guarded() -> None:
            try:
                await work()
            except Exception as error:  # nobody asked for it
                logger.debug("at rest: %s", failure(error))

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, uri: str) -> None:
        """Something happens: what was to be done is not done."""
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()

    def close(self) -> None:
        """Do nothing any more."""
        for uri in list(self._timers):
            self.end(uri)

    def _over(self, uri: str, work: Callable[[], Awaitable[None]]) -> None:
        del self._timers[uri]
        self.at_once(work)
