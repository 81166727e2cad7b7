"""One base in memory, and per repository its adapter, merged into a copy or beside it.

When what the store serves for a repository and this base changes, the new revision is loaded while
the old one serves; one that is corrupt or foreign is refused, said once, and the old one stays. The
event loop never touches the disk. Knows nothing of documents, nor of other bases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from homespun_model.errors import BaseError, ModelError
from homespun_model.store.store import AdapterStore

from homespun_server.adapter_slots import AdapterSlot, AdapterSlots
from homespun_server.answer_cache import ServedBy
from homespun_server.serving import Report, Serving, Status, liked_less
from homespun_server.shared_watch import SharedWatch
from homespun_server.store_watch import Stamp, StoreWatch

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.decoding.completing import Completing


class LoadedBase:
    """Used from one event loop; the completers it hands out are used on another thread."""

    def __init__(
        self,
        base: Base,
        plain: Serving,
        store: AdapterStore,
        *,
        load: Callable[[str], Serving | None],
        loader: ThreadPoolExecutor,
        report: Report,
        shared: SharedWatch | None = None,
        epoch: Callable[[], int] = lambda: 0,
    ) -> None:
        """``load``: a repository's current revision, on ``loader``; None where it has none.
        ``shared``: what brings the store up to date, where it mirrors another. ``epoch``: changes
        when everything is to be loaded anew."""
        self.base = base
        self.plain = plain
        self._store = store
        self._load = load
        self._epoch = epoch
        self._loader = loader
        self._report = report
        self._shared = shared
        self._problems: dict[str, str | None] = {}
        self._told: dict[str, object] = {}
        """What was last said to answer for a repository: what is loaded anew may be the same."""
        self._slots: AdapterSlots[Serving] = AdapterSlots()
        self._watch = StoreWatch(self._stamp)
        self._following: set[asyncio.Future[None]] = set()
        self._without_slot: set[str] = set()
        self._is_closed = False

    def serving(self, repository: str | None) -> Serving:
        """What answers for ``repository`` now."""
        if repository is None:
            return self.plain
        slot = self._slots.find(repository)
        if self._watch.is_due(repository) and not self._is_closed:
            following = asyncio.ensure_future(self._follow(repository))
            self._following.add(following)
            following.add_done_callback(self._following.discard)
        # Nobody waits for a new one.
        return (slot.serving if slot is not None else None) or self.plain

    def completers(self) -> list[Completing]:
        """Everything in memory that may answer."""
        return [serving.completer for serving in [*self._slots.served(), self.plain]]

    def say_again(self) -> None:
        """What answers for the repositories in use: somebody else has answered meanwhile."""
        self._told.clear()
        for repository, slot in self._slots.taken():
            if slot.serving is not None:
                self._tell(self._status_of(repository, slot.serving), slot.stamp)

    def close(self) -> None:
        """Look no more; what is loading is left to end, and is not said."""
        self._is_closed = True
        self._watch.close()

    async def _follow(self, repository: str) -> None:
        """See whether the store serves something new, and begin to load it."""
        stamp, slot = await self._watch.stamp(repository), self._slots.find(repository)
        if slot is None and stamp is not None:
            slot = self._slots.take(repository)
            self._say_full(repository, full=slot is None)
        if slot is not None and stamp != slot.stamp and slot.loading is None:
            slot.loading = asyncio.ensure_future(self._swap(slot, repository, stamp))
        self._say_old(repository)

    def _stamp(self, repository: str) -> Stamp:
        """On the watch's thread."""
        if self._shared is not None:
            self._shared.touch(repository, self.base.record)
        try:
            stamp = self._store.stamp(repository, self.base.record)
        except ModelError:  # an id that no store can hold has no adapter
            return None
        return (*stamp, self._epoch()) if stamp is not None else None

    def _say_full(self, repository: str, *, full: bool) -> None:
        """Say, once each time that it comes about, that a repository has to do without."""
        if not full:
            self._without_slot.discard(repository)
        elif repository not in self._without_slot:
            self._without_slot.add(repository)
            message = f"memory holds {self._slots.room} adapters; the base answers for {repository}"
            self._say(Status("ready", self.base.id, None, repository, message))

    def _say_old(self, repository: str) -> None:
        """Say, once each time that it comes about, that what the store mirrors cannot be asked."""
        problem = self._shared.problem(repository) if self._shared is not None else None
        why = problem[0] if problem is not None else None  # how old it is changes all the time
        if why == self._problems.get(repository):
            return
        self._problems[repository] = why
        slot = self._slots.find(repository)
        revision = slot.serving.served.revision if slot and slot.serving else None
        message = "; ".join(problem) if problem is not None else None
        self._say(Status("ready", self.base.id, revision, repository, message))

    async def _swap(self, slot: AdapterSlot[Serving], repository: str, stamp: Stamp) -> None:
        """Put the store's current revision in the slot, or say why not and leave it."""
        loop = asyncio.get_running_loop()
        try:
            serving = await loop.run_in_executor(self._loader, self._load, repository)
        except (ModelError, OSError) as error:
            kept = (slot.serving or self.plain).served.revision
            message = f"{error}; {kept or 'the base'} stays in use"
            status = Status("error", self.base.id, kept, repository, message)
            self._tell(status, stamp)
        else:
            slot.serving = serving
            if serving is not None:  # adapters of one base are of one shape
                self._slots.make_room(serving.completer.size)
            self._tell(self._status_of(repository, serving), stamp)
        finally:
            slot.stamp, slot.loading = stamp, None

    def _status_of(self, repository: str, serving: Serving | None) -> Status:
        revision = serving.served.revision if serving else None
        problem = serving.problem if serving else None
        return Status("ready", self.base.id, revision, repository, problem)

    def _tell(self, status: Status, stamp: Stamp) -> None:
        """Say what answers for a repository, unless that is what was said last."""
        assert status.repository is not None, "of the base"
        told = (stamp and stamp[:-1], status)
        if self._told.get(status.repository) != told:
            self._told[status.repository] = told
            self._say(status)

    @property
    def has_generic(self) -> bool:
        """Whether the base's generic adapter answers where no repository's does."""
        return self.plain.served.generic is not None

    def _say(self, status: Status) -> None:
        if not self._is_closed:
            self._report(replace(status, generic=self.has_generic))


def load_current(store: AdapterStore, repository: str, base: Base, device: str) -> Serving | None:
    """A completer with the repository's current revision; None where it has none."""
    from homespun_model.completer import Completer

    revision = store.current(repository, base.record)
    if revision is None:
        return None
    completer = Completer.load(base, revision, device=pick_device(device))
    served = ServedBy(base.id, base.weights_hash, revision.name, engine=completer.engine)
    return Serving(completer, served, liked_less(repository, revision.name))


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
