"""What a server answers with: a repository's adapter, else the generic one, else the base.

On threads that may wait. Knows no documents, nor what happens while the server is away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from homespun_model.bases.base import load_base
from homespun_model.bases.choice import chosen_base
from homespun_model.errors import RemoteError
from homespun_model.remote.address import RemoteAddress
from homespun_model.remote.names import adapter_name, generic_name
from homespun_model.remote.remote_completer import RemoteCompleter
from homespun_model.remote.remote_server import Met, RemoteServer
from homespun_model.store.store import AdapterStore

from homespun_server.answer_cache import ServedBy
from homespun_server.serving import Serving, liked_less
from homespun_server.settings import LaunchOptions

HOW = "homespun adapters export all"


class RemoteServing:
    """One server that holds one base. ``failed`` is told of answers that do not come."""

    def __init__(
        self, server: RemoteServer, store: AdapterStore, failed: Callable[[RemoteError], None]
    ) -> None:
        self.server = server
        self._store, self._failed = store, failed
        self._met: Met | None = None
        self._lacks = False
        self._is_settled = False
        self._plain: Serving | None = None
        self.epoch = 0
        """Another one when a repository may be answered for by something else."""

    @classmethod
    def of(
        cls,
        address: RemoteAddress,
        options: LaunchOptions,
        store: AdapterStore,
        failed: Callable[[RemoteError], None],
    ) -> RemoteServing:
        """Of the base that flags name, or that this machine would use. BaseError."""
        name = options.remote_base or options.base or chosen_base("serve").base
        base = load_base(name, fim_format=options.fim_format, weightless=True)
        return cls(RemoteServer(address, base), store, failed)

    @property
    def plain(self) -> Serving:
        """What answers where no repository's adapter does."""
        assert self._plain is not None, "the server was not met"
        return self._plain

    def meet(self, *, anew: bool = True) -> None:
        """See who it is and what it has; ``anew``: and that it answers, with the base alone until
        it is settled. RemoteError."""
        met = self.server.meet(anew=anew)
        if anew or met != self._met or self._lacks:
            self._met, self._is_settled, self._lacks = met, False, False
            self.epoch += 1
        if anew:
            self._plain = self._serving(RemoteCompleter.bare(self.server, self._failed))

    @property
    def is_settled(self) -> bool:
        """Whether it was seen what answers where no repository's adapter does."""
        return self._is_settled

    def settle(self) -> None:
        """See whether it has the base's generic adapter, which it may have to load: of no account
        where it was met anew meanwhile, and may be another. RemoteError."""
        met, plain = self._met, self._without_adapter()
        if self._met is met:
            self._plain, self._is_settled = plain, True

    def load(self, repository: str) -> Serving | None:
        """With the repository's current revision in the store; None where it has none. StoreError,
        RemoteError."""
        base = self.server.base
        if (revision := self._store.current(repository, base.record)) is None:
            return None
        try:
            completer = RemoteCompleter.of(self.server, revision, self._failed)
        except RemoteError as error:
            self._failed(error)
            raise type(error)(f"{self.server.address} {error}") from error
        if completer is None:
            return self._lacking(self.plain, adapter_name(repository, revision.name))
        served = ServedBy(base.id, base.weights_hash, revision.name, engine=completer.engine)
        return Serving(completer, served, liked_less(repository, revision.name))

    def _without_adapter(self) -> Serving:
        serving = self._serving(RemoteCompleter.plain(self.server, self._failed))
        generic = self.server.base.found_generic.adapter
        if generic is not None and serving.served.generic is None:
            return self._lacking(serving, generic_name(generic.sha256))
        return serving

    def _serving(self, completer: RemoteCompleter) -> Serving:
        base = self.server.base
        served = ServedBy(base.id, base.weights_hash, None, completer.generic, completer.engine)
        return Serving(completer, served, base.found_generic.problem)

    def _lacking(self, serving: Serving, name: str) -> Serving:
        self._lacks = True
        instead = "the base's generic adapter" if serving.served.generic else "the base alone"
        problem = f"{self.server.address} has no adapter {name}, {instead} answers: see {HOW}"
        return replace(serving, problem=problem)
