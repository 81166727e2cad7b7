"""Which lines of a source are worth a look by the detectors of secrets: few, and fast.

Searches for literal words where it can, since one pattern with all of them takes many times longer.
A line left out here is never looked at again: every detector's cue must be among these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# In any case; they count in a line that can hold a value at all.
_WORDS = (
    *(b"passw", b"passphrase", b"pwd", b"_pass", b"dbpass", b"databasepass", b"keypass", b"secret"),
    *(b"contrase", b"token", b"bearer", b"credential", b"authorization"),
)
_KEY = re.compile(
    rb"(?:api|auth|service|account|db|database|priv|private|client|access|signing|encryption|master)"
    rb"[_ -]?$"
)
_CAN_HOLD_A_VALUE = re.compile(
    rb"[\"'`]|\d[^\n]*\d[^\n]*\d|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # the value may be on the next line
)

# As they stand.
_MARKS = (
    *(
        b"PRIVATE KEY",
        b"PuTTY-User-Key-File",
        b"AGE-SECRET-KEY-",
        b"A3T",
        b"ABIA",
        b"ACCA",
        b"AKIA",
    ),
    *(b"ASIA", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"gldt-"),
    *(b"glft-", b"glrt-", b"glsoat-", b"glcbt-", b"glptt-", b"glimt-", b"glagent-", b"gloas-"),
    *(b"GR1348941", b"AIza", b"ya29.", b"xoxa-", b"xoxb-", b"xoxp-", b"xoxo-", b"xoxs-", b"xoxr-"),
    *(b"XOXB-", b"XOXP-", b"xapp-", b"hooks.slack", b"k_live_", b"k_test_", b"whsec_", b"sk-"),
    *(b"hf_", b"npm_", b"_authToken", b"pypi-", b"SG.", b"eyJ", b"sq0csp", b"-us", b"AccountKey="),
    *(b"SharedAccessKey=", b"dop_v1_", b"shpat_", b"shpca_", b"shppa_", b"shpss_", b"dapi"),
    *(b"GOCSPX-", b"EAA", b"cloudant", b"/api/webhooks/"),
)
_PATTERNS = (
    re.compile(rb"[\"'`][A-Za-z0-9+/_=\\-]{20,}[\"'`]"),
    re.compile(rb"://[^\s/:@'\"]*:[^\s/@'\"]+@"),
    re.compile(rb"AC[a-z0-9]{32}"),
    re.compile(rb"SK[a-z0-9]{32}"),
    re.compile(rb":[0-9A-Za-z_-]{35}"),
    re.compile(rb"\.[\w-]{6}\.[\w-]{27}"),
)


def suspect_lines(source: bytes) -> list[tuple[int, int]]:
    """Start and end of each line worth a look, in order."""
    lines: dict[int, int] = {}
    for point in _points(source):
        start = source.rfind(b"\n", 0, point) + 1
        if start not in lines:
            end = source.find(b"\n", point)
            lines[start] = len(source) if end < 0 else end
    return sorted(lines.items())


def _points(source: bytes) -> Iterator[int]:
    for mark in _MARKS:
        yield from _found(source, mark)
    for pattern in _PATTERNS:
        yield from (match.start() for match in pattern.finditer(source))
    lower = source.lower()
    for word in _WORDS:
        yield from (point for point in _found(lower, word) if _has_value(source, point))
    for point in _found(lower, b"key"):
        if _KEY.search(lower, max(point - 12, 0), point) and _has_value(source, point):
            yield point


def _has_value(source: bytes, point: int) -> bool:
    start = source.rfind(b"\n", 0, point) + 1
    end = source.find(b"\n", point)
    line = source[start : len(source) if end < 0 else end]
    return _CAN_HOLD_A_VALUE.search(line) is not None


def _found(source: bytes, literal: bytes) -> Iterator[int]:
    """Where ``literal`` begins, once a line."""
    point = source.find(literal)
    while point >= 0:
        yield point
        end = source.find(b"\n", point)
        point = source.find(literal, end) if end >= 0 else -1
