"""Whether the user's choice of a base has changed: looked at off the event loop, every few seconds.

Their folders may be on a mount that hangs: then nobody waits, and what was known holds. Knows no
bases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from homespun_model.errors import ModelError

EVERY = 2.0  # seconds

Stamp = tuple[object, ...]


class ChoiceWatch:
    """``stamp`` gives another value for another choice, on a thread of its own."""

    def __init__(self, stamp: Callable[[], Stamp]) -> None:
        self._stamp = stamp
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="choice")
        self._seen: Stamp | None = None

    async def look(self) -> bool:
        """Whether it is another than the last that was seen."""
        loop = asyncio.get_running_loop()
        before = self._seen
        self._seen = await loop.run_in_executor(self._thread, self._look)
        return self._seen != before

    async def changed(self) -> None:
        """Wait until it is."""
        await asyncio.sleep(EVERY)
        while not await self.look():
            await asyncio.sleep(EVERY)

    def close(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> Stamp:
        try:
            return self._stamp()
        except (ModelError, OSError) as error:  # settings that cannot be read are a state, too
            return (str(error),)
