"""Passwords in another form: base64 of ``user:password``, salted hashes, Kubernetes' manifests.

Also the files that hold nothing else: ``.netrc``, ``.pgpass``, ``htpasswd``, ``shadow``. What
decodes to a placeholder is none. Knows nothing of names in code.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator

from homespun_corpus.filters.secret_allowlist import (
    MIN_CHARS,
    is_password,
    is_placeholder,
    is_signed,
    is_wordy,
)

_PAIR = re.compile(
    r"(?:(?<![A-Za-z])_?auth[\"']?\s*[:=]\s*[\"']?|\b[Bb]asic +)"
    r"([A-Za-z0-9+/_-]{10,}={0,2})(?![\w(.])"
)
_HASHED = re.compile(
    r"\$(?:1|5|6|7|[89]|y|gy|apr1|sha1|md5|2[abxy]?|argon2id?|scrypt|pbkdf2[\w-]*)\$[\w./,=+$-]{20,}"
    r"|\{(?:S{0,2}S?SHA\d*|S?MD5|CRYPT|PBKDF2[\w-]*)\}[\w+/$.]{20,}"
    r"|\bpbkdf2_sha\d+\$\d+\$\w+\$[\w+/]{20,}|\$[PH]\$[\w./]{31}(?![\w./])|\$S\$[\w./]{52}"
    r"|\bsha(?:1|256)\$\w{8,}\$[0-9a-f]{40}|\bSCRAM-SHA-\d+\$\d+:[\w+/]{8}|\"md5[0-9a-f]{32}\""
    r"|^\s*[\w.@-]+:[^:\s]+:[0-9a-f]{32}\s*$|:[0-9a-f]{32}:[0-9a-f]{32}\b|\$krb5\w{3,8}\$\d\d\$\S{30}"
    r"|^\s*[\w.-]+:[\w./]{13}:\d{5}:"
)
_PLAIN = re.compile(
    r"\blogin\s+\S+\s+password\s+(?P<netrc>[^\s\\\"']+)"
    r"|^\s*[\w.*-]+:(?:\d{2,5}|\*):[\w*-]+:[\w*.-]+:(?P<pgpass>\S{6,})\s*$"
)
# Lines of other files and protocols, whose values have to look like passwords.
_LINES = re.compile(
    r"^\s*user\s+[\w.@-]+\s+(?P<ftp>\S{8,})\s*$|\buser\s+\S+\s+on\s.*?>(?P<acl>\S{8,})"
    r"|\bAUTH\s+(?:\w+\s+)?(?P<redis>[^\s\"'`]{8,})"
    r"|^\s*[\"']?[\w.@*-]+[\"']?\s+\*\s+[\"']?(?P<chap>[^\s\"']{8,})[\"']?\s+\*\s*$"
    r"|^\s*\[?[\w.-]+\.\w+\]?(?::\d+)?\s+[\w.@+-]+:(?P<postfix>\S{8,})\s*$"
    r"|^\s*(?:-\s+)?[\"']?[A-Za-z_][\w.@-]*:(?P<pair>(?!\$)[^\s:/\"']{8,})[\"']?\s*$"
    r"|^\s*(?:key|secret|password)\s+[05789]\s+(?P<router>\S{8,})\s*$"
    r"|(?i:\b(?:auth|login|credentials?|basic\w*|static)[\"']?\s*[:=]\s*[\"']?[\w.@-]+:"
    r"(?P<told>[^\s:/\"'`]{8,}))"
)
_LDIF = re.compile(r"(?i)password::\s*(?P<ldif>[A-Za-z0-9+/]{8,}={0,2})")
_DECODED = re.compile(r"(?i)\b(?:base64|b64_?decode|atob|frombase64\w*|decode64)\b")
_BASE64 = re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{10,400}={0,2}(?![\w+/=])")
_MANIFEST = re.compile(
    rb"(?m)(?:^|[{,])[ \t]*(?:- +)?[\"']?kind[\"']?:[ \t]*[\"']?Secret(?:List)?\b"
)
_BLOCK = re.compile(
    r"^(?P<indent>\s*)(?:- +)?(?:\{.*)?(?<![A-Za-z])[\"']?(?P<data>data|stringData)"
    r"[\"']?:\s*(?:\{(?P<flow>.*))?$"
)
_ENTRY = re.compile(
    r"^(?P<indent>\s*)[\"']?[\w./-]+[\"']?:\s*(?:!!\w+\s+)?[\"']?(?P<value>[^\s\"',]+)[\"']?,?\s*$"
)
_SCALAR = re.compile(r"[|>][-+\d]*")  # what an entry's value is below
_FLOW = re.compile(r"[\"']?[\w./-]+[\"']?:\s*(?:!!\w+\s+)?[\"']?(?P<value>[^\s\"',{}]+)")
_URL_SAFE = str.maketrans("+/", "-_")
MANIFEST_BYTES = 10_000  # before and after its kind


def has_encoded(line: str) -> bool:
    """Whether a line holds credentials in a form of their own."""
    if any(_tells(match[1]) for match in _PAIR.finditer(line)) or _HASHED.search(line):
        return True
    plain = _PLAIN.search(line)
    if plain is not None and not is_placeholder(plain["netrc"] or plain["pgpass"]):
        return True
    return any(_looks_given(match[match.lastgroup or 0]) for match in _LINES.finditer(line)) or (
        _has_decoded(line)
    )


def _looks_given(value: str) -> bool:
    return is_signed(value) or (value.isalnum() and is_password(value) and not is_wordy(value))


def _has_decoded(line: str) -> bool:
    """Whether base64 that a line decodes, or says to be a password, is one."""
    ldif = _LDIF.search(line)
    if ldif is not None and not is_placeholder(_plain_of(ldif["ldif"])):
        return True
    if not _DECODED.search(line):
        return False
    return any(_looks_given(_plain_of(match[0])) for match in _BASE64.finditer(line))


def _plain_of(encoded: str) -> str:
    """What base64 says, "" where that is no text."""
    try:
        return b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return ""


def manifest_values(source: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each line of a Kubernetes ``Secret`` that holds a value of it."""
    if b"Secret" not in source:
        return
    done = 0
    for kind in _MANIFEST.finditer(source):
        least = max(done, kind.start() - MANIFEST_BYTES)
        start = max(source.rfind(b"\n---", least, kind.start()) + 1, least)
        start = source.rfind(b"\n", 0, start) + 1
        done = source.find(b"\n---", kind.end(), kind.end() + MANIFEST_BYTES)
        done = done if done >= 0 else min(kind.end() + MANIFEST_BYTES, len(source))
        yield from _values(source, start, done)


