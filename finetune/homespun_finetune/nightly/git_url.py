"""A repository's address as git takes it: what it may be, and that it holds no password.

Credentials are git's own affair: its helpers, an agent, a key. In a URL they would stand in process
lists and logs, so one that carries any is refused. Knows no files.
"""

from __future__ import annotations

import re
from pathlib import Path

SCHEMES = ("https", "ssh", "file")
_URL = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)(?P<sign>://|::)(?P<rest>.*)")
_SCP = re.compile(r"[^/:\\]{2,}:(?!//).+")  # host:path; a single letter is a drive of Windows
_USER = re.compile(r"//[^/@\s]*@")


def is_url(text: str) -> bool:
    """Whether it looks like one at all; anything else is a folder."""
    return _URL.fullmatch(text) is not None or _SCP.fullmatch(text) is not None


def problem(text: str) -> str | None:
    """What is wrong with a URL, without repeating what may be a secret; None where nothing is."""
    found = _URL.fullmatch(text)
    if found is None:
        host = text.partition(":")[0]
        return "an address cannot begin with -" if host.startswith("-") else None
    if found["sign"] != "://" or found["scheme"] not in SCHEMES:
        return f"a git URL begins with {', '.join(SCHEMES)}, ://, or is host:path"
    user, at, _ = found["rest"].partition("/")[0].rpartition("@")
    is_login = found["scheme"] == "ssh" and ":" not in user
    if (at and not is_login) or re.search(r"[?#]", found["rest"]):
        return "the URL carries a password, or room for one: leave credentials to git's own helpers"
    return None


def last_part(path: str) -> str:
    """What a repository is called where nobody says it: ``shop`` of ``https://host/team/shop.git``.

    >>> last_part("git@host:team/shop.git")
    'shop'
    """
    text = path.rstrip("/").removesuffix(".git").rstrip("/")
    return re.split(r"[/:]", text)[-1] if is_url(path) else Path(path).absolute().name


def without_user(text: str) -> str:
    """What git says, without what its settings may have put before a host."""
    return _USER.sub("//…@", text)
