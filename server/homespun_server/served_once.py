"""What answers for a command that asks once: loaded here, or met there. No thread, no watching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homespun_model.errors import RemoteError
from homespun_model.remote.address import RemoteAddress
from homespun_model.store.store import AdapterStore

from homespun_server.loaded_base import load_current
from homespun_server.models import load_plain
from homespun_server.serving import Serving
from homespun_server.settings import LaunchOptions

if TYPE_CHECKING:
    from homespun_model.bases.base import Base


@dataclass(frozen=True, slots=True)
class ServedOnce:
    """``plain``: without a repository's adapter. ``current``: with a repository's revision that is
    current in the store; None where it has none. ModelError."""

    base: Base
    plain: Serving
    current: Callable[[str], Serving | None]


def served_once(options: LaunchOptions, store: AdapterStore) -> ServedOnce:
    """By the server that is named, else by this machine. ModelError."""
    if options.remote is not None:
        return _there(RemoteAddress.of(options.remote), options, store)
    base, plain = load_plain(options)
    return ServedOnce(
        base, plain, lambda repository: load_current(store, repository, base, options.device)
    )


def _there(address: RemoteAddress, options: LaunchOptions, store: AdapterStore) -> ServedOnce:
    from homespun_server.remote_serving import RemoteServing  # torch

    remote = RemoteServing.of(address, options, store, lambda _error: None)
    try:
        remote.meet()
        remote.settle()
    except RemoteError as error:
        raise type(error)(f"{address} {error}") from error
    return ServedOnce(remote.server.base, remote.plain, remote.load)
