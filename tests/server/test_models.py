"""Weights in memory: loaded once, swapped without a pause, refused if they are damaged."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from homespun_corpus.place import place_at
from homespun_model.bases import memory
from homespun_model.bases.base import load_base
from homespun_model.catalogue import own_settings
from homespun_model.errors import BaseError
from homespun_model.sharing.store_place import StorePlace
from homespun_model.store.store import AdapterStore
from homespun_server import choice_watch, shared_watch
from homespun_server import models as engine_module
from homespun_server.models import Models
from homespun_server.serving import Status
from homespun_server.settings import LaunchOptions

if TYPE_CHECKING:
    from taught_models import Taught

PLACE = place_at("def f():\n    ", 13, path="a.py", language="python")


def cut(taught: Taught) -> None:
    weights = taught.give_generic() / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


def unfitting(taught: Taught) -> None:
    """Of another rank than its configuration says."""
    config = taught.give_generic() / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 3}))


class Watched(Models):
    """Models whose reports can be read."""

    def __init__(self, options: LaunchOptions) -> None:
        self.reports: list[Status] = []
        super().__init__(options, self.reports.append)

    async def revision(self, repository: str) -> str | None:
        return (await self.serving(repository)).served.revision

    async def until(self, repository: str, revision: str | None) -> None:
        """Wait until ``revision`` answers for ``repository``."""
        deadline = time.monotonic() + 60
        while await self.revision(repository) != revision:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


@pytest.fixture(params=[memory.SMALL, 0], ids=["merged", "unmerged"])
async def engine(
    request: pytest.FixtureRequest,
    taught: Taught,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Watched]:
    monkeypatch.setattr(memory, "SMALL", request.param)
    engine = Watched(LaunchOptions(str(taught.base), str(tmp_path / "store"), "cpu"))
    yield engine
    engine.close()


async def test_the_base_is_loaded_once(engine: Watched) -> None:
    servings = await asyncio.gather(*(engine.serving(None) for _ in range(5)))
    assert len({id(serving.completer) for serving in servings}) == 1
    assert [report.state for report in engine.reports] == ["loading", "ready"]


async def test_weights_that_are_let_go_leave_memory_and_come_back(
    engine: Watched, taught: Taught
) -> None:
    revision = taught.publish(engine.store, "team/project").name
    await engine.until("team/project", revision)
    serving = await engine.serving("team/project")
    tokens, weights = serving.completer.tokens, weakref.ref(serving.completer)
    del serving
    engine.let_go()
    while weights() is not None:
        await asyncio.sleep(0.01)
    assert tokens("def f")
    assert engine.completers() == []
    await engine.until("team/project", revision)
    assert [report.state for report in engine.reports].count("loading") == 2


async def test_a_device_that_is_not_there_is_said_and_not_waited_for(taught: Taught) -> None:
    device = "mps" if not torch.backends.mps.is_available() else "cuda"
    engine = Watched(LaunchOptions(str(taught.base), None, device))
    for _ in range(2):
        with pytest.raises(BaseError, match="--device"):
            await engine.serving(None)
    assert [report.state for report in engine.reports] == ["loading", "error"]
    engine.close()


async def test_a_base_that_fails_as_nobody_foresaw_is_said_too(
    taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "load_plain", lambda _options: 1 / 0)
    engine = Watched(LaunchOptions(str(taught.base), None, "cpu"))
    with pytest.raises(BaseError, match="cannot be loaded"):
        await engine.serving(None)
    assert engine.reports[-1].state == "error"
    assert "ZeroDivisionError" in str(engine.reports[-1].message)
    engine.close()


async def test_repositories_without_an_adapter_share_the_base(
    engine: Watched, taught: Taught
) -> None:
    one, two = await engine.serving("team/one"), await engine.serving("team/two")
    assert one.completer is two.completer
    assert one.completer.complete(PLACE).text == taught.base_says


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{folder}_HOME", str(tmp_path / folder))


@pytest.mark.usefixtures("own_data")
async def test_a_base_answers_with_its_generic_adapter_where_a_repository_has_none(
    engine: Watched, taught: Taught
) -> None:
    taught.give_generic()
    plain = await engine.serving(None)
    assert plain.completer.complete(PLACE).text == taught.adapter_says
    assert plain.served.generic is not None
    assert [report.generic for report in engine.reports] == [False, True]


@pytest.mark.usefixtures("own_data")
@pytest.mark.parametrize("damage", [cut, unfitting])
async def test_a_generic_adapter_that_cannot_be_served_is_said_and_the_base_answers(
    engine: Watched, taught: Taught, damage: Callable[[Taught], None]
) -> None:
    damage(taught)
    plain = await engine.serving(None)
    assert plain.completer.complete(PLACE).text == taught.base_says
    assert plain.served.generic is None
    assert (engine.reports[-1].state, engine.reports[-1].generic) == ("ready", False)
    assert "adapter" in str(engine.reports[-1].message)


@pytest.mark.usefixtures("own_data")
async def test_a_generic_adapter_that_is_made_meanwhile_is_taken_up(
    taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice_watch, "EVERY", 0.05)
    own_settings.choose(own_settings.default_file(), str(taught.base))
    engine = Watched(LaunchOptions(None, None, "cpu"))
    before = await engine.serving(None)
    taught.give_generic()
    while (after := await engine.serving(None)).served == before.served:
        await asyncio.sleep(0.01)
    assert before.completer.complete(PLACE).text == taught.base_says
    assert after.completer.complete(PLACE).text == taught.adapter_says
    engine.close()


async def test_the_old_weights_answer_while_the_new_are_loaded(
    engine: Watched, taught: Taught
) -> None:
    old = await engine.serving("team/app")
    first = taught.publish(engine.store, "team/app")
    during = await engine.serving("team/app")
    assert during.completer is old.completer  # nobody waited, nobody was dropped
    await engine.until("team/app", first.name)
    new = await engine.serving("team/app")
    assert new.completer.complete(PLACE).text == taught.adapter_says
    assert old.completer.complete(PLACE).text == taught.base_says  # a request still in flight


async def test_a_new_revision_is_loaded_once_for_all_who_ask(
    engine: Watched, taught: Taught
) -> None:
    await engine.warm()
    first = taught.publish(engine.store, "team/app")
    await asyncio.gather(*(engine.serving("team/app") for _ in range(10)))
    await engine.until("team/app", first.name)
    assert sum(report.revision == first.name for report in engine.reports) == 1


async def test_a_damaged_revision_is_said_once_and_the_next_good_one_serves(
    engine: Watched, taught: Taught
) -> None:
    first = taught.publish(engine.store, "team/app")
    await engine.until("team/app", first.name)
    second = taught.publish(engine.store, "team/app")
    (second.path / "adapter_config.json").write_text("{}")
    while not any(report.state == "error" for report in engine.reports):
        assert await engine.revision("team/app") == first.name
        await asyncio.sleep(0.01)
    for _ in range(3):
        assert await engine.revision("team/app") == first.name
        await asyncio.sleep(0.01)
    refused = [report for report in engine.reports if report.state == "error"]
    assert len(refused) == 1
    assert f"{first.name} stays in use" in (refused[0].message or "")
    third = taught.publish(engine.store, "team/app")
    await engine.until("team/app", third.name)


async def test_a_store_that_is_gone_leaves_the_base(engine: Watched, taught: Taught) -> None:
    first = taught.publish(engine.store, "team/app")
    await engine.until("team/app", first.name)
    for file in (engine.store.root / "team" / "app").glob("current*"):
        file.unlink()
    await engine.until("team/app", None)


async def test_only_as_many_adapters_are_kept_as_have_room(
    engine: Watched, taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {}
    await engine.warm()
    slots = (await engine._in_use())._slots
    monkeypatch.setattr(slots, "room", 2)
    monkeypatch.setattr("homespun_server.adapter_slots.MOST", 2)
    for number in range(3):
        names[number] = taught.publish(engine.store, f"team/{number}").name
    for number in (0, 1):
        await engine.until(f"team/{number}", names[number])
    monkeypatch.setattr("homespun_server.store_watch.FRESH", 0.0)
    for _ in range(20):
        assert await engine.revision("team/2") is None  # the others are in use
        await asyncio.sleep(0.01)
    said = [report.message for report in engine.reports if report.message]
    assert said == ["memory holds 2 adapters; the base answers for team/2"]
    monkeypatch.setattr("homespun_server.adapter_slots.RECENT", 0.0)
    await engine.until("team/2", names[2])
    assert len(slots) == 2
    await engine.until("team/0", names[0])


async def test_an_id_that_no_store_can_hold_is_served_by_the_base(engine: Watched) -> None:
    assert await engine.revision("../../etc") is None


async def test_a_base_that_cannot_be_loaded_is_said_once(tmp_path: Path) -> None:
    engine = Watched(LaunchOptions(str(tmp_path / "nowhere"), str(tmp_path / "store"), "cpu"))
    for _ in range(3):
        with pytest.raises(BaseError):
            await engine.serving("team/app")
    assert [report.state for report in engine.reports] == ["loading", "error"]
    engine.close()


def test_the_store_is_the_one_that_was_named(tmp_path: Path) -> None:
    models = engine_module.Models(LaunchOptions(store=str(tmp_path / "named")), lambda _: None)
    assert models.store.root == tmp_path / "named"
    models.close()


async def test_a_store_that_hangs_keeps_nobody_waiting(
    taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a mount whose server is gone: what was known holds, and the loop goes on."""
    models = Watched(LaunchOptions(str(taught.base), str(tmp_path / "store"), "cpu"))
    monkeypatch.setattr("homespun_server.store_watch.FRESH", 0.0)
    first = taught.publish(models.store, "team/app")
    await models.until("team/app", first.name)
    hangs, asked = threading.Event(), []

    def stamp(repository: str, _base: object) -> None:
        asked.append(repository)
        hangs.wait(60)

    monkeypatch.setattr(models.store, "stamp", stamp)
    try:
        for _ in range(20):
            assert await asyncio.wait_for(models.revision("team/app"), 5) == first.name
            assert await asyncio.wait_for(models.revision("team/other"), 5) is None
            await asyncio.sleep(0.01)
        assert asked == ["team/app"], "one look at a time, and none while one hangs"
    finally:
        hangs.set()
        models.close()


