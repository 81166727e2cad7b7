"""A shared store's URL: what it may be, and how it is shown.

Only a user names one, on a command line or in an editor's own settings: nothing that lies in a
repository does. Credentials come from the environment, as each provider's own programs take them,
and are in no URL: it would be kept in histories, process lists and logs. Knows no files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homespun_model.errors import StoreInputError

_FORM = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.+)")
KINDS = {
    "file": "file",
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "abfs": "az",
    "https": "https",
    "http": "https",
    "ssh": "ssh",
    "sftp": "ssh",
}
"""What each scheme is a name of; also the extras that bring them, but for ``file``."""
_NEARLY = re.compile(r"\s*(//|[A-Za-z][\w+.-]+:/|[^/]*:[^/]*@)|.*://")
"""A slash is missing, or the scheme: it would be a folder of that name."""
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)")


def is_url(text: str) -> bool:
    """Whether it looks like one at all; anything else is a folder."""
    return _FORM.fullmatch(text) is not None


def check_named(store: str) -> None:
    """StoreInputError for what ``--store`` cannot mean, found without touching anything."""
    if not store:
        raise StoreInputError("--store is empty: name a folder or a URL, or leave it out")
    if is_url(store):
        StoreUrl.of(store)
    elif _NEARLY.match(store):
        raise StoreInputError("the store is neither a folder nor a URL: a URL begins as s3:// does")


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """One that can be asked."""

    kind: str
    text: str

    @classmethod
    def of(cls, text: str) -> StoreUrl:
        """StoreInputError for what is none, or names its own credentials."""
        found = _FORM.fullmatch(text)
        kind = KINDS.get(found["kind"].lower()) if found else None
        if found is None or kind is None:
            kinds = ", ".join(sorted(set(KINDS.values())))
            raise StoreInputError(f"{_hidden(text)} is no store's URL: it begins with {kinds}, ://")
        rest = found["rest"].rstrip("/")
        if not rest:
            raise StoreInputError(f"{_hidden(text)} names no folder")
        if _has_secrets(kind, rest):
            raise StoreInputError(
                f"{_hidden(text)} carries a user, a password, a ? or a #: give credentials in the "
                "environment, as the provider's own programs take them"
            )
        if found["kind"].lower() == "http" and not _LOOPBACK.match(rest):
            raise StoreInputError(f"{_hidden(text)} is not encrypted: give an https URL")
        return cls(kind, f"{found['kind']}://{rest}")

    def __str__(self) -> str:
        return self.text

    @property
    def is_read_only(self) -> bool:
        return self.kind == "https"


def _has_secrets(kind: str, rest: str) -> bool:
    """Whether more than a user's name stands where secrets do; that may in front of ssh's hosts."""
    if kind == "ssh":
        rest = re.sub(r"^[^/@:]+@", "", rest)
    return re.search(r"[@?#]", rest) is not None


def _hidden(text: str) -> str:
    """No more than what kind it is: the rest may be a secret."""
    scheme, found, _ = text.partition("://")
    return f"{scheme[:20]}://…" if found else repr(text[:80])
