"""Repositories that are asked for keep their weights; those that are not make room."""

from __future__ import annotations

import pytest
from homespun_server.adapter_slots import LEAST, MEMORY, MOST, RECENT, Seats


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("copy", "room"), [(0, MOST), (1, MOST), (MEMORY // 4, 4), (MEMORY, LEAST), (10**12, LEAST)]
)
def test_room_is_what_memory_allows_within_bounds(copy: int, room: int) -> None:
    seats: Seats[str] = Seats()
    seats.make_room(copy)
    assert seats.room == room


def test_the_longest_unasked_leaves_but_not_at_once() -> None:
    clock = Clock()
    seats: Seats[str] = Seats(clock)
    assert seats.room == MOST  # as long as nobody knows what one takes
    seats.make_room(MEMORY // 2)
    for name in ("a", "b"):
        seat = seats.take(name)
        assert seat is not None
        seat.serving = name
    assert seats.take("c") is None
    clock.now += RECENT
    assert seats.find("a") is not None  # asked for again
    assert seats.take("c") is not None
    assert seats.find("b") is None
    assert seats.served() == ["a"]
    assert len(seats) == 2
