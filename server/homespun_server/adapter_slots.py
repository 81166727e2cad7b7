"""Which repositories have weights of their own in memory, when not all can.

As many as memory allows, the longest unasked leaving first. One that was asked for just now does
not leave: where more are open than have room, loading each at every turn would be slower for all
than the base is for the last. Knows no models.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

MEMORY = 2 << 30  # bytes for what all of them add to the base
MOST, LEAST = 8, 2
RECENT = 60.0  # seconds in which a repository that was asked for keeps its slot


@dataclass(slots=True)
class AdapterSlot(Generic[T]):
    """What one repository is served with, as of a state of the store."""

    asked: float
    stamp: tuple[int, ...] | None = None
    serving: T | None = None
    loading: asyncio.Future[None] | None = None


class AdapterSlots(Generic[T]):
    """The slots, by repository."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.room = MOST
        self._clock = clock
        self._taken: OrderedDict[str, AdapterSlot[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._taken)

    def make_room(self, size: int) -> None:
        """A slot takes ``size`` bytes."""
        self.room = max(LEAST, min(MOST, MEMORY // max(1, size)))

    def find(self, repository: str) -> AdapterSlot[T] | None:
        """The repository's slot, which counts as asked for; None if it has none."""
        if (slot := self._taken.get(repository)) is not None:
            slot.asked = self._clock()
            self._taken.move_to_end(repository)
        return slot

    def take(self, repository: str) -> AdapterSlot[T] | None:
        """A new slot; None where there is no room and nobody leaves."""
        now = self._clock()
        if len(self._taken) >= self.room:
            longest, slot = next(iter(self._taken.items()))
            if now - slot.asked < RECENT:
                return None
            del self._taken[longest]
        self._taken[repository] = AdapterSlot(now)
        return self._taken[repository]

    def served(self) -> list[T]:
        """What is in all slots."""
        return [slot.serving for slot in self._taken.values() if slot.serving is not None]

    def taken(self) -> list[tuple[str, AdapterSlot[T]]]:
        """All of them, the one that was asked for last at the end."""
        return list(self._taken.items())
