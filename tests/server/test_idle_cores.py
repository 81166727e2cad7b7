"""Answers are computed by as many threads as there are cores that nobody else uses."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]
import pytest
import torch
from homespun_server import idle_cores
from homespun_server.idle_cores import OFTEN, STALE, IdleCores, Spent

CORES = 4


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_cores, "_cores", lambda: CORES)


def machine(*seconds: tuple[float, float, float]) -> Callable[[], Spent]:
    """What is told at each look: by the clock, by all, by us."""
    told = iter(seconds)
    begun = time.monotonic() - 100
    return lambda: Spent(begun + (now := next(told))[0], *now[1:])


@pytest.mark.parametrize(
    ("by_all", "by_us", "threads"),
    [
        (0.0, 0.0, 4),
        (4.0, 4.0, 4),  # all of it ours
        (1.0, 0.0, 3),
        (3.0, 1.0, 2),
        (4.0, 0.0, 1),
        (4.1, 0.0, 1),  # clocks are read one after the other
        (0.4, 0.0, 4),  # an editor
    ],
)
def test_what_others_take_is_left_to_them(by_all: float, by_us: float, threads: int) -> None:
    cores = IdleCores(machine((0, 50, 7), (1, 50 + by_all, 7 + by_us)))
    assert cores.threads(CORES) == CORES  # nothing is known yet
    assert cores.threads(CORES) == threads


def test_no_more_than_torch_has() -> None:
    cores = IdleCores(machine((0, 0, 0), (1, 1, 0)))
    assert [cores.threads(2), cores.threads(2)] == [2, 2]  # two cores of four are free still


def test_an_old_look_says_nothing() -> None:
    later = STALE + 1
    cores = IdleCores(machine((0, 0, 0), (later, 4 * later, 0), (later + 1, 4 * later + 4, 0)))
    assert [cores.threads(CORES) for _ in range(3)] == [4, 4, 1]


def test_it_is_not_looked_again_at_once() -> None:
    looks: list[Spent] = []

    def spent() -> Spent:
        looks.append(Spent(time.monotonic(), 0, 0))
        return looks[-1]

    cores = IdleCores(spent)
    for _ in range(5):
        cores.threads(CORES)
    assert len(looks) == 1
    time.sleep(1.2 * OFTEN)
    cores.threads(CORES)
    assert len(looks) == 2


def test_a_real_machine_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before, cores = torch.get_num_threads(), IdleCores()
    try:
        cores.use()
        time.sleep(1.2 * OFTEN)
        cores.use()
        assert 1 <= torch.get_num_threads() <= before
    finally:
        torch.set_num_threads(before)
    first = idle_cores._spent()
    assert 0 < first.by_us < first.by_all
    assert first.by_all < (psutil.cpu_count() or 1) * (time.time() - psutil.boot_time() + 1)
