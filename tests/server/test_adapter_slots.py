"""Repositories that are asked for keep their weights; those that are not make room."""

from __future__ import annotations

import pytest
from homespun_server.adapter_slots import LEAST, MEMORY, MOST, RECENT, AdapterSlots


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("copy", "room"), [(0, MOST), (1, MOST), (MEMORY // 4, 4), (MEMORY, LEAST), (10**12, LEAST)]
)
def test_room_is_what_memory_allows_within_bounds(copy: int, room: int) -> None:
    slots: AdapterSlots[str] = AdapterSlots()
    slots.make_room(copy)
    assert slots.room == room


def test_the_longest_unasked_leaves_but_not_at_once() -> None:
    clock = Clock()
    slots: AdapterSlots[str] = AdapterSlots(clock)
    assert slots.room == MOST  # as long as nobody knows what one takes
    slots.make_room(MEMORY // 2)
    for name in ("a", "b"):
        slot = slots.take(name)
        assert slot is not None
        slot.serving = name
    assert slots.take("c") is None
    clock.now += RECENT
    assert slots.find("a") is not None  # asked for again
    assert slots.take("c") is not None
    assert slots.find("b") is None
    assert slots.served() == ["a"]
    assert len(slots) == 2
