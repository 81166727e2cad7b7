"""Where a team's own server is, and the key to it.

Only a user names it, on a command line or in an editor's own settings. What is typed goes there, so
it is encrypted on its way off this machine, and no environment's proxy sees it. The key comes from
the environment or from a file of the user's: in a URL it would be kept in histories, process lists
and logs.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from homespun_model.errors import RemoteInputError

KEY_VARIABLE = "HOMESPUN_REMOTE_KEY"
MOST_OF_KEY = 4096  # characters
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOST = re.compile(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:]+")
_VERSION = "/v1"


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """``url``: without the ``/v1`` that its paths begin with."""

    url: str
    key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str) -> RemoteAddress:
        """What ``--remote`` says, with the user's key. RemoteInputError."""
        return cls(checked(text), read_key())

    def __str__(self) -> str:
        return self.url


def checked(text: str) -> str:
    """The URL without what it may end with. RemoteInputError for what is none, or not safe."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or not _HOST.fullmatch(host):
        raise RemoteInputError("--remote takes the URL of a server: https://gpu.example:8000")
    if parts.username is not None or parts.query or parts.fragment:
        raise RemoteInputError(
            "--remote carries a user, a password, a ? or a #: give the key in the environment as "
            f"{KEY_VARIABLE}, or in {key_file()}"
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise RemoteInputError(
            f"--remote http://{host} is not encrypted, and what you type goes there: give an https "
            "URL, or a tunnel's end on this machine"
        )
    path = parts.path.rstrip("/").removesuffix(_VERSION)
    return f"{parts.scheme}://{parts.netloc}{path}"


def key_file() -> Path:
    """Where the key may lie, in the user's own configuration folder."""
    return platformdirs.user_config_path("homespun", appauthor=False) / "remote-key"


def read_key() -> str | None:
    """The user's key; None where there is none. RemoteInputError where it cannot be used.

    It is taken out of the environment: nothing that is started from here needs it.
    """
    if (key := os.environ.pop(KEY_VARIABLE, None)) is not None:
        return _usable(key, KEY_VARIABLE)
    file = key_file()
    try:
        mode = file.stat().st_mode
        key = file.read_text(encoding="utf-8")[: MOST_OF_KEY + 2]
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RemoteInputError(f"{file} cannot be read") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RemoteInputError(f"{file} can be read by others: chmod 600 {file}")
    return _usable(key, str(file))


def _usable(key: str, where: str) -> str | None:
    key = key.strip()
    if not key:
        return None
    if len(key) > MOST_OF_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise RemoteInputError(f"{where} holds no key: one word of a line is expected")
    return key
