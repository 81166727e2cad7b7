"""A repository's address as git takes it: what it may be, and that it holds no password.

Credentials are git's own affair: its helpers, an agent, a key. In a URL they would stand in process
lists and logs, so one that carries any is refused. Knows no files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SCHEMES = ("https", "ssh", "file")
_URL = re.compile(r"([A-Za-z][\w+.-]*)(://|::)(.*)")
_SCP = re.compile(r"[^/:\\]{2,}:(?!//).+")  # a single letter is a drive
_MISSPELT = re.compile(r"//|(https?|ssh|file):/|.*://", re.IGNORECASE)
_HOST = re.compile(r"(\[[\da-fA-F:.]+\]|[^:%\[\]]+)(:\d*)?")
_USER = re.compile(r"//.*@")  # up to the last: a password may hold any letter

_FORMS = f"a git URL begins with {', '.join(SCHEMES)}, ://, or is host:path"
_SECRET = "the URL carries a password, or room for one: leave credentials to git's own helpers"
_FLAG = "an address cannot begin with -"


def is_url(text: str) -> bool:
    """Whether it looks like one at all; anything else is a folder."""
    return _URL.fullmatch(text) is not None or _SCP.fullmatch(text) is not None


def problem(text: str) -> str | None:
    """What is wrong with a URL, without repeating what may be a secret; None where nothing is, as
    where it is a folder."""
    url, scp = _URL.fullmatch(text), _SCP.fullmatch(text)
    if url is None and (_MISSPELT.match(text.strip()) or (text != text.strip() and "@" in text)):
        return _FORMS
    if url is None and scp is None:
        return None
    if last_part(text) in ("", ".", "..") or "\\" in text:
        return "its last part names no repository"
    return _problem_of_url(*url.groups()) if url else _problem_of_scp(*text.split(":", 1))


def _problem_of_url(scheme: str, sign: str, rest: str) -> str | None:
    if sign != "://" or scheme not in SCHEMES:
        return _FORMS
    place, _, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    if host.startswith("-"):
        return _FLAG
    is_login = scheme == "ssh" and not re.search(r"[:%@]", user)
    if (at and not is_login) or re.search(r"[?#]", rest):
        return _SECRET
    # What stands behind a slash in a password looks like a path.
    if scheme != "file" and ("@" in path or not _HOST.fullmatch(host)):
        return _SECRET
    return None


def _problem_of_scp(host: str, path: str) -> str | None:
    if host.startswith("-"):
        return _FLAG
    user = host.rpartition("@")[0]
    return _SECRET if "@" in path or "%" in user else None


def last_part(path: str) -> str:
    """What a repository is called where nobody says it: ``shop`` of ``https://host/team/shop.git``.

    >>> last_part("git@host:team/shop.git")
    'shop'
    """
    text = path.rstrip("/").removesuffix(".git").rstrip("/")
    if is_url(path):
        return re.split(r"[/:]", text)[-1]
    return Path(os.path.normpath(Path(path).absolute())).name


def without_user(text: str) -> str:
    """What git says, without what its settings may have put before a host."""
    return _USER.sub("//…@", text)
