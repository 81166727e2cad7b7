"""How many threads compute an answer: as many as there are cores that nobody else uses.

Threads of one product wait for the slowest of them. Beside a build, which is where people type, one
of two is always kept waiting by it, and a lone thread is done sooner (LOG E-055).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

OFTEN = 0.25  # seconds between two looks: what is shorter says little
STALE = 5.0  # seconds: an older look says nothing of now


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processors since the machine started, by the clock ``at``."""

    at: float
    by_all: float
    by_us: float


class IdleCores:
    """Used from one thread."""

    def __init__(self, spent: Callable[[], Spent] | None = None) -> None:
        self._spent = spent or _spent
        self._before: Spent | None = None
        self._most = self._threads = 0

    def use(self) -> None:
        """From now on this thread's products are computed by as many."""
        import torch  # loaded long ago: somebody is about to compute

        if not self._most:
            self._most = torch.get_num_threads()
        if (threads := self.threads(self._most)) != self._threads:
            torch.set_num_threads(threads)
            self._threads = threads

    def threads(self, most: int) -> int:
        """At least one and at most ``most``, by what others took since the last look."""
        before = self._before
        if before is not None and time.monotonic() - before.at < OFTEN:
            return self._threads or most
        now = self._before = self._spent()
        if before is None or now.at - before.at > STALE:
            return most
        others = now.by_all - before.by_all - (now.by_us - before.by_us)
        return max(1, min(most, round(_cores() - others / (now.at - before.at))))


def _cores() -> int:
    import psutil  # type: ignore[import-untyped]

    return psutil.cpu_count() or 1


def _spent() -> Spent:
    import psutil

    everybody, ours = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = everybody.idle + getattr(everybody, "iowait", 0.0)
    # A guest's time is in the host's user time too.
    guests = getattr(everybody, "guest", 0.0) + getattr(everybody, "guest_nice", 0.0)
    return Spent(time.monotonic(), sum(everybody) - idle - guests, ours.user + ours.system)
