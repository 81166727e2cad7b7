"""What an editor may set for a session, and what only a flag may.

Initialization options can come from a workspace, which is a repository's word: they are bounded,
and base, store, device and the like are refused there, by name. There is one spelling of every
setting. The repository's own file is read by ``homespun_corpus.filters.team_settings``. Knows
nothing of the protocol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from homespun_corpus.filters.team_settings import MAX_PATTERN_CHARS, MAX_PATTERNS
from homespun_model.remote.address import checked
from homespun_model.sharing.url import check_named
from homespun_model.store.folder_names import folder_names

from homespun_server.errors import CommandUsageError

MAX_NEW_TOKENS = (
    128  # what homespun_model.decoding.completing does unless told; not imported: torch
)
MOST_IDLE_MINUTES = 24 * 60
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
BY_FLAG = ("base", "store", "device", "engine", "id", "log", "remote", "remote_base")


@dataclass(frozen=True, slots=True)
class EditorSettings:
    """``initializationOptions`` of the editor, checked."""

    exclude: tuple[str, ...] = ()
    """gitignore patterns of paths, relative to their repository, that get no suggestions."""
    max_new_tokens: int = MAX_NEW_TOKENS
    """At most this many tokens in a suggestion, 1 to 128: about a dozen lines."""
    idle_minutes: int = 10
    """Without a request for so long the weights are let go; 0: never."""
    usage: bool = True
    """Count, in a file of the user's, what is suggested and what becomes of it."""
    status: bool = False
    """Send ``homespun/status`` when the base or the adapter in use changes."""


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """What flags set, and nothing else may."""

    base: str | None = None
    """None: what the user chose, followed as it changes."""
    store: str | None = None
    """A folder or a URL."""
    device: str = "auto"
    fim_format: str | None = None
    id: str | None = None
    """Under which every repository's adapter is looked for; None: each one's own."""
    remote: str | None = None
    """The URL of a server that answers in place of this machine."""
    remote_base: str | None = None
    """The base that it holds; None: the one that this machine would use."""

    def __post_init__(self) -> None:
        """CommandUsageError, StoreInputError or RemoteInputError for what can be told to be wrong
        without loading anything."""
        if not DEVICE.fullmatch(self.device):
            raise CommandUsageError(f"--device takes auto, cpu, cuda or mps, not {self.device!r}")
        if self.store is not None:
            check_named(self.store)
        if self.id is not None:
            folder_names(self.id)
        if self.remote is not None:
            checked(self.remote)
        elif self.remote_base is not None:
            raise CommandUsageError("--remote-base says what a --remote holds: give both")

    def without_server(self) -> LaunchOptions:
        """For what stays on this machine."""
        return replace(self, remote=None, remote_base=None)


def read_editor_settings(options: Any) -> tuple[EditorSettings, str | None]:
    """The settings in ``options`` and, where any is wrong, one sentence about all that are.

    A wrong setting has its default; the right ones beside it hold.
    """
    if options is None:
        return EditorSettings(), None
    if not isinstance(options, dict):
        return EditorSettings(), "initializationOptions must be an object; defaults are used"
    good: dict[str, Any] = {}
    wrong: list[str] = []
    for key, value in options.items():
        reason = _reason_against(key, value)
        if reason is None:
            good[key] = tuple(value) if key == "exclude" else value
        else:
            wrong.append(reason)
    sentence = f"settings ignored: {'; '.join(wrong[:8])}" if wrong else None
    return EditorSettings(**good), sentence


def _reason_against(key: str, value: Any) -> str | None:
    name = repr(key[:60])
    if key in BY_FLAG:
        return f"{name} is a flag of 'homespun serve', not a setting of a workspace"
    if key == "exclude":
        return None if _patterns(value) else f"{name} must be a list of gitignore patterns"
    if key == "max_new_tokens":
        right = _count(value, 1, MAX_NEW_TOKENS)
        return None if right else f"{name} must be a number from 1 to {MAX_NEW_TOKENS}"
    if key == "idle_minutes":
        right = _count(value, 0, MOST_IDLE_MINUTES)
        return None if right else f"{name} must be a number from 0 to {MOST_IDLE_MINUTES}"
    if key in ("status", "usage"):
        return None if isinstance(value, bool) else f"{name} must be true or false"
    known = ", ".join(field.name for field in fields(EditorSettings))
    return f"{name} is unknown (known: {known})"


def _patterns(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_PATTERNS
        and all(isinstance(item, str) and len(item) <= MAX_PATTERN_CHARS for item in value)
    )


def _count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
