"""Passwords in another form: base64 of ``user:password``, salted hashes, Kubernetes' manifests.

Also the files that hold nothing else: ``.netrc``, ``.pgpass``, ``htpasswd``, ``shadow``. What
decodes to a placeholder is none. Knows nothing of names in code.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator

from homespun_corpus.filters.secret_allowlist import is_placeholder

_PAIR = re.compile(
    r"(?:(?<![A-Za-z])_?auth[\"']?\s*[:=]\s*[\"']?|\b[Bb]asic +)"
    r"([A-Za-z0-9+/_-]{10,}={0,2})(?![\w(.])"
)
_HASHED = re.compile(
    r"\$(?:1|5|6|7|y|gy|apr1|sha1|md5|2[abxy]?|argon2id?|scrypt|pbkdf2[\w-]*)\$[\w./,=+$-]{20,}"
    r"|\{S{0,2}S?SHA\d*\}[A-Za-z0-9+/]{20,}|\bpbkdf2_sha\d+\$\d+\$\w+\$[\w+/]{20,}"
)
_PLAIN = re.compile(
    r"\blogin\s+\S+\s+password\s+(?P<netrc>[^\s\\\"']+)"
    r"|^\s*[\w.*-]+:(?:\d{2,5}|\*):[\w*-]+:[\w*.-]+:(?P<pgpass>\S{6,})\s*$"
)
_MANIFEST = re.compile(rb"(?m)^[ \t]*[\"']?kind[\"']?:[ \t]*[\"']?Secret\b")
_BLOCK = re.compile(r"^(?P<indent>\s*)[\"']?(?P<data>data|stringData)[\"']?:\s*\{?\s*$")
_ENTRY = re.compile(
    r"^(?P<indent>\s*)[\"']?[\w./-]+[\"']?:\s*[\"']?(?P<value>[^\s\"',]+)[\"']?,?\s*$"
)
_URL_SAFE = str.maketrans("+/", "-_")
MANIFEST_BYTES = 10_000  # before and after its kind


def has_encoded(line: str) -> bool:
    """Whether a line holds credentials in a form of their own."""
    if any(_tells(match[1]) for match in _PAIR.finditer(line)) or _HASHED.search(line):
        return True
    plain = _PLAIN.search(line)
    return plain is not None and not is_placeholder(plain["netrc"] or plain["pgpass"])


def manifest_values(source: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each line of a Kubernetes ``Secret`` that holds a value of it."""
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
    for raw in source[start:end].splitlines(keepends=True):
        line = raw.decode("utf-8", "replace").rstrip()
        entry = _ENTRY.match(line)
        if block is not None and entry and len(entry["indent"]) > len(block["indent"]):
            if _is_value(entry["value"], encoded=block["data"] == "data"):
                yield start, start + len(raw.rstrip())
        elif line.strip():
            block = _BLOCK.match(line)
        start += len(raw)


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
