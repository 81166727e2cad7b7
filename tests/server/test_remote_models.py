"""A server that answers in place of this machine: who answers, and that it is what is said."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from generic_adapters import random_generic
from homespun_corpus.place import place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.errors import RemoteError
from homespun_model.remote.names import adapter_name, generic_name
from homespun_model.store.store import AdapterStore
from homespun_server import remote_models
from homespun_server.remote_models import RemoteModels
from homespun_server.remote_serving import RemoteServing
from homespun_server.serving import Serving, Status
from homespun_server.settings import LaunchOptions
from random_adapters import random_adapter
from remote_servers import Answer, RemoteStandIn, json_of, remote_stand_in
from tiny_models import tiny_base

SECONDS = 60.0  # far more than anything takes
SHOP, OTHER = "example.org/team/shop", "example.org/team/other"
CODE = "def area(width, height):\n    "
PLACE = place_at(CODE, len(CODE), path="a.py", language="python")
MODELS, COMPLETIONS = "/v1/models", "/v1/completions"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The server's."""
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"))))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """This machine's."""
    return load_base(str(tiny_base(tmp_path_factory.mktemp("here"), seed=5)))


class Watched(RemoteModels):
    """Whose reports can be read."""

    def __init__(self, options: LaunchOptions) -> None:
        self.reports: list[Status] = []
        super().__init__(options, self.reports.append)

    async def until(self, seen: Callable[[], object], repository: str | None = None) -> Serving:
        """Ask again and again, until it is so; what answers then."""
        deadline = time.monotonic() + SECONDS
        while True:
            serving = await self.serving(repository)
            if seen():
                return serving
            assert time.monotonic() < deadline, self.reports
            await asyncio.sleep(0.02)

    def said(self, *, there: bool, repository: str | None = None) -> Callable[[], bool]:
        """Whether that is what was said last, of a repository or of all."""

        def last() -> bool:
            about = [one for one in self.reports if repository in (None, one.repository)]
            return bool(about) and (about[-1].remote is not None) == there

        return last

    async def fails(self, serving: Serving) -> None:
        """Somebody has asked, and got no answer."""
        with pytest.raises(RemoteError):
            await asyncio.to_thread(serving.completer.complete, PLACE)


Begin = Callable[..., Watched]


@pytest.fixture
async def begin(base: Base, here: Base, tmp_path: Path) -> AsyncIterator[Begin]:
    begun: list[Watched] = []

    def start(stand_in: RemoteStandIn, local: str = here.id) -> Watched:
        store = str(tmp_path / "store")
        options = LaunchOptions(local, store, "cpu", remote=stand_in.url, remote_base=base.id)
        begun.append(Watched(options))
        return begun[-1]

    yield start
    for models in begun:
        models.close()


def publish(base: Base, tmp_path: Path, repository: str = SHOP) -> str:
    """An adapter of a base in the store; its revision's name."""
    store = AdapterStore(tmp_path / "store")
    staged = store.stage(repository)
    random_adapter(base, tmp_path / "random")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.move(tmp_path / "random" / name, staged / name)
    about = {"base": base.record.to_json(), "prompt_version": base.prompt_versions[-1]}
    return store.publish(repository, staged, about).name


def away(stand_in: RemoteStandIn) -> None:
    for path in (MODELS, COMPLETIONS):
        stand_in.instead[path] = lambda: (500, {}, b"")


async def test_an_adapter_that_the_server_fails_for_takes_it_away_from_nobody(
    base: Base, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_models, "EVERY", 0.2)
    name = adapter_name(SHOP, publish(base, tmp_path))
    with remote_stand_in(base, failing={name: 500}) as stand_in:
        models = begin(stand_in)
        await models.until(lambda: any(one.repository for one in models.reports), SHOP)
        met = len(stand_in.asked)
        for _ in range(60):
            for repository in (SHOP, OTHER):
                assert (await models.serving(repository)).served.engine == "remote"
            await asyncio.sleep(0.05)
        assert sum(body["model"] == name for _, _, body in stand_in.asked[met:] if body) > 1
        assert all(one.remote for one in models.reports)
        assert len([one for one in models.reports if one.repository == SHOP]) == 1
        del stand_in.failing[name]  # it is asked for again, now and then
        stand_in.adapters = (name,)
        await models.until(lambda: models.reports[-1].revision is not None, SHOP)


