"""A thread of its own for a disk that may hang: it looks now and then, and does other work between.

Often while somebody is at work, seldom afterwards, and never for more than a small share of the
time. Ends with the process, whatever it waits for. Knows nothing of what is looked at.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from homespun_server.logs import failure

EVERY = 1.0  # seconds between looks while somebody is at work
RESTING = 5.0  # seconds more when nobody is
AT_WORK = 60.0  # seconds after the last touch
ASLEEP = 3600.0  # seconds after it in which nobody looks any more, until the next
SHARE = 20  # times what a look took are between it and the next

Work = Callable[[], object]

logger = logging.getLogger(__name__)


class LookThread:
    """``look`` does so and says how many seconds that took, reading what is new left out."""

    def __init__(self, look: Callable[[], float], *, name: str = "reader") -> None:
        self._look = look
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._touched = self._due = time.monotonic()
        self._is_told = False
        self._failures: set[str] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Look for the first time, and from then on."""
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Do ``work`` after what was submitted before."""
        self._queue.put(work)

    def touch(self, *, now: bool = False) -> None:
        """Somebody is at work: look if the last look is a while ago, or ``now``. Never waits."""
        self._touched = time.monotonic()
        if (now or self._touched >= self._due) and not self._is_told:
            self._is_told = True
            self._queue.put(self._look_now)

    def close(self) -> None:
        """End after what is queued; what hangs is left to itself."""
        self._queue.put(None)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception as error:  # suggestions do without
                if (kind := failure(error)) not in self._failures:
                    self._failures.add(kind)
                    logger.warning("no related code: %s", kind)

    def _next(self) -> Work | None:
        try:
            return self._queue.get(timeout=self._pause())
        except queue.Empty:
            return self._look_now

    def _pause(self) -> float | None:
        """Seconds until the next look; None where somebody has to come first."""
        now = time.monotonic()
        untouched = now - self._touched
        if untouched > ASLEEP:
            return None
        return max(0.0, self._due - now + (RESTING if untouched > AT_WORK else 0.0))

    def _look_now(self) -> None:
        self._is_told, took = True, 0.0
        try:
            took = self._look()
        finally:
            self._due = time.monotonic() + max(EVERY, SHARE * took)
            self._is_told = False