def _values(source: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The lines below ``data`` or ``stringData`` that are indented deeper."""
    block: re.Match[str] | None = None
    scalar: int | None = None  # indentation of an entry whose value is in the lines below
    for raw in source[start:end].splitlines(keepends=True):
        line = raw.decode("utf-8", "replace").rstrip()
        if block is not None and _depth(line) > _depth(block[0]):
            if scalar is not None and _depth(line) <= scalar:
                scalar = None
            entry = _ENTRY.match(line)
            if entry is not None and _SCALAR.fullmatch(entry["value"]):
                scalar = _depth(line)
            elif _holds_value(line, entry, scalar is not None, encoded=block["data"] == "data"):
                yield start, start + len(raw.rstrip())
        elif line.strip():
            block, scalar = _BLOCK.match(line), None
            if block is not None and any(
                _is_value(match["value"], encoded=block["data"] == "data")
                for match in _FLOW.finditer(block["flow"] or "")
            ):
                yield start, start + len(raw.rstrip())
        start += len(raw)


def _depth(line: str) -> int:
    """Its indentation; the dash of a list is part of it."""
    return len(line) - len(line.lstrip(" \t-")) if line.strip() else 1 << 30


def _holds_value(line: str, entry: re.Match[str] | None, in_scalar: bool, *, encoded: bool) -> bool:
    """Whether a line below ``data`` does; of a value in several lines each one counts."""
    if in_scalar:
        return len(line.strip()) >= MIN_CHARS
    return entry is not None and _is_value(entry["value"], encoded=encoded)


def _is_value(value: str, *, encoded: bool) -> bool:
    if not encoded:
        return not is_placeholder(value)
    try:
        plain = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    try:
        return not is_placeholder(plain.decode())
    except UnicodeDecodeError:
        return True  # a key, for one


def _tells(pair: str) -> bool:
    """Whether base64 says ``user:password``."""
    try:
        plain = urlsafe_b64decode(pair.translate(_URL_SAFE) + "=" * (-len(pair) % 4))
        user, colon, password = plain.decode().partition(":")
    except ValueError:
        return False
    printable = user.isprintable() and password.isprintable()
    return bool(colon) and printable and not is_placeholder(password)
