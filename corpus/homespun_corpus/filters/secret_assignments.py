"""What stands after a telling name: ``password: str = "…"``, ``token=…`` in a comment or a config.

Finds what detect-secrets' keywords miss: a type or a call between name and value, no quotes, a name
that it lacks, a value on a later line. The farther off a value, the more it must look like one.
"""

from __future__ import annotations

import re
from base64 import b64decode

from homespun_corpus.filters.secret_allowlist import (
    changes,
    is_drawn,
    is_hash,
    is_password,
    is_phrase,
    is_placeholder,
    is_random,
    is_signed,
    is_wordy,
)

NAME_CHANGES = 4  # from one kind of character to another, at most, in an identifier

_NAME = (
    r"(?:(?i:passw(?:or)?d|passphrase|pwd|secret|token(?!i[sz])|bearer|authorization|credentials?"
    r"|(?<=[a-z])[_ -]?key|(?<![a-z])pass(?![a-z]))|(?<=[a-z])Pass(?![a-z]))\w*"
)
_TELLING = re.compile(_NAME)
# Possessive: an escape is read one way only, or a line of many without an end takes for ever.
_STRING = re.compile(r"([\"'`])((?:\\.|(?!\1)[^\\])*+)\1")
_BASIC = re.compile(r"(?i)basic +")
_LEAD = re.compile(r"(?i)(?:bearer|token) +|.*" + _NAME + r"[ \]]*[=:] *")
_BARE = re.compile(
    _NAME + r"[\"'`\])]*(?P<sign>\s*(?::=|=>|[:=>])\s*|\s+is\s+|\s+|\()(?P<quote>[rbfu@]?[\"'`])?"
    r"(?i:bearer |basic )?(?P<value>[^\s\"'`,;(){}\[\]<>]{8,})(?P<after>[(\[{<]?)"
)
_REST = re.compile(_NAME + r"[\"']?\s*[:=]\s+(?P<rest>[^\"'`\s]+(?: [^\"'`\s]+)+)\s*$")
_GOES_ON = re.compile(
    r"(?:[(=\\+|?]|\"\"\"|'''|`|(?:^|[(,\[{])\s*[\"'`][\w-]*" + _NAME + r"[\"'`],)\s*$"
)
_CODE = re.compile(
    r"[*&!~-]*[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.|!\.)[A-Za-z_$][\w$]*)*\??(?:=[\w.]*)?"
)
_DOCKER = re.compile(r"\s*(?:ENV|ARG)\s")
_IN_A_COMMENT = re.compile(r"(?:#|//|/\*|^\s*\*|--|;)\s")


def has_named_value(line: str, before: str) -> bool:
    """Whether a line names a secret and holds its value; ``before``: what may explain it."""
    name = _TELLING.search(line)
    if name is None:
        return False
    return _has_string(line, name.start(), before) or _has_bare(line, before) or _has_phrase(line)


def goes_on(line: str) -> bool:
    """Whether the value of what a line names may be on the next one."""
    return _GOES_ON.search(line) is not None


def _has_string(line: str, start: int, before: str) -> bool:
    """Whether a string after ``start``, where the name is, looks like a password."""
    strings = (match[2].strip() for match in _STRING.finditer(line) if match.end() > start)
    return any(_tells(text) and not is_hash(text, before + line) for text in strings)


def _tells(text: str) -> bool:
    """Whether a string tells a password: bare, or as in ``Basic …``, ``Bearer …``, ``token=…``."""
    basic = _BASIC.match(text)
    if basic is not None:
        return not is_placeholder(_password_of(text[basic.end() :]))
    lead = _LEAD.match(text)
    value = text[lead.end() :] if lead else text
    return is_password(value) or is_signed(value) or is_phrase(value)


def _password_of(credentials: str) -> str:
    """The password in what HTTP's basic authentication sends."""
    try:
        return b64decode(credentials).decode().partition(":")[2]
    except ValueError:
        return credentials


def _has_bare(line: str, before: str) -> bool:
    """Whether a value without quotes follows a name, and is no code."""
    for match in _BARE.finditer(line):
        value = match["value"].rstrip(".:?")
        if match["quote"] or match["after"] not in ("", "<"):
            continue
        if not (is_password(value) or is_signed(value)):
            continue
        assigned = match["sign"].strip() in (":", "=", ":=", ">") or _DOCKER.match(line) is not None
        code = _CODE.fullmatch(value) and not _is_no_name(value) and not _IN_A_COMMENT.search(line)
        if (
            not code
            and (assigned or is_random(value) or is_signed(value))
            and not is_hash(value, before + line)
        ):
            return True
    return False


def _is_no_name(value: str) -> bool:
    """Whether nobody calls anything so, though the language would let them."""
    return is_drawn(value) or _is_odd_name(value)


def _is_odd_name(value: str) -> bool:
    mixed = value.isalnum() and any(map(str.isdigit, value))
    return mixed and changes(value) > NAME_CHANGES and not is_wordy(value)


def _has_phrase(line: str) -> bool:
    """Whether the rest of a line, after a name, is a password with spaces."""
    match = _REST.search(line)
    return match is not None and is_phrase(match["rest"])
