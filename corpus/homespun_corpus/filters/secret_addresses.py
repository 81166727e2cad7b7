"""Addresses that let in whoever knows them: signed ones, hooks, and those with a password.

With a scheme or without one, as in ``app:password@tcp(db:3306)`` and ``app/password@db``. Knows
nothing of names in code.
"""

from __future__ import annotations

import re

from homespun_corpus.filters.secret_allowlist import (
    changes,
    is_drawn,
    is_monotonous,
    is_password,
    is_placeholder,
    is_random,
    is_signed,
    is_wordy,
)

HOOK_SHARE = 0.15  # of them differ in kind from the one before
HOOK_CHARS = 16  # of what is drawn in a hook's address
VERY_LONG = 64  # nobody says so much in a parameter
LONG = 30  # characters of a parameter whose name says little

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_PARAMETER = re.compile(
    r"(?i)[?&;#](?P<name>(?:x-(?:amz|goog)-)?signature|sig|hmac|h|t|code|auth|secret|passw(?:or)?d|pwd"
    r"|(?:\w+[_-])?(?:token|key)|apikey|hash)=(?P<value>(?=[^&\s\"'`]*\d)[\w%+/~-]{16,})"
)
_HOOK = re.compile(
    r"(?i)://[^\s\"'`<>]{0,200}?(?<![a-z])(?:web)?hooks?(?:\.|/|b\d?/)[^\s\"'`<>)]+"
    r"|://(?:[\w-]+\.)*(?:web)?hooks?\.[^\s\"'`<>)]+|://hc-ping\.com/[^\s\"'`<>)]+"
    r"|://eo\w{12,}\.m\.pipedream\.net|/send\?key=[\w-]{30,}|/with/key/[\w-]{20,}"
)
_ALL_SECRET = ("pipedream", "/with/key/")  # whatever follows
_PRIVATE = re.compile(r"/(?:private|secret|token|key)-[0-9a-f]{32}\b")
_BARE_USER = re.compile(r"https?://(?P<value>[A-Za-z0-9_-]{20,})@")
_AT = re.compile(
    r"(?<![\w.@/$~\\-])[\w.-]+[:/](?P<value>[^\s:/\"'`<>(){}\[\]=,;|$]{8,40})@(?=[\w(/\[])(?!v?\d)"
)


def has_open_address(line: str) -> bool:
    """Whether a line holds an address that lets in whoever knows it."""
    return (
        any(_is_key(match["name"], match["value"]) for match in _PARAMETER.finditer(line))
        or any(_is_hook(match[0]) for match in _HOOK.finditer(line))
        or _PRIVATE.search(line) is not None
        or any(is_random(match["value"]) for match in _BARE_USER.finditer(line))
        or any(_is_given(match["value"]) for match in _AT.finditer(line))
    )


def _is_key(name: str, value: str) -> bool:
    says_much = len(name) > 1 and name.lower() != "hash"
    if is_placeholder(value) or is_monotonous(value) or len(value) < (16 if says_much else LONG):
        return False
    mixed = any(map(str.isalpha, value)) and changes(value) >= 0.25 * len(value)
    return mixed and (len(value) >= VERY_LONG or not is_wordy(value))


def _is_hook(address: str) -> bool:
    segments = re.split(r"[/?=&]", address)[1:]
    told = any(sign in address for sign in _ALL_SECRET)
    if told or any(_UUID.fullmatch(segment) for segment in segments):
        return True
    short = "zapier" in address
    return any(_is_drawn_segment(segment, 6 if short else HOOK_CHARS) for segment in segments)


def _is_drawn_segment(segment: str, least: int) -> bool:
    return (
        len(segment) >= least
        and not segment.isdigit()
        and any(map(str.isdigit, segment))
        and changes(segment) >= HOOK_SHARE * len(segment)
        and (not is_wordy(segment) or (segment.isalnum() and sum(map(str.isdigit, segment)) > 1))
        and not is_placeholder(segment)
    )


def _is_given(value: str) -> bool:
    if is_placeholder(value) or not any(map(str.isdigit, value)):
        return False
    drawn = is_drawn(value) or (value.isalnum() and is_password(value) and not is_wordy(value))
    drawn = drawn and value not in (value.lower(), value.upper())
    return drawn or is_signed(value)
