"""Which lines of a source are worth a look by the detectors of secrets: few, and fast.

Searches for literal words where it can, since one pattern with all of them takes many times longer.
A line left out here is never looked at again: every detector's cue must be among these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from homespun_corpus.filters.secret_tokens import may_be_token

# In any case; they count in a line that can hold a value at all.
_WORDS = (
    *(b"passw", b"passphrase", b"pwd", b"_pass", b"dbpass", b"databasepass", b"keypass", b"secret"),
    *(b"contrase", b"bearer", b"credential", b"authorization", b"chpasswd", b"identified by"),
)
_KEY = re.compile(
    rb"(?:api|auth|service|account|db|database|priv|private|client|access|signing|encryption|master)"
    rb"[_ -]?$"
)
_TOKEN = re.compile(rb"token(?!i[sz])")
_PASS = re.compile(rb"pass_?[\"'`\])]*[ \t]*(?:[:=,>]|[\"'`])")
_CAN_HOLD_A_VALUE = re.compile(
    rb"[\"'`]|\d[^\n]*\d[^\n]*\d|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # the value may be on the next line
)
_CAN_BE_NAMED = re.compile(
    rb"[\"'`][^\"'`]*[\d!@#$%^&*?~]|[\"'`]\S*[a-z][A-Z]+[a-z]+[A-Z]"
    rb"|\d[^\n]*\d[^\n]*\d|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # or on the next line
)
# Calls that may be given a password, and what may be one: in a string, or a strong word.
_CALLS = (
    *(b"login", b"logon", b"log in", b"signin", b"sign_in", b"sign in", b"connect", b"auth"),
    *(b"bind", b"basic", b"mysqli", b"pdo(", b"userpwd", b"chararray", b"decrypt", b"unlock"),
    *(b"ftp", b"smtp", b"imap", b"ssh", b"rabbitmqctl", b"sudo -s", b"--stdin"),
)
_CAN_BE_GIVEN = re.compile(
    rb"[\"'`](?=[^\"'`\s]{8})[^\"'`\s]*[A-Za-z][^\"'`\s]*\d|[\"'`](?=[^\"'`\s]{8})[^\"'`\s]*\d[^\"'`\s]*[A-Za-z]"
    rb"|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d|\([ \t\r]*$"
)

# As they stand. What is long behind its prefix is found as a run below.
_MARKS = (
    *(b"PRIVATE KEY", b"PuTTY-User-Key-File", b"AGE-SECRET-KEY-", b"github_pat_", b"GR1348941"),
    *(b"AIza", b"ya29.", b"xapp-", b"hooks.slack", b"k_live_", b"k_test_", b"whsec_", b"sk-"),
    *(b"_authToken", b"pypi-", b"SG.", b"eyJ", b"sq0", b"-us", b"AccountKey=", b"SharedAccessKey="),
    *(b"dapi", b"EAA", b"cloudant", b"LTAI", b"AVNS_", b"/api/webhooks/", b".webhook.office"),
    *(b".atlasv1.", b"FFFFNRAL", b"Q~", b"pbkdf2_sha", b"htpasswd", b"access_token$", b"ABSK"),
    *(b"AKCp", b"APA91"),
)
_PATTERNS = (
    re.compile(rb"gh[pousr]_[A-Za-z0-9]{30}"),
    re.compile(rb"hf_[A-Za-z0-9]{30}"),
    re.compile(rb"npm_[A-Za-z0-9]{36}"),
    re.compile(rb"gl(?:pat|dt|ft|rt|soat|cbt|ptt|imt|agent|oas)-"),
    re.compile(rb"xox[abopsr]-"),
    re.compile(rb"XOX[BP]-"),
    re.compile(rb"shp(?:at|ca|pa|ss)_"),
    re.compile(rb"A(?:3T|BIA|CCA|KIA|SIA)"),
    re.compile(rb"://[^\s/:@'\"]*:[^\s/@'\"]+@"),
    re.compile(rb"AC[a-z0-9]{32}"),
    re.compile(rb"SK[a-z0-9]{32}"),
    re.compile(rb":[0-9A-Za-z_-]{35}"),
    re.compile(rb"\.[\w-]{6}\.[\w-]{27}"),
    re.compile(rb"/p:\S{6}"),
    re.compile(rb"sig=[\w%+/-]{30}"),
    re.compile(rb"code=[\w%+/-]{32}"),
    re.compile(rb"key=[\w%+/-]{32}"),
    re.compile(rb"ature=[\w%+/-]{32}"),
    re.compile(rb"-[0-9a-f]{8}-[0-9a-f]{4}-"),
    re.compile(rb"hv[sbr]\."),
    re.compile(rb"dp\.(?:ct|pt|sa|scim|st|audit)\."),
    re.compile(rb"sl\.[\w.-]{60}"),
    re.compile(rb"\.[0-9a-f]{24}"),
    re.compile(rb"dt0\w\d\d\."),
    re.compile(rb"v1\.0-[0-9a-f]{24}"),
    re.compile(rb"0x[0-9a-f]{64}"),
    re.compile(rb"oy2[a-z0-9]{43}"),
    # A string of letters, digits and signs.
    re.compile(rb"[\"'`](?=[\w+:-]*[!@#$%^&*?~])[\w!@#$%^&*?~+:-]{8,64}(?=[\"'`\\\r\n]|\Z)"),
    # Credentials in another form.
    re.compile(rb"asic [A-Za-z0-9+/]{10,}"),
    re.compile(rb"auth[\"']?[ \t]*[:=][ \t]*[\"']?[A-Za-z0-9+/]{10,}"),
    re.compile(rb"\$(?:\d\w?|y|gy|apr1|sha1|md5|argon2\w*|scrypt|pbkdf2[\w-]*)\$"),
    re.compile(rb"\{S{0,2}S?HA\d*\}"),
    re.compile(rb":(?:\d{2,5}|\*):[\w*-]+:[\w*.-]+:"),
)
# A string that somebody may have drawn: a digit, or capitals where no word has them.
_STRING = re.compile(rb"[\"'`][A-Za-z0-9+/_=\\-]{20,}[\"'`]")
_DRAWN = re.compile(rb"\d|[a-z][A-Z]+[a-z]+[A-Z]+[a-z]+[A-Z]|[A-Z]{2}[a-z]{1,2}[A-Z]")
# What is behind a flag of a command.
_FLAG = re.compile(rb" -(?:[upawUPAXskb]|pw|pass\w*)[ =\"'\w!@#$%^&*]")
_GIVEN = re.compile(rb"\d[^\s\d]*[!@#$%^&*?~A-Za-z]|[!@#$%^&*?~A-Za-z][^\s\d]*\d")
RUN_CHARS = 24  # letters, digits, - and _
_BETWEEN_RUNS = bytes(b if b < 128 and (chr(b).isalnum() or b in b"_-") else 32 for b in range(256))


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
    yield from _tokens(source)
    yield from (m.start() for m in _STRING.finditer(source) if _DRAWN.search(m[0]))
    yield from (point for point in _flags(source) if _has_value(source, point, _GIVEN))
    yield from _named(source, source.lower())


def _named(source: bytes, lower: bytes) -> Iterator[int]:
    """Where a name or a call may be followed by a value."""
    for word in _WORDS:
        yield from (point for point in _found(lower, word) if _has_value(source, point))
    for point in _found(lower, b"key"):
        if _KEY.search(lower, max(point - 12, 0), point) and _has_value(source, point):
            yield point
    for word, pattern in ((b"pass", _PASS), (b"token", _TOKEN)):
        for point in _found(lower, word):
            if pattern.match(lower, point) and _has_value(source, point, _CAN_BE_NAMED):
                yield point
    for word in _CALLS:
        yield from (p for p in _found(lower, word) if _has_value(source, p, _CAN_BE_GIVEN))


def _flags(source: bytes) -> Iterator[int]:
    """Where flags are that may be given a password, once a line."""
    match = _FLAG.search(source)
    while match is not None:
        yield match.start()
        end = source.find(b"\n", match.start())
        match = _FLAG.search(source, end) if end >= 0 else None


def _tokens(source: bytes) -> Iterator[int]:
    """Where the runs are that may be tokens: splitting is faster than any pattern."""
    runs = source.translate(_BETWEEN_RUNS)
    point = 0
    for run in [run for run in runs.split() if len(run) >= RUN_CHARS]:
        if may_be_token(run):
            point = runs.find(run, point)
            while runs[point - 1 : point].strip():  # the end of a longer one
                point = runs.find(run, point + 1)
            yield point
            point += len(run)


def _has_value(source: bytes, point: int, value: re.Pattern[bytes] = _CAN_HOLD_A_VALUE) -> bool:
    start = source.rfind(b"\n", 0, point) + 1
    end = source.find(b"\n", point)
    line = source[start : len(source) if end < 0 else end]
    return value.search(line) is not None


def _found(source: bytes, literal: bytes) -> Iterator[int]:
    """Where ``literal`` begins, once a line."""
    point = source.find(literal)
    while point >= 0:
        yield point
        end = source.find(b"\n", point)
        point = source.find(literal, end) if end >= 0 else -1
