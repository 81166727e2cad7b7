"""What answers for a repository, and what people are told of it: here, or on another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from homespun_model.store.store import AdapterStore
from homespun_model.usage.database import usage_file
from homespun_model.usage.verdict import verdict_on

from homespun_server.answer_cache import ServedBy

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Completing


State = Literal["loading", "ready", "error"]


@dataclass(frozen=True, slots=True)
class Status:
    """What people may want to see of the engine."""

    state: State
    base: str
    revision: str | None = None
    repository: str | None = None
    message: str | None = None
    generic: bool = False
    """Whether the base is served with its generic adapter where no repository's is."""
    remote: str | None = None
    """The server that answers in place of this machine."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A completer and the name of what it holds."""

    completer: Completing
    served: ServedBy
    problem: str | None = None
    """Why it holds less than it might, or what speaks against it."""


Report = Callable[[Status], None]


class ModelsInUse(Protocol):
    """Used from one event loop; the completers it hands out are used on another thread."""

    @property
    def store(self) -> AdapterStore:
        """Where adapters come from."""
        ...

    def preload(self) -> None:
        """Begin what takes longer than any handshake."""
        ...

    async def warm(self) -> None:
        """Get ready to answer. Raises ModelError."""
        ...

    async def serving(self, repository: str | None, *, here: bool = False) -> Serving:
        """What answers for ``repository`` now; ``here``: on this machine. Raises ModelError if
        nothing can."""
        ...

    def let_go(self) -> None:
        """Give back the memory of weights that nobody asks for."""
        ...

    def completers(self) -> list[Completing]:
        """Everything that may answer."""
        ...

    def close(self) -> None:
        """Start nothing any more."""
        ...


def liked_less(repository: str, revision: str) -> str | None:
    """What to say of a revision that is taken clearly less than what it replaced."""
    verdict = verdict_on(usage_file(), repository, revision)
    if verdict is None or not verdict.is_clearly_less:
        return None
    return f"{verdict}; `homespun adapters rollback`, with the --store of editors, takes it back"
