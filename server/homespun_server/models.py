"""The models in memory: one base, and per repository its adapter, merged into a copy or beside it.

Loads on a thread of its own, so that the answer being computed never waits. When what the store
serves for a repository and this base changes, the new revision is loaded while the old one serves;
one that is corrupt or foreign is refused, said once, and the old one stays. The event loop never
touches the disk. Knows nothing of documents.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homespun_model.errors import BaseError, ModelError
from homespun_model.store.store import AdapterStore, default_store

from homespun_server.adapter_slots import AdapterSlot, AdapterSlots
from homespun_server.answer_cache import ServedBy
from homespun_server.logs import failure
from homespun_server.settings import LaunchOptions
from homespun_server.store_watch import Stamp, StoreWatch

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.completer import Completing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What people may want to see of the engine."""

    state: Literal["loading", "ready", "error"]
    base: str
    revision: str | None = None
    repository: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """A completer and the name of what it holds."""

    completer: Completing
    served: ServedBy


class Models:
    """Used from one event loop; the completers it hands out are used on another thread."""

    def __init__(self, options: LaunchOptions, report: Callable[[Status], None]) -> None:
        self.store = AdapterStore(store_root(options))
        self._options = options
        self._report = report
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")
        self._base: asyncio.Future[tuple[Base, Serving]] | None = None
        self._slots: AdapterSlots[Serving] = AdapterSlots()
        self._watch = StoreWatch(self._stamp)
        self._following: set[asyncio.Future[None]] = set()
        self._without_slot: set[str] = set()

    def preload(self) -> None:
        """Begin to import what the base needs, which takes longer than any handshake."""
        self._loader.submit(_import_the_model_room)

    async def warm(self) -> None:
        """Load the base if it is not loaded. Raises ModelError, the same one every time."""
        await self._loaded_base()

    async def serving(self, repository: str | None) -> Serving:
        """What answers for ``repository`` now. Raises ModelError if there is no base."""
        base, plain = await self._loaded_base()
        if repository is None:
            return plain
        slot = self._slots.find(repository)
        if self._watch.is_due(repository):
            following = asyncio.ensure_future(self._follow(base, repository))
            self._following.add(following)
            following.add_done_callback(self._following.discard)
        return (slot.serving if slot is not None else None) or plain  # nobody waits for a new one

    def completers(self) -> list[Completing]:
        """Everything in memory that may answer."""
        servings = self._slots.served()
        if self._base is not None and self._base.done() and not self._base.exception():
            servings.append(self._base.result()[1])
        return [serving.completer for serving in servings]

    def close(self) -> None:
        """Start nothing any more; what is loading is left to end."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        self._watch.close()

    async def _loaded_base(self) -> tuple[Base, Serving]:
        if self._base is None:
            self._base = asyncio.ensure_future(self._load_base())
        return await asyncio.shield(self._base)

    async def _load_base(self) -> tuple[Base, Serving]:
        name = self._options.base
        self._report(Status("loading", name))
        loop = asyncio.get_running_loop()
        try:
            loaded = await loop.run_in_executor(self._loader, load_plain, self._options)
        except (ModelError, OSError) as error:
            self._report(Status("error", name, message=str(error)))
            raise
        except Exception as error:  # it must not look as if it were still loading
            logger.error("the base cannot be loaded: %s", failure(error))
            kind = type(error).__name__
            self._report(Status("error", name, message=f"{name} cannot be loaded: {kind}"))
            raise BaseError(f"{name} cannot be loaded") from error
        self._report(Status("ready", loaded[0].id))
        return loaded

    async def _follow(self, base: Base, repository: str) -> None:
        """See whether the store serves something new, and begin to load it."""
        stamp, slot = await self._watch.stamp(repository), self._slots.find(repository)
        if slot is None and stamp is not None:
            slot = self._slots.take(repository)
            self._say_full(base, repository, full=slot is None)
        if slot is not None and stamp != slot.stamp and slot.loading is None:
            slot.loading = asyncio.ensure_future(self._swap(slot, repository, stamp))

    def _stamp(self, repository: str) -> Stamp:
        """On the watch's thread, once there is a base."""
        assert self._base is not None
        base, _ = self._base.result()
        try:
            return self.store.stamp(repository, base.record)
        except ModelError:  # an id that no store can hold has no adapter
            return None

    def _say_full(self, base: Base, repository: str, *, full: bool) -> None:
        """Say, once each time that it comes about, that a repository has to do without."""
        if not full:
            self._without_slot.discard(repository)
        elif repository not in self._without_slot:
            self._without_slot.add(repository)
            message = f"memory holds {self._slots.room} adapters; the base answers for {repository}"
            self._report(Status("ready", base.id, None, repository, message))

    async def _swap(self, slot: AdapterSlot[Serving], repository: str, stamp: Stamp) -> None:
        """Put the store's current revision in the slot, or say why not and leave it."""
        base, plain = await self._loaded_base()
        loop = asyncio.get_running_loop()
        try:
            serving = await loop.run_in_executor(
                self._loader, load_current, self.store, repository, base, self._options.device
            )
        except (ModelError, OSError) as error:
            kept = (slot.serving or plain).served.revision
            message = f"{error}; {kept or 'the base'} stays in use"
            self._report(Status("error", base.id, kept, repository, message))
        else:
            slot.serving = serving
            if serving is not None:  # adapters of one base are of one shape
                self._slots.make_room(serving.completer.size)
            revision = serving.served.revision if serving else None
            self._report(Status("ready", base.id, revision, repository))
        finally:
            slot.stamp, slot.loading = stamp, None


def store_root(options: LaunchOptions) -> Path:
    """The folder of the adapter store that the flags name, or the user's own."""
    return Path(options.store).expanduser() if options.store else default_store()


def _import_the_model_room() -> None:
    import homespun_model.decoding.decode
    import homespun_model.engines.loading  # noqa: F401  # torch: seconds


def load_plain(options: LaunchOptions) -> tuple[Base, Serving]:
    """The base, and a completer of it without an adapter."""
    from homespun_model.bases.base import load_base

    base = load_base(options.base, fim_format=options.fim_format)
    from homespun_model.completer import Completer  # torch: after what can be wrong without it

    completer = Completer.load(base, None, device=pick_device(options.device))
    return base, Serving(completer, ServedBy(base.id, base.weights_hash, None))


def load_current(store: AdapterStore, repository: str, base: Base, device: str) -> Serving | None:
    """A completer with the repository's current revision; None where it has none."""
    from homespun_model.completer import Completer

    revision = store.current(repository, base.record)
    if revision is None:
        return None
    completer = Completer.load(base, revision, device=pick_device(device))
    return Serving(completer, ServedBy(base.id, base.weights_hash, revision.name))


def pick_device(name: str) -> str:
    """``auto`` becomes what this machine has; BaseError for what it has not."""
    if name == "cpu":
        return name
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    kind, _, number = name.partition(":")
    there = mps if kind == "mps" else cuda and int(number or 0) < torch.cuda.device_count()
    if not there:
        raise BaseError(f"PyTorch finds no {name} here: leave --device out, or name another")
    return name
