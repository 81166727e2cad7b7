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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homespun_model.errors import ModelError, RemoteError
from homespun_model.remote.address import RemoteAddress
from homespun_model.sharing.store_place import StorePlace

from homespun_server.loaded_base import LoadedBase
from homespun_server.logs import failure
from homespun_server.models import Models
from homespun_server.serving import Report, Serving, Status
from homespun_server.settings import LaunchOptions
from homespun_server.shared_watch import SharedWatch

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Completing
    from homespun_model.store.store import AdapterStore

    from homespun_server.remote_serving import RemoteServing

EVERY = 60.0  # seconds between two meetings with a server that answers
MOST_PAUSE = 60.0  # between two with one that does not
FIRST = 2.0  # that a request waits for the first meeting

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    """How the server was met lately. ``failures``: in a row, none of them a minute apart."""

    failures: int = 0
    since: float = 0.0
    wanted: float = 0.0
    """Seconds that the server wants to be left alone for."""

    def note(self, error: Exception, now: float) -> bool:
        """Count a failure; whether it is the first for a while."""
        self.failures = self.failures + 1 if now - self.since < EVERY else 1
        self.since = now
        self.wanted = error.after if isinstance(error, RemoteError) else 0.0
        return self.failures == 1

    @property
    def pause(self) -> float:
        """Seconds until it is met again."""
        return max(self.wanted, min(MOST_PAUSE, 2.0 ** (self.failures - 1)))


class RemoteModels:
    """``ModelsInUse`` on a server. Used from one event loop."""

    def __init__(self, options: LaunchOptions, report: Report) -> None:
        """RemoteInputError where the user's key cannot be used."""
        assert options.remote is not None, "no server was named"
        self._address = RemoteAddress.of(options.remote)
        self._options = options
        self._report = report
        self._here = Models(options, report)
        place = StorePlace.of(options.store)
        self._shared = SharedWatch(place) if place.url is not None else None
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remote-loader")
        self._remote: RemoteServing | None = None
        self._loaded: LoadedBase | None = None
        self._outage = _Outage()
        self._is_there = False
        self._first = asyncio.Event()
        self._failed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

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
        if not self._is_there:
            await self._here.warm()

    async def serving(self, repository: str | None) -> Serving:
        """``ModelsInUse.serving``."""
        self._follow()
        if not self._first.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._first.wait(), FIRST)
        if self._is_there and self._loaded is not None:
            return self._loaded.serving(repository)
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
        if self._following is not None:
            self._following.cancel()
        self._loader.shutdown(wait=False, cancel_futures=True)
        if self._loaded is not None:
            self._loaded.close()
        if self._shared is not None:
            self._shared.close()
        if self._remote is not None:
            self._remote.server.close()
        self._here.close()

    def _follow(self) -> None:
        if self._following is None:
            self._following = asyncio.ensure_future(self._meet_again_and_again())

    async def _meet_again_and_again(self) -> None:
        loop = asyncio.get_running_loop()

        def failed(error: RemoteError) -> None:
            with suppress(RuntimeError):  # the loop has ended before the answer
                loop.call_soon_threadsafe(self._on_failure, error)

        while True:
            self._failed.clear()
            try:
                await loop.run_in_executor(self._loader, self._meet, failed)
            except (ModelError, OSError) as error:
                self._on_failure(error)
            except Exception as error:  # it must not look as if it were still being met
                logger.error("the server cannot be met: %s", failure(error))
                self._on_failure(RemoteError(f"cannot be met ({type(error).__name__})"))
            else:
                self._on_met()
            self._first.set()
            if self._is_there:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._failed.wait(), EVERY)
            if not self._is_there:
                await asyncio.sleep(self._outage.pause)

    def _meet(self, failed: Callable[[RemoteError], None]) -> None:
        """On the loader's thread."""
        from homespun_server.remote_serving import RemoteServing  # torch

        if self._remote is None:
            self._remote = RemoteServing.of(self._address, self._options, self.store, failed)
        self._remote.meet()

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
                report=self._report,
                shared=self._shared,
                epoch=lambda: remote.epoch,
            )
        self._loaded.plain = remote.plain
        if not self._is_there:
            self._is_there = True
            base, generic = remote.server.base.id, self._loaded.has_generic
            logger.info("%s answers", remote.server.address)
            self._report(Status("ready", base, message=remote.plain.problem, generic=generic))

    def _on_failure(self, error: Exception) -> None:
        is_new = self._outage.note(error, asyncio.get_running_loop().time())
        self._is_there = False
        self._failed.set()
        if self._remote is not None:
            self._remote.epoch += 1
        if is_new:
            said = f"{self._address} {error}" if isinstance(error, RemoteError) else str(error)
            message = f"{said}; until it is back this machine answers"
            named = self._options.remote_base or self._options.base or "the server's base"
            self._report(Status("error", named, message=message))
