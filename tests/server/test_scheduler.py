"""Per document the newest request wins, and nobody waits for what nobody wants."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest
from homespun_server.scheduler import SPARE, Scheduler, Superseded


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    scheduler = Scheduler()
    yield scheduler
    scheduler.close()


class Stopped(Exception):
    """What a model raises between two forward passes."""


def decoding(started: threading.Event, ended: threading.Event) -> Callable[..., str]:
    """Work that goes on until it is cancelled, as decoding does; at most five seconds."""

    def work(cancelled: Callable[[], bool]) -> str:
        started.set()
        deadline = time.monotonic() + 5
        while not cancelled():
            if time.monotonic() > deadline:
                return "never cancelled"
            time.sleep(0.002)
        ended.set()
        raise Stopped

    return work


async def wait(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 5)


async def test_work_is_done_on_one_other_thread(scheduler: Scheduler) -> None:
    def thread(_cancelled: Callable[[], bool]) -> int:
        return threading.get_ident()

    seen = await asyncio.gather(*(scheduler.run(f"file:///{n}", thread) for n in range(8)))
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()


async def test_a_newer_request_of_the_document_answers_and_stops_the_older(
    scheduler: Scheduler,
) -> None:
    started, ended = threading.Event(), threading.Event()
    older = asyncio.ensure_future(scheduler.run("a", decoding(started, ended)))
    await wait(started)
    newer = asyncio.ensure_future(scheduler.run("a", lambda _cancelled: "newer"))
    with pytest.raises(Superseded):
        await older
    assert await newer == "newer"
    assert ended.is_set()


async def test_of_many_requests_only_the_last_is_computed(scheduler: Scheduler) -> None:
    computed = []
    started, ended = threading.Event(), threading.Event()
    blocker = asyncio.ensure_future(scheduler.run("other", decoding(started, ended)))
    await wait(started)

    def work(number: int) -> Callable[..., int]:
        def compute(_cancelled: Callable[[], bool]) -> int:
            computed.append(number)
            return number

        return compute

    burst = [asyncio.ensure_future(scheduler.run("a", work(number))) for number in range(50)]
    await asyncio.sleep(0)
    scheduler.drop("other")
    results = await asyncio.gather(*burst, blocker, return_exceptions=True)
    assert results[49] == 49
    assert all(isinstance(result, Superseded) for result in results[:49])
    assert computed == [49]


async def test_a_cancelled_request_stops_between_two_passes(scheduler: Scheduler) -> None:
    started, ended = threading.Event(), threading.Event()
    request = asyncio.ensure_future(scheduler.run("a", decoding(started, ended)))
    await wait(started)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await wait(ended)


async def test_documents_take_turns_and_none_is_lost(scheduler: Scheduler) -> None:
    def slow(_cancelled: Callable[[], bool]) -> int:
        time.sleep(0.005)
        return 1

    async def answers(document: str) -> int:
        return sum([await scheduler.run(document, slow) for _ in range(4)])

    assert await asyncio.gather(*(answers(f"file:///{n}") for n in range(10))) == [4] * 10


async def test_the_loop_goes_on_while_work_is_done(scheduler: Scheduler) -> None:
    started, ended = threading.Event(), threading.Event()
    request = asyncio.ensure_future(scheduler.run("a", decoding(started, ended)))
    await wait(started)
    turns = 0
    async with asyncio.timeout(2):
        while turns < 100:
            await asyncio.sleep(0)
            turns += 1
    scheduler.drop("a")
    with pytest.raises(Superseded):
        await request


async def test_what_work_raises_comes_back(scheduler: Scheduler) -> None:
    def broken(_cancelled: Callable[[], bool]) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await scheduler.run("a", broken)
    assert await scheduler.run("a", lambda _cancelled: "still here") == "still here"


# What is done while nobody waits


async def test_spare_work_is_done_and_told(scheduler: Scheduler) -> None:
    told = asyncio.get_running_loop().create_future()
    scheduler.spare("a", lambda _cancelled: "done", told.set_result)
    assert not scheduler.busy
    assert await asyncio.wait_for(told, 5) == "done"


async def test_a_request_interrupts_spare_work_which_is_begun_again_after(
    scheduler: Scheduler,
) -> None:
    told = asyncio.get_running_loop().create_future()
    started, ended = threading.Event(), threading.Event()
    rounds = []

    def work(cancelled: Callable[[], bool]) -> str:
        rounds.append(1)
        return "second" if len(rounds) > 1 else decoding(started, ended)(cancelled)

    scheduler.spare("a", work, told.set_result)
    await wait(started)
    assert await scheduler.run("b", lambda _cancelled: ended.is_set()) is True
    assert await asyncio.wait_for(told, 5) == "second"


async def test_spare_work_waits_for_every_request(scheduler: Scheduler) -> None:
    order = []
    started, ended = threading.Event(), threading.Event()
    blocker = asyncio.ensure_future(scheduler.run("first", decoding(started, ended)))
    await wait(started)
    told = asyncio.get_running_loop().create_future()
    scheduler.spare("spare", lambda _cancelled: order.append("spare"), told.set_result)
    requests = [
        asyncio.ensure_future(scheduler.run(f"{n}", lambda _cancelled: order.append("request")))
        for n in range(5)
    ]
    await asyncio.sleep(0)
    scheduler.drop("first")
    await asyncio.gather(*requests, blocker, return_exceptions=True)
    await asyncio.wait_for(told, 5)
    assert order == ["request"] * 5 + ["spare"]


async def test_a_request_of_the_same_document_takes_the_place_of_spare_work(
    scheduler: Scheduler,
) -> None:
    started, ended = threading.Event(), threading.Event()
    told: list[str] = []
    scheduler.spare("a", decoding(started, ended), told.append)
    await wait(started)
    assert await scheduler.run("a", lambda _cancelled: "asked") == "asked"
    await wait(ended)
    done = asyncio.get_running_loop().create_future()
    scheduler.spare("b", lambda _cancelled: None, done.set_result)
    await asyncio.wait_for(done, 5)
    assert told == []


async def test_only_a_few_documents_have_spare_work_the_newest_first(scheduler: Scheduler) -> None:
    order: list[int] = []
    started, ended = threading.Event(), threading.Event()
    blocker = asyncio.ensure_future(scheduler.run("asked", decoding(started, ended)))
    await wait(started)
    last = asyncio.get_running_loop().create_future()

    def told(number: int) -> None:
        order.append(number)
        if number == 100 - SPARE:
            last.set_result(None)

    for number in range(100):
        scheduler.spare(f"{number}", lambda _cancelled, number=number: number, told)
    scheduler.drop("asked")
    await asyncio.wait_for(last, 5)
    assert order == [99 - n for n in range(SPARE)]
    with pytest.raises(Superseded):
        await blocker


async def test_spare_work_that_fails_is_nobodys_trouble(scheduler: Scheduler) -> None:
    def broken(_cancelled: Callable[[], bool]) -> None:
        raise ValueError("no")

    scheduler.spare("a", broken)
    assert await scheduler.run("b", lambda _cancelled: 1) == 1


async def test_close_gives_everybody_an_end() -> None:
    scheduler = Scheduler()
    started, ended = threading.Event(), threading.Event()
    running = asyncio.ensure_future(scheduler.run("a", decoding(started, ended)))
    await wait(started)
    waiting = asyncio.ensure_future(scheduler.run("b", lambda _cancelled: 1))
    await asyncio.sleep(0)
    scheduler.close()
    results = await asyncio.gather(running, waiting, return_exceptions=True)
    assert all(isinstance(result, Superseded) for result in results)
    await wait(ended)
