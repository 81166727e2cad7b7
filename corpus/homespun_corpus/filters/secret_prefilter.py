"""Which lines of a source are worth a look by the detectors of secrets: few, and fast.

One pass says which cues a source can have at all (``literals``); only those are searched, for
literal words where that is possible, since one pattern with all of them takes many times longer.
A line left out here is never looked at again: every detector's cue must be among these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from homespun_corpus.filters.literals import Literals
from homespun_corpus.filters.secret_tokens import may_be_token

_CAN_HOLD_A_VALUE = re.compile(
    rb"[\"'`]|\d[^\n]*\d[^\n]*\d|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # the value may be on the next line
)
_CAN_BE_NAMED = re.compile(
    rb"[\"'`][^\"'`]*[\d!@#$%^&*?~]|[\"'`]\S*[a-z][A-Z]+[a-z]+[A-Z]"
    rb"|\d[^\n]*\d[^\n]*\d|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # or on the next line
)
# In a string, or a strong word.
_CAN_BE_GIVEN = re.compile(
    rb"[\"'`](?=[^\"'`\s]{8})[^\"'`\s]*[A-Za-z][^\"'`\s]*\d|[\"'`](?=[^\"'`\s]{8})[^\"'`\s]*\d[^\"'`\s]*[A-Za-z]"
    rb"|\d[^\s\d]*[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]*\d|\([ \t\r]*$"
)


@dataclass(frozen=True, slots=True)
class _Cue:
    """What makes a line worth a look: any of ``words``, or a pattern that holds one of them."""

    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes] | None = None
    value: re.Pattern[bytes] | None = None
    """What the line must hold besides. With it, case does not count."""

    def points(self, source: bytes, lower: bytes) -> Iterator[int]:
        """Where lines have it, once a line."""
        text = source if self.value is None else lower
        if self.pattern is not None:
            found = _matching(text, self.pattern)
        else:
            found = (point for word in self.words for point in _found(text, word))
        return (p for p in found if self.value is None or _has_value(source, p, self.value))


def _cue(pattern: bytes, *words: bytes) -> _Cue:
    return _Cue(words, re.compile(pattern))


def _each(value: re.Pattern[bytes] | None, words: str) -> tuple[_Cue, ...]:
    return tuple(
        _Cue((word.replace("_SPACE_", " ").encode(),), None, value) for word in words.split()
    )


_CUES = (
    # Names, and calls that may be given a password.
    *_each(
        _CAN_HOLD_A_VALUE,
        """passw passphrase pwd _pass dbpass databasepass keypass secret contrase bearer credential
        authorization chpasswd identified_SPACE_by""",
    ),
    _Cue(
        (b"key",),
        re.compile(
            rb"(?:api|auth|service|account|db|database|priv|private|client|access|signing"
            rb"|encryption|master)[_ -]?key"
        ),
        _CAN_HOLD_A_VALUE,
    ),
    _Cue((b"token",), re.compile(rb"token(?!i[sz])"), _CAN_BE_NAMED),
    _Cue((b"pass",), re.compile(rb"pass_?[\"'`\])]*[ \t]*(?:[:=,>]|[\"'`])"), _CAN_BE_NAMED),
    *_each(
        _CAN_BE_GIVEN,
        """login logon log_SPACE_in signin sign_in sign_SPACE_in connect auth bind basic mysqli pdo(
        userpwd chararray decrypt unlock ftp smtp imap ssh rabbitmqctl sudo_SPACE_-s --stdin""",
    ),
    # Formats, as they stand. What is long behind its prefix is found as a run below.
    *_each(
        None,
        """PRIVATE_SPACE_KEY PuTTY-User-Key-File AGE-SECRET-KEY- github_pat_ GR1348941 AIza ya29.
        xapp- hooks.slack k_live_ k_test_ whsec_ sk- _authToken pypi- SG. eyJ sq0 -us AccountKey=
        SharedAccessKey= dapi EAA cloudant LTAI AVNS_ /api/webhooks/ .webhook.office .atlasv1.
        FFFFNRAL pbkdf2_sha htpasswd access_token$ ABSK AKCp APA91""",
    ),
    _cue(rb"\dQ~", *(b"%dQ~" % digit for digit in range(10))),
    _cue(rb"gh[pousr]_[A-Za-z0-9]{30}", *(b"gh%c_" % kind for kind in b"pousr")),
    _cue(rb"hf_[A-Za-z0-9]{30}", b"hf_"),
    _cue(rb"npm_[A-Za-z0-9]{36}", b"npm_"),
    _cue(
        rb"gl(?:pat|dt|ft|rt|soat|cbt|ptt|imt|agent|oas)-",
        *(b"glpat-", b"gldt-", b"glft-", b"glrt-", b"glsoat-", b"glcbt-", b"glptt-", b"glimt-"),
        *(b"glagent-", b"gloas-"),
    ),
    _cue(rb"xox[abopsr]-", b"xox"),
    _cue(rb"XOX[BP]-", b"XOX"),
    _cue(rb"shp(?:at|ca|pa|ss)_", b"shpat_", b"shpca_", b"shppa_", b"shpss_"),
    _cue(rb"A(?:3T|BIA|CCA|KIA|SIA)", b"A3T", b"ABIA", b"ACCA", b"AKIA", b"ASIA"),
    _cue(rb"://[^\s/:@'\"]*:[^\s/@'\"]+@", b"://"),
    _cue(rb"sig=[\w%+/-]{30}", b"sig="),
    _cue(rb"code=[\w%+/-]{32}", b"code="),
    _cue(rb"key=[\w%+/-]{32}", b"key="),
    _cue(rb"ature=[\w%+/-]{32}", b"ature="),
    _cue(rb"hv[sbr]\.", b"hvs.", b"hvb.", b"hvr."),
    _cue(rb"dp\.(?:ct|pt|sa|scim|st|audit)\.", b"dp."),
    _cue(rb"sl\.[\w.-]{60}", b"sl."),
    _cue(rb"dt0\w\d\d\.", b"dt0"),
    _cue(rb"v1\.0-[0-9a-f]{24}", b"v1.0-"),
    _cue(rb"oy2[a-z0-9]{43}", b"oy2"),
    _cue(rb"/p:\S{6}", b"/p:"),
    # Credentials in another form.
    _cue(rb"asic [A-Za-z0-9+/]{10,}", b"asic "),
    _cue(rb"auth[\"']?[ \t]*[:=][ \t]*[\"']?[A-Za-z0-9+/]{10,}", b"auth"),
    _cue(rb"\{S{0,2}S?HA\d*\}", b"SHA"),
)
_LITERALS = Literals(cue.words for cue in _CUES)
# Those without a literal of three letters.
_PATTERNS = (
    re.compile(rb"AC[a-z0-9]{32}"),
    re.compile(rb"SK[a-z0-9]{32}"),
    re.compile(rb":[0-9A-Za-z_-]{35}"),
    re.compile(rb"\.[\w-]{6}\.[\w-]{27}"),
    re.compile(rb"-[0-9a-f]{8}-[0-9a-f]{4}-"),
    re.compile(rb"\.[0-9a-f]{24}"),
    re.compile(rb"0x[0-9a-f]{64}"),
    re.compile(rb"\$(?:\d\w?|y|gy|apr1|sha1|md5|argon2\w*|scrypt|pbkdf2[\w-]*)\$"),
    re.compile(rb":(?:\d{2,5}|\*):[\w*-]+:[\w*.-]+:"),
    # A string of letters, digits and signs.
    re.compile(rb"[\"'`](?=[\w+:-]*[!@#$%^&*?~])[\w!@#$%^&*?~+:-]{8,64}(?=[\"'`\\\r\n]|\Z)"),
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
    lower = source.lower()
    for number in _LITERALS.maybe_in(source):
        yield from _CUES[number].points(source, lower)
    for pattern in _PATTERNS:
        yield from _matching(source, pattern)
    yield from _tokens(source)
    yield from (m.start() for m in _STRING.finditer(source) if _DRAWN.search(m[0]))
    yield from (p for p in _matching(source, _FLAG) if _has_value(source, p, _GIVEN))


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


def _has_value(source: bytes, point: int, value: re.Pattern[bytes]) -> bool:
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


def _matching(source: bytes, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Where ``pattern`` begins to match, once a line."""
    match = pattern.search(source)
    while match is not None:
        yield match.start()
        end = source.find(b"\n", match.start())
        match = pattern.search(source, end) if end >= 0 else None
