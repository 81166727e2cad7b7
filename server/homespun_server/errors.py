"""What can go wrong while serving, as a user can act on it.

ServerError            exit code 1
└── CommandUsageError         exit code 2: an argument, a setting or a cursor that cannot be meant
"""

from __future__ import annotations


class ServerError(Exception):
    """Base of this room's errors. ``str(error)`` is one line: what was wrong and what to do."""


class CommandUsageError(ServerError):
    """What was asked for makes no sense; nothing was tried."""
