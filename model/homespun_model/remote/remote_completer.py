"""``Completing`` by a server: what is asked, and what is shown of its answers, is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from homespun_corpus.place import Place

from homespun_model.decoding.callbacks import IsCancelled, never
from homespun_model.decoding.shown_from import ShownFrom
from homespun_model.errors import Cancelled, RemoteError, RemoteNonsense
from homespun_model.remote.link import Left
from homespun_model.remote.names import adapter_name, generic_name
from homespun_model.remote.remote_server import RemoteServer
from homespun_model.store.admission import check
from homespun_model.store.revision import Revision
from homespun_model.suggesting.suggester import Suggester

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Suggestion

Failed = Callable[[RemoteError], None]


class RemoteCompleter(Suggester):
    """Asks a server that was met. Not for two threads at once."""

    size = 0
    engine = "remote"
    is_shared = True

    def __init__(
        self,
        server: RemoteServer,
        adapter: str | None,
        failed: Failed,
        revision: str | None = None,
        prompt_version: int | None = None,
        *,
        generic: str | None = None,
        shown_from: ShownFrom | None = None,
    ) -> None:
        """``adapter``: its name there. ``failed`` is told of every answer that did not come, on the
        thread that asked. The others: as ``Suggester``."""
        self._failed, self._address = failed, server.address
        super().__init__(
            server.base,
            server.decoder(adapter),
            revision,
            prompt_version,
            generic=generic,
            shown_from=shown_from,
        )

    @classmethod
    def of(cls, server: RemoteServer, revision: Revision, failed: Failed) -> RemoteCompleter | None:
        """With a revision of the store; None where the server lacks it. StoreError where it may not
        be served, RemoteError where the server cannot be asked."""
        check(revision, server.base)
        name = adapter_name(revision.repository, revision.name)
        if not server.has(name):
            return None
        shown = revision.manifest.get("shown_from")
        return cls(
            server,
            name,
            failed,
            revision.name,
            revision.manifest["prompt_version"],
            shown_from=ShownFrom.from_json(shown, server.base.fitted.likely),
        )

    @classmethod
    def bare(cls, server: RemoteServer, failed: Failed) -> RemoteCompleter:
        """The base alone."""
        return cls(server, None, failed)

    @classmethod
    def plain(cls, server: RemoteServer, failed: Failed) -> RemoteCompleter:
        """Without a repository's adapter: with the base's generic one, if the server has it."""
        found = server.base.found_generic.adapter
        if found is None or not server.has(generic_name(found.sha256)):
            return cls.bare(server, failed)
        name = generic_name(found.sha256)
        return cls(server, name, failed, None, found.prompt_version, generic=found.sha256)

    def complete(self, place: Place, **options: Any) -> Suggestion:
        """As ``Suggester.complete``. RemoteError, which names the server."""
        with self._telling():
            return super().complete(place, **options)

    def warm(self, place: Place, *, session: str, cancelled: IsCancelled = never) -> None:
        """As ``Suggester.warm``. RemoteError."""
        with self._telling():
            super().warm(place, session=session, cancelled=cancelled)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Whatever goes wrong with an answer is the server's."""
        try:
            yield
        except (Cancelled, Left):  # who is known to be away has failed no more often
            raise
        except RemoteError as error:
            self._failed(error)
            raise type(error)(f"{self._address} {error}", error.after) from error
        except (ArithmeticError, ValueError, LookupError) as error:
            nonsense = RemoteNonsense("tells numbers that make no sense")
            self._failed(nonsense)
            raise RemoteNonsense(f"{self._address} {nonsense}") from error
