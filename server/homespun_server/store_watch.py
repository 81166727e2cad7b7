"""Whether what a store serves has changed: looked at off the event loop, about once a second.

A store may be on a mount that hangs. Then the last state holds, and nobody waits for another.
Knows no models.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

FRESH = 1.0  # seconds in which a look need not be repeated

Stamp = tuple[int, ...] | None
"""Changes with what is served; None where that is the base."""


class StoreWatch:
    """``look`` gives a repository's stamp, on a thread of its own: it may take any time."""

    def __init__(
        self, look: Callable[[str], Stamp], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._looked: dict[str, float] = {}
        self._looking: set[str] = set()

    def is_due(self, repository: str) -> bool:
        """Whether it is time to look again; never while a look is under way."""
        last = self._looked.get(repository)
        return repository not in self._looking and (last is None or self._clock() - last >= FRESH)

    async def stamp(self, repository: str) -> Stamp:
        """A fresh look."""
        self._looking.add(repository)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._look, repository)
        finally:
            self._looking.discard(repository)
            self._looked[repository] = self._clock()

    def close(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)
