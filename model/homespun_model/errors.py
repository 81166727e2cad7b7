"""What can go wrong with a base model or an adapter, as a user can act on it.

ModelError
├── BaseError              the base is not there, not safe to load, or its FIM format is unknown
├── FetchError             a base could not be brought onto this machine, or kept on it
│   └── NoRoomError        the disk is full: no other source helps
├── RemoteError            a team's server cannot be asked now, or does not answer as it should
│   ├── RemoteNonsense     what it answers is no answer
│   └── RemoteInputError   what was given as its URL or its key cannot be one, or it is no server
│                          for this base
└── StoreError             the adapter store cannot be read or written, or a revision is not what
    │                      it says
    └── StoreInputError    what was given as a store's folder or a repository's id cannot be one

``str(error)`` is one line: what was wrong and what to do. ``Cancelled`` stands apart: nothing went
wrong, the answer is just not wanted any more.
"""

from __future__ import annotations


class ModelError(Exception):
    """Base of this room's errors."""


class BaseError(ModelError):
    """A base model cannot be used."""


class FetchError(ModelError):
    """A base could not be brought here, kept here or taken away."""


class NoRoomError(FetchError):
    """There is no room for it."""


class RemoteError(ModelError):
    """A server cannot be asked now. ``after``: seconds that it wants to be left alone for."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class RemoteNonsense(RemoteError):
    """A server answers what no server for this base would."""


class RemoteInputError(RemoteError):
    """No server can be where it was said to be, or it serves something else than the base."""


class StoreError(ModelError):
    """The adapter store, or a revision in it, cannot be used."""


class StoreInputError(StoreError):
    """No store can be where it was said to be, or no repository can have that id."""


class Cancelled(Exception):
    """A generation was stopped by its caller between two forward passes."""
