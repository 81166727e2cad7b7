"""A server that answers in place of this machine, and this machine where that is away.

The server is met on a thread of its own: before it is asked first, every minute, and again after it
has failed, at longer and longer intervals. What fails is said once, and the bases of this machine
answer until it is back. No request waits for a server that is known to be away. Knows no documents.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from homespun_model.errors import ModelError, RemoteError, RemoteInputError
from homespun_model.remote.address import RemoteAddress
from homespun_model.sharing.store_place import StorePlace

from homespun_server.loaded_base import LoadedBase
from homespun_server.logs import failure
from homespun_server.models import CHOSEN, Models
from homespun_server.outage import Outage
from homespun_server.serving import Report, Serving, Status
from homespun_server.settings import LaunchOptions
from homespun_server.shared_watch import SharedWatch

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Completing
    from homespun_model.store.store import AdapterStore

    from homespun_server.remote_serving import RemoteServing

EVERY = 60.0  # seconds between two meetings with a server that answers
FIRST = 4.0  # after which no request waits for the first meeting
UNUSED = 600.0  # without a request, after which the weights of this machine are let go

logger = logging.getLogger(__name__)


class RemoteModels:
    """``ModelsInUse`` on a server. Used from one event loop."""

    def __init__(self, options: LaunchOptions, report: Report) -> None:
        """RemoteInputError where the user's key cannot be used."""
        assert options.remote is not None, "no server was named"
        self._address = RemoteAddress.of(options.remote)
        self._options = options
        self._report = report
        self._here = Models(options, self._report_of_here)
        place = StorePlace.of(options.store)
        self._shared = SharedWatch(place) if place.url is not None else None
        self._meeting = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remote-meeting")
        # A server may take long to load an adapter, and is met meanwhile.
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remote-loader")
        self._remote: RemoteServing | None = None
        self._loaded: LoadedBase | None = None
        self._outage = Outage()
        self._first = asyncio.Event()
        self._failed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._until = 0.0
        """When the first meeting is waited for no longer."""
        self._used_here = 0.0
        self._said: Status | None = None
        """What was last said of who answers."""
        self._of_here: Status | None = None
        """What was last to be said of this machine's base."""

    @property
    def store(self) -> AdapterStore:
        return self._here.store

    def preload(self) -> None:
        """``ModelsInUse.preload``: n-grams take it even where no weights are loaded."""
        self._here.preload()

    async def warm(self) -> None:
        """Meet the server; load a base of this machine where it is away. Raises ModelError."""
        self._follow()
        await self._first.wait()
        if not self._outage.is_there:
            await self._here.warm()

    async def serving(self, repository: str | None, *, here: bool = False) -> Serving:
        """``ModelsInUse.serving``."""
        self._follow()
        now = asyncio.get_running_loop().time()
        if not here and not self._first.is_set() and now < self._until:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._first.wait(), self._until - now)
        if not here and self._outage.is_there and self._loaded is not None:
            return self._loaded.serving(repository)
        self._used_here = now
        return await self._here.serving(repository)

    def let_go(self) -> None:
        """Of what is here."""
        self._here.let_go()

    def completers(self) -> list[Completing]:
        """Everything that may answer, there and here."""
        there = self._loaded.completers() if self._loaded is not None else []
        return [*there, *self._here.completers()]

    def close(self) -> None:
        """Ask nothing any more."""
        for task in (self._following, self._settling, self._warming):
            if task is not None:
                task.cancel()
        for threads in (self._meeting, self._loader):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._loaded is not None:
            self._loaded.close()
        if self._shared is not None:
            self._shared.close()
        if self._remote is not None:
            self._remote.server.close()
        self._here.close()

    def _follow(self) -> None:
        if self._following is None:
            self._until = asyncio.get_running_loop().time() + FIRST
            self._following = asyncio.ensure_future(self._meet_again_and_again())

    async def _meet_again_and_again(self) -> None:
        loop = asyncio.get_running_loop()

        def failed(error: RemoteError) -> None:
            with suppress(RuntimeError):  # the loop has ended before the answer
                loop.call_soon_threadsafe(self._on_request_failure, error)

        while True:
            self._failed.clear()
            try:
                await loop.run_in_executor(self._meeting, self._meet, failed)
            except (ModelError, OSError) as error:
                self._on_failure(error)
            except Exception as error:  # it must not look as if it were still being met
                logger.error("the server cannot be met: %s", failure(error))
                self._on_failure(RemoteError(f"cannot be met ({type(error).__name__})"))
            else:
                if not self._failed.is_set():  # meanwhile, and it was asked for no token
                    self._on_met()
            self._first.set()
            if self._outage.is_there:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._failed.wait(), EVERY)
            if self._outage.is_there and loop.time() - self._used_here > UNUSED:
                self._here.let_go()
            if not self._outage.is_there:
                await asyncio.sleep(self._outage.pause)

    def _meet(self, failed: Callable[[RemoteError], None]) -> None:
        """On the meeting's thread."""
        from homespun_server.remote_serving import RemoteServing  # torch

        if self._remote is None:
            self._remote = RemoteServing.of(self._address, self._options, self.store, failed)
        self._remote.meet(anew=not self._outage.is_there)

    def _on_met(self) -> None:
        assert self._remote is not None, "met without a server"
        remote = self._remote
        if self._loaded is None:
            self._loaded = LoadedBase(
                remote.server.base,
                remote.plain,
                self.store,
                load=remote.load,
                loader=self._loader,
                report=self._report_of_there,
                shared=self._shared,
                epoch=lambda: remote.epoch,
            )
        is_back = self._outage.met(asyncio.get_running_loop().time())
        self._ready(remote)
        if is_back:
            self._loaded.say_again()
        if not remote.is_settled and (self._settling is None or self._settling.done()):
            self._settling = asyncio.ensure_future(self._settle(remote))

    async def _settle(self, remote: RemoteServing) -> None:
        """The base alone answers meanwhile."""
        loop = asyncio.get_running_loop()
        try:
            while not remote.is_settled:  # it is met meanwhile, and may be another
                await loop.run_in_executor(self._loader, remote.settle)
        except (ModelError, OSError) as error:
            self._on_request_failure(error)
        else:
            self._ready(remote)

    def _ready(self, remote: RemoteServing) -> None:
        """Say so, where something else was said before."""
        if self._loaded is None or not self._outage.is_there:
            return
        self._loaded.plain = remote.plain
        message, generic = remote.plain.problem, self._loaded.has_generic
        status = Status("ready", remote.server.base.id, message=message, generic=generic)
        if (status := self._of_there(status)) != self._said:
            self._said = status
            self._report(status)

    def _on_request_failure(self, error: Exception) -> None:
        """Of one that was under way: where the server is known to be away, that says no more."""
        if self._outage.is_there:
            self._on_failure(error)

    def _on_failure(self, error: Exception) -> None:
        # What is wrong with what was set stays so until somebody acts; who is away comes back.
        wrong = isinstance(error, RemoteInputError) or not isinstance(error, RemoteError)
        is_new = self._outage.failed(error, asyncio.get_running_loop().time(), lasts=wrong)
        self._failed.set()
        if self._remote is not None:
            self._remote.epoch += 1
            self._remote.server.leave()
        if not is_new and self._said is not None and self._said.remote is None:
            return
        here = self._of_here or Status("loading", self._options.base or CHOSEN)
        said = f"{self._address} {error}" if isinstance(error, RemoteError) else str(error)
        instead = here.message if here.state == "error" else "until it answers, this machine does"
        message = f"{said}; {instead}" if is_new else None
        state = "error" if wrong else here.state
        self._said = replace(here, state=state, message=message)
        self._report(self._said)
        self._here.say_again()
        if self._of_here is None and self._warming is None:  # nobody may type, for hours
            self._warming = asyncio.ensure_future(self._warm_here())

    async def _warm_here(self) -> None:
        with suppress(ModelError, OSError):  # said by what is here
            await self._here.warm()

    def _report_of_there(self, status: Status) -> None:
        """Nothing, while this machine answers: what was loading there is of no account."""
        if self._outage.is_there:
            self._report(self._of_there(status))

    def _report_of_here(self, status: Status) -> None:
        """Nothing, while the server answers: this machine gets ready for the files that stay here,
        and what is typed in the others goes there still. That it cannot is to be known."""
        if status.repository is None:
            self._of_here = status
        if not self._outage.is_there:
            self._report(status)
        elif status.state == "error":
            assert self._said is not None, "who answers was not said"
            self._report(replace(self._said, message=status.message))

    def _of_there(self, status: Status) -> Status:
        return replace(status, remote=str(self._address))
