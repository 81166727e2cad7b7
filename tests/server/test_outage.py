"""A server that comes and goes: said once, and left alone for longer and longer."""

from __future__ import annotations

from homespun_model.errors import RemoteError, RemoteInputError
from homespun_server.outage import Outage

AWAY = RemoteError("cannot be reached")


def test_a_long_outage_is_said_once_and_asked_after_ever_more_rarely() -> None:
    outage, now, said, pauses = Outage(), 0.0, 0, []
    for _ in range(2000):  # more than a day
        said += outage.failed(AWAY, now, lasts=False)
        pauses.append(outage.pause)
        now += outage.pause
    assert said == 1
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses[-1] == 60


def test_one_that_comes_back_for_moments_is_one_outage() -> None:
    outage, said = Outage(), 0
    for second in range(0, 600, 20):
        outage.met(second)
        said += outage.failed(AWAY, second + 10, lasts=False)
    assert said == 1
    assert outage.pause == 60


def test_after_a_minute_of_answers_it_is_a_new_one() -> None:
    outage = Outage()
    assert outage.failed(AWAY, 0, lasts=False)
    assert outage.met(1)
    assert not outage.met(50)
    assert outage.failed(AWAY, 100, lasts=False)
    assert outage.pause == 1


def test_what_lasts_is_said_beside_what_passes() -> None:
    outage, wrong = Outage(), RemoteInputError("refuses the key")
    assert outage.failed(AWAY, 0, lasts=False)
    assert outage.failed(wrong, 1, lasts=True)
    assert not outage.failed(wrong, 3, lasts=True)
    assert not outage.failed(AWAY, 7, lasts=False)
    assert not outage.failed(wrong, 15, lasts=True)


def test_it_is_left_alone_for_as_long_as_it_wants() -> None:
    outage = Outage()
    outage.failed(RemoteError("is asked too much", 30), 0, lasts=False)
    assert outage.pause == 30
