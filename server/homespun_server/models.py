"""The models in memory: the base in use, with its adapters, and the one that takes its place.

Loads on a thread of its own, so that the answer being computed never waits. Where no flag names the
base, the user's choice is followed: another one is loaded while the old one serves, and takes over
with its adapters; one that does not load is said once, and the old one stays. The event loop never
touches the disk. Knows nothing of documents.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from homespun_model.bases.choice import Choice, Chooser, chosen_base
from homespun_model.bases.memory import give_back
from homespun_model.errors import BaseError, ModelError, StoreError
from homespun_model.sharing.store_place import StorePlace

from homespun_server.answer_cache import ServedBy
from homespun_server.choice_watch import ChoiceWatch
from homespun_server.loaded_base import LoadedBase, load_current, pick_device
from homespun_server.logs import failure
from homespun_server.serving import Report, Serving, Status
from homespun_server.settings import LaunchOptions
from homespun_server.shared_watch import SharedWatch

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.decoding.completing import Completing

CHOSEN = "the chosen base"

logger = logging.getLogger(__name__)


class Models:
    """Used from one event loop; the completers it hands out are used on another thread."""

    def __init__(self, options: LaunchOptions, report: Report) -> None:
        place = StorePlace.of(options.store)
        self.store = place.store
        self._shared = SharedWatch(place) if place.url is not None else None
        self._options = options
        self._report = report
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")
        self._loaded: asyncio.Future[LoadedBase] | None = None
        self._watch = ChoiceWatch(lambda: Chooser("serve").stamp())
        self._following: asyncio.Task[None] | None = None

    def preload(self) -> None:
        """Begin to import what the base needs, which takes longer than any handshake."""
        self._loader.submit(_import_the_model_room)

    async def warm(self) -> None:
        """Load the base if it is not loaded. Raises ModelError, the same one every time."""
        await self._in_use()

    async def serving(self, repository: str | None, *, here: bool = False) -> Serving:
        """What answers for ``repository`` now. Raises ModelError if there is no base."""
        del here  # it always is
        return (await self._in_use()).serving(repository)

    def let_go(self) -> None:
        """Give back the memory of weights that nobody asks for; the next request loads them."""
        if (loaded := self._loaded_now()) is not None:
            self._loaded = None
            loaded.close()
            logger.info("%s is let go until it is asked for", loaded.base.id)
            del loaded
            self._loader.submit(_collect)

    def say_again(self) -> None:
        """What answers for the repositories in use."""
        if (loaded := self._loaded_now()) is not None:
            loaded.say_again()

    def completers(self) -> list[Completing]:
        """Everything in memory that may answer."""
        loaded = self._loaded_now()
        return loaded.completers() if loaded is not None else []

    def close(self) -> None:
        """Start nothing any more; what is loading is left to end."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        if self._following is not None:
            self._following.cancel()
        self._watch.close()
        if self._shared is not None:
            self._shared.close()
        if (loaded := self._loaded_now()) is not None:
            loaded.close()

    async def _in_use(self) -> LoadedBase:
        if self._loaded is None:
            self._loaded = asyncio.ensure_future(self._load_first())
        return await asyncio.shield(self._loaded)

    def _loaded_now(self) -> LoadedBase | None:
        """None while it loads, and where it could not be loaded."""
        future = self._loaded
        if future is None or not future.done() or future.cancelled() or future.exception():
            return None
        return future.result()

    async def _load_first(self) -> LoadedBase:
        if self._options.base is None and self._following is None:
            await self._watch.look()
            self._following = asyncio.ensure_future(self._follow())
        choice = await self._choice()
        self._report(Status("loading", choice.base))
        try:
            loaded = await self._load(choice.base)
        except (ModelError, OSError) as error:
            self._report(Status("error", choice.base, message=str(error)))
            raise
        self._ready(loaded, choice.hint)
        return loaded

    async def _choice(self) -> Choice:
        if self._options.base is not None:
            return Choice(self._options.base)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._loader, chosen_base, "serve")
        except ModelError as error:
            self._report(Status("error", CHOSEN, message=str(error)))
            raise

    async def _load(self, name: str) -> LoadedBase:
        """ModelError or OSError, whatever goes wrong: it must not look as if it were loading."""
        loop, options = asyncio.get_running_loop(), replace(self._options, base=name)
        try:
            base, plain = await loop.run_in_executor(self._loader, load_plain, options)
        except (ModelError, OSError):
            raise
        except Exception as error:
            logger.error("the base cannot be loaded: %s", failure(error))
            raise BaseError(f"{name} cannot be loaded: {type(error).__name__}") from error
        device = options.device
        return LoadedBase(
            base,
            plain,
            self.store,
            load=lambda repository: load_current(self.store, repository, base, device),
            loader=self._loader,
            report=self._report,
            shared=self._shared,
        )

    async def _follow(self) -> None:
        """Take up every other choice, one after the other."""
        while True:
            await self._watch.changed()
            if self._loaded is not None:
                await asyncio.wait({self._loaded})
            old = self._loaded_now()
            try:
                new = await self._load((await self._choice()).base)
            except (ModelError, OSError) as error:
                stays = f"; {old.base.id} stays in use" if old is not None else ""
                name = old.base.id if old is not None else CHOSEN
                self._report(Status("error", name, message=f"{error}{stays}"))
            else:
                self._take_up(new, old)

    def _take_up(self, new: LoadedBase, old: LoadedBase | None) -> None:
        if old is not None and old.plain.served == new.plain.served:
            return  # chosen by another name, or fetched again
        done: asyncio.Future[LoadedBase] = asyncio.get_running_loop().create_future()
        done.set_result(new)
        self._loaded = done
        if old is not None:
            old.close()
        self._ready(new)

    def _ready(self, loaded: LoadedBase, hint: str | None = None) -> None:
        message = loaded.plain.problem or hint
        generic = loaded.has_generic
        self._report(Status("ready", loaded.base.id, message=message, generic=generic))


def _collect() -> None:
    gc.collect()  # what holds itself
    give_back()


def _import_the_model_room() -> None:
    import homespun_model.decoding.decode
    import homespun_model.engines.loading  # noqa: F401  # torch: seconds


def load_plain(options: LaunchOptions) -> tuple[Base, Serving]:
    """The base that is named, or chosen, and a completer of it without a repository's adapter."""
    from homespun_model.bases.base import load_base

    base = load_base(options.base or chosen_base("serve").base, fim_format=options.fim_format)
    from homespun_model.completer import Completer  # torch: after what can be wrong without it

    device, problem = pick_device(options.device), base.found_generic.problem
    try:
        completer = Completer.load(base, device=device)
    except StoreError as error:  # a generic adapter that is whole, and fits no weights of the base
        completer, problem = Completer.load(base, device=device, bare=True), str(error)
    give_back()  # what reading the weights has made and dropped
    served = ServedBy(base.id, base.weights_hash, None, completer.generic, completer.engine)
    return base, Serving(completer, served, problem)