async def test_a_base_that_a_flag_names_is_not_left_for_another(engine: Watched) -> None:
    await engine.warm()
    assert engine._following is None


async def test_settings_that_are_mended_bring_the_base(
    taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("homespun_server.choice_watch.EVERY", 0.02)
    settings = tmp_path / "homespun" / "config.toml"
    settings.parent.mkdir()
    settings.write_text("base =")
    engine = Watched(LaunchOptions(None, str(tmp_path / "store"), "cpu"))
    for _ in range(2):
        with pytest.raises(BaseError, match=r"config\.toml"):
            await engine.serving(None)
    settings.write_text(f"base = '{taught.base}'")
    while not any(report.state == "ready" for report in engine.reports):
        await asyncio.sleep(0.02)
    assert (await engine.serving(None)).served.base == str(taught.base)
    assert [report.state for report in engine.reports] == ["error", "ready"]
    engine.close()


async def test_what_a_team_pushes_answers_without_a_restart_and_stays_when_its_url_is_gone(
    taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(shared_watch, "EVERY", 0.1)
    share, theirs = tmp_path / "share", AdapterStore(tmp_path / "theirs")
    share.mkdir()
    shared = StorePlace.of(share.as_uri()).shared()
    engine = Watched(LaunchOptions(str(taught.base), share.as_uri(), "cpu"))
    await engine.until("team/app", None)
    for _ in range(2):
        revision = taught.publish(theirs, "team/app").name
        shared.push(theirs, "team/app")
        await engine.until("team/app", revision)
    share.rename(tmp_path / "away")

    def said() -> list[str]:
        return [report.message for report in engine.reports if report.message]

    while not said():
        await engine.until("team/app", revision)
        await asyncio.sleep(0.05)
    assert "there is no store at" in said()[0] and "as of 1 minutes ago" in said()[0]
    (tmp_path / "away").rename(share)
    shared.push_base(theirs, "team/app", load_base(str(taught.base)).record)
    await engine.until("team/app", None)
    assert len(said()) == 1, "said once, and not again when it answers"
    engine.close()