async def test_an_adapter_that_was_loaded_and_fails_then_is_one_outage(
    base: Base, begin: Begin, tmp_path: Path
) -> None:
    name = adapter_name(SHOP, publish(base, tmp_path))
    with remote_stand_in(base, adapters=(name,)) as stand_in:
        models = begin(stand_in)
        serving = await models.until(lambda: models.reports[-1].revision, SHOP)
        stand_in.failing[name] = 500
        await models.fails(serving)
        await models.until(models.said(there=False))
        await models.until(models.said(there=True, repository=SHOP), SHOP)
        await models.until(lambda: models.reports[-1].message, SHOP)
        found = await models.serving(SHOP)
        await asyncio.to_thread(found.completer.complete, PLACE)
        assert found.served.revision is None


async def test_a_generic_adapter_that_the_server_fails_for_is_done_without(
    base: Base, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    random_generic(base, tmp_path)
    own = load_base(base.id)
    assert own.found_generic.adapter is not None
    name = generic_name(own.found_generic.adapter.sha256)
    with remote_stand_in(base, failing={name: 500}) as stand_in:
        models = begin(stand_in)
        await models.until(lambda: models.reports and models.reports[-1].message)
        assert (await models.serving(None)).served.engine == "remote"
        assert all(one.remote for one in models.reports)


async def test_nothing_of_there_is_said_while_this_machine_answers(
    base: Base, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(base, tmp_path)
    loads, goes_on = threading.Event(), threading.Event()
    load = RemoteServing.load

    def slow(self: RemoteServing, repository: str) -> Serving | None:
        loads.set()
        goes_on.wait(SECONDS)
        return load(self, repository)

    monkeypatch.setattr(RemoteServing, "load", slow)
    with remote_stand_in(base) as stand_in:
        models = begin(stand_in)
        serving = await models.until(loads.is_set, SHOP)
        away(stand_in)
        await models.fails(serving)
        await models.until(models.said(there=False))
        goes_on.set()
        slot = models._loaded and models._loaded._slots.find(SHOP)
        assert slot
        while slot.loading is not None:
            await asyncio.sleep(0.01)
        assert models.said(there=False)()


async def test_who_answers_is_said_before_it_is_settled_what_with(
    base: Base, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    settle = RemoteServing.settle

    def slow(self: RemoteServing) -> None:
        goes_on.wait(SECONDS)
        settle(self)

    monkeypatch.setattr(RemoteServing, "settle", slow)
    with remote_stand_in(base) as stand_in:
        models = begin(stand_in, "no/such-base-anywhere")
        await models.warm()
        serving = await models.serving(None)
        assert serving.served.engine == "remote"
        assert [(one.state, one.base) for one in models.reports] == [("ready", base.id)]
        with pytest.raises(Exception, match="such-base"):  # whoever edits what stays here
            await models.serving(None, here=True)
        assert "such-base" in (models.reports[-1].message or "")
        assert models.said(there=True)()
        away(stand_in)
        await models.fails(serving)
        deadline = time.monotonic() + SECONDS
        while models.said(there=True)():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert models.reports[-1].state == "error", "this machine cannot answer either"
        assert "such-base" in (models.reports[-1].message or "")
        stand_in.instead.clear()
        while not models.said(there=True)():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        goes_on.set()


async def test_this_machine_gets_ready_though_nobody_types(
    base: Base, here: Base, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_models, "EVERY", 0.1)
    with remote_stand_in(base) as stand_in:
        models = begin(stand_in)
        await models.warm()
        away(stand_in)
        deadline = time.monotonic() + SECONDS
        while (models.reports[-1].state, models.reports[-1].base) != ("ready", here.id):
            assert time.monotonic() < deadline, models.reports
            await asyncio.sleep(0.02)
        models.let_go()
        stand_in.instead.clear()
        while not models.said(there=True)():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        away(stand_in)
        while models.said(there=True)():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert models.reports[-1].state == "ready", "the next request loads it"


async def test_what_is_said_of_a_repository_is_what_answers_for_it(
    base: Base, here: Base, begin: Begin, tmp_path: Path
) -> None:
    there_revision, here_revision = publish(base, tmp_path), publish(here, tmp_path)
    with remote_stand_in(base, adapters=(adapter_name(SHOP, there_revision),)) as stand_in:
        models = begin(stand_in)

        def said(revision: str, *, there: bool) -> Callable[[], bool]:
            last = models.said(there=there, repository=SHOP)
            about = lambda: [one for one in models.reports if one.repository == SHOP]  # noqa: E731
            return lambda: last() and about()[-1].revision == revision

        for _ in range(2):
            serving = await models.until(said(there_revision, there=True), SHOP)
            assert serving.served.revision == there_revision
            away(stand_in)
            await models.fails(serving)
            serving = await models.until(said(here_revision, there=False), SHOP)
            assert serving.served.revision == here_revision
            stand_in.instead.clear()
        count = len(models.reports)
        await models.until(said(there_revision, there=True), SHOP)
        await models.until(lambda: True, SHOP)
        about = [one for one in models.reports[count:] if one.repository == SHOP]
        assert len(about) == len(set(about)), "each once"


async def test_failures_of_requests_that_waited_make_no_outage_longer(
    base: Base, begin: Begin
) -> None:
    with remote_stand_in(base) as stand_in:
        models = begin(stand_in)
        await models.warm()
        serving = await models.serving(None)
        away(stand_in)
        await models.fails(serving)
        await models.until(models.said(there=False))
        pause = models._outage.pause
        for _ in range(5):
            models._on_request_failure(RemoteError("says nothing"))
        assert models._outage.pause == pause


async def test_a_settling_that_began_with_another_server_settles_nothing(
    base: Base, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_models, "EVERY", 0.1)
    goes_on, looked = threading.Event(), 0
    look = RemoteServing._without_adapter

    def slow(self: RemoteServing) -> Serving:
        nonlocal looked
        looked += 1
        found = look(self)
        goes_on.wait(SECONDS)
        return found

    monkeypatch.setattr(RemoteServing, "_without_adapter", slow)
    with remote_stand_in(base) as stand_in:
        models = begin(stand_in)
        await models.warm()
        stand_in.adapters = ("new@1",)  # started again, with others

        def met_anew() -> bool:
            met = models._remote and models._remote._met
            return met is not None and "new@1" in met.named

        await models.until(met_anew)
        goes_on.set()
        await models.until(lambda: models._remote and models._remote.is_settled)
        assert looked == 2


async def test_a_meeting_that_began_before_a_failure_ends_no_outage(
    base: Base, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for no token, and a server that lists its models may answer nothing."""
    monkeypatch.setattr(remote_models, "EVERY", 0.1)
    meets, goes_on = threading.Event(), threading.Event()

    with remote_stand_in(base) as stand_in:

        def slowly() -> Answer:
            meets.set()
            goes_on.wait(SECONDS)
            return json_of(stand_in.listed())()

        models = begin(stand_in)
        serving = await models.until(models.said(there=True))
        stand_in.instead[MODELS] = slowly
        await asyncio.to_thread(meets.wait, SECONDS)
        stand_in.instead[COMPLETIONS] = lambda: (500, {}, b"")
        await models.fails(serving)
        await models.until(models.said(there=False))
        said = len(models.reports)
        goes_on.set()
        asked = len(stand_in.asked)
        await models.until(lambda: len(stand_in.asked) > asked + 4)  # it is met again, in vain
        assert not [status for status in models.reports[said:] if status.remote]
