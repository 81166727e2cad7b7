"""An acceptance is counted once, whichever way the editor tells."""

from __future__ import annotations

import pytest
from homespun_server.acceptances import REMEMBERED, Acceptances

URI, OTHER = "file:///a.py", "file:///b.py"


def test_the_command_and_the_text_are_one_acceptance() -> None:
    for order in ("command first", "text first"):
        acceptances = Acceptances()
        number = acceptances.shown(URI, "x = 1")
        if order == "command first":
            assert acceptances.by_command(number)
            assert not acceptances.by_text(URI, "x = 1")
        else:
            assert acceptances.by_text(URI, "x = 1")
            assert not acceptances.by_command(number)
        assert acceptances.total == 1


def test_another_text_is_no_acceptance() -> None:
    acceptances = Acceptances()
    acceptances.shown(URI, "x = 1")
    assert not acceptances.by_text(URI, "x = 2")
    assert not acceptances.by_text(URI, "x = ")
    assert not acceptances.by_text(OTHER, "x = 1")
    assert acceptances.by_text(URI, "x = 1")


@pytest.mark.parametrize("number", [None, 99, "1", {}, [], True])
def test_a_command_about_nothing_that_was_shown(number: object) -> None:
    acceptances = Acceptances()
    acceptances.shown(URI, "")
    acceptances.shown(URI, "x = 1")  # number 2
    assert not acceptances.by_command(number)
    assert acceptances.total == 0


def test_little_is_remembered() -> None:
    acceptances = Acceptances()
    numbers = [acceptances.shown(f"file:///{n}", "x") for n in range(REMEMBERED + 1)]
    assert not acceptances.by_command(numbers[0])
    assert acceptances.by_command(numbers[1])
    acceptances.forget(f"file:///{REMEMBERED}")
    assert not acceptances.by_command(numbers[-1])
