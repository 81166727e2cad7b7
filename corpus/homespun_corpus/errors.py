"""What can go wrong while reading a repository, as a user can act on it.

CorpusError
├── RepositoryError   the path is not there, not readable, or holds no file
│   └── UnreadFormat  git may know its format, we do not
├── NothingToLearn    files, but no function in a known language survives
├── DatasetError      a dataset on disk is not what was saved
└── SettingsError     homespun.toml or [tool.homespun] holds something a repository may not set
"""

from __future__ import annotations


def one_line(message: str) -> str:
    """An error as a terminal may show it: a file's name in it could hold anything."""
    line = " ".join(message.split())
    return "".join(char if char.isprintable() else "\ufffd" for char in line)


class CorpusError(Exception):
    """Base of this room's errors. ``str(error)`` is one line: what was wrong and what to do."""


class RepositoryError(CorpusError):
    """The repository cannot be read."""


class UnreadFormat(RepositoryError):
    """The repository is in a format that git may know, and the library we read with does not."""


class NothingToLearn(CorpusError):
    """The repository was read, and nothing in it can be trained on."""


class DatasetError(CorpusError):
    """A dataset on disk is not what was saved."""


class SettingsError(CorpusError):
    """A repository's settings file is wrong."""
