"""Secrets in source code: passwords, keys and tokens that must never be learnt.

Three parts see a source: detect-secrets' detectors and our own rules, asked only about suspect
lines; betterleaks' rules (``secret_scanner``); Kubernetes' manifests. What is plainly a label, a
template or a test's stand-in is forgiven, so that code *about* passwords can be learnt. Nothing is
looked up or verified over a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from homespun_corpus.filters.secret_addresses import has_open_address
from homespun_corpus.filters.secret_allowlist import (
    is_hash,
    is_monotonous,
    is_placeholder,
    is_public,
    is_real,
    is_wordy,
    may_hold_password,
)
from homespun_corpus.filters.secret_assignments import goes_on, has_named_value
from homespun_corpus.filters.secret_commands import has_given_value
from homespun_corpus.filters.secret_encodings import has_encoded, manifest_values
from homespun_corpus.filters.secret_positions import has_placed_value, opens_call
from homespun_corpus.filters.secret_prefilter import suspect_lines
from homespun_corpus.filters.secret_scanner import scanned_lines
from homespun_corpus.filters.secret_strings import plain_strings
from homespun_corpus.filters.secret_tokens import has_token

PRIVATE_KEY, NAMED_VALUE = "Private Key", "Named Value"
SCANNED, MANIFEST = "Betterleaks", "Kubernetes Secret"
MAX_LINE_BYTES = 5000  # looked at; files with longer lines are minified and left out anyway
HEX_CHARS = 28  # of a key; shorter ones are ids, hashes and colours
LINES_BEFORE = 2  # that may say what a string is
LINES_AFTER = 2  # of a name, one of which may hold its value
MAX_VALUES = 8  # after telling names in one line
MAX_KEY_BYTES = 10_000  # of a private key, from its BEGIN to its END

_ID = re.compile(r"(?<=[A-Za-z]-)[0-9a-f]{20,27}$")  # shorter than HEX_CHARS
# Among what the detectors of known formats look for.
_KNOWN = re.compile(
    r"A3T|A[BKS]IA|ACCA|AccountKey=|gh[pousr]_|gl\w+-|GR1348941|eyJ|-us\d|_authToken|sk-"
    r"|PRIVATE KEY|PuTTY|pypi-|SG\.|sq0csp-|[rs]k_live_|\.[\w-]{6}\.|:[\w-]{35}"
    r"|AC[a-z0-9]{32}|SK[a-z0-9]{32}"
    r"|hooks\.slack|[Aa][Ww][Ss]|[Xx][Oo][Xx]|(?i:cloudant)"
)
_KEYWORD = re.compile(r"(?i)pass|pwd|secret|key|contrase")  # among what the detector looks for
_URL_PASSWORD = re.compile(r"://[^\s/:@'\"`]*:([^\s/@'\"`]+)@")
_KEY_BEGIN = re.compile(r"BEGIN ENCRYPTED PRIVATE KEY|PuTTY-User-Key-File-\d")
_KEY_END = re.compile(rb"- ?END |Private-MAC:")
_KEY_LINE = re.compile(rb"\n[ \t\"'#/*+]*[A-Za-z\d+/=]{16,}[\"'\\rn,;+ \t\r]*(?=\n|$)")

_PLUGINS = re.findall(
    r"\S+",
    """aws.AWSKeyDetector azure_storage_key.AzureStorageKeyDetector
    cloudant.CloudantDetector discord.DiscordBotTokenDetector github_token.GitHubTokenDetector
    gitlab_token.GitLabTokenDetector jwt.JwtTokenDetector mailchimp.MailchimpDetector
    npm.NpmDetector openai.OpenAIDetector private_key.PrivateKeyDetector
    pypi_token.PypiTokenDetector sendgrid.SendGridDetector slack.SlackDetector
    square_oauth.SquareOAuthDetector stripe.StripeDetector telegram_token.TelegramBotTokenDetector
    twilio.TwilioKeyDetector""",
)

_Detector = Callable[[str], Iterator[str]]  # the values in a line


@dataclass(frozen=True, slots=True, order=True)
class Secret:
    """Bytes ``start`` to ``end`` of a source: the line that holds it, or the lines of a key."""

    start: int
    end: int
    kind: str


def find_secrets(source: bytes) -> list[Secret]:
    """The lines of a source that hold a secret, by place."""
    found = _in_suspect_lines(source)
    found += (Secret(*span, MANIFEST) for span in manifest_values(source))
    return _apart([*found, *_scanned(source)])


def _apart(found: list[Secret]) -> list[Secret]:
    """By place, those that overlap as one: what ours found says of which kind."""
    apart: list[Secret] = []
    for secret in sorted(found, key=lambda secret: secret.start):
        last = apart[-1] if apart else None
        if last is not None and secret.start < last.end:
            apart[-1] = replace(last, end=max(last.end, secret.end))
        else:
            apart.append(secret)
    return apart


def _scanned(source: bytes) -> Iterator[Secret]:
    """What the library finds, in whole lines."""
    lines = list(scanned_lines(source.decode("utf-8", "replace")))
    ends = [match.start() for match in re.finditer(rb"\n|\Z", source)] if lines else []
    for first, last in lines:
        start = ends[first - 1] + 1 if first else 0
        yield Secret(start, ends[min(last, len(ends) - 1)], SCANNED)


def _in_suspect_lines(source: bytes) -> list[Secret]:
    found: list[Secret] = []
    for start, end in suspect_lines(source):
        if found and start < found[-1].end:
            continue  # inside of a private key, or the value of a name above
        before = _lines_before(source, start)
        kind = _kind(_text(source, start, end), before)
        if kind == PRIVATE_KEY:
            found.append(Secret(start, _end_of_key(source, start, end), kind))
        elif kind is not None:
            found.append(Secret(start, end, kind))
        elif (last := _end_of_value(source, start, end, before)) is not None:
            found.append(Secret(start, last, NAMED_VALUE))
    return found


def without_secrets(source: bytes) -> bytes:
    """The source without the lines that hold a secret."""
    for secret in reversed(find_secrets(source)):
        source = source[: secret.start] + source[secret.end :]
    return source


def _kind(line: str, before: str) -> str | None:
    """What sort of secret a line holds, if any; ``before``: the lines before it may explain."""
    known = _known_formats() if _KNOWN.search(line) else {}
    for kind, detect in known.items():
        if any(kind == PRIVATE_KEY or is_real(value) for value in detect(line)):
            return kind
    if _KEY_BEGIN.search(line):
        return PRIVATE_KEY
    for kind, detect, forgiven in _guesses():
        if any(not forgiven(value, before + line) for value in detect(line)):
            return kind
    if not may_hold_password(line):
        return None
    return next((kind for kind, holds in _OWN_RULES if holds(line, before)), None)


_OWN_RULES: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    ("Known Format", has_token),
    (NAMED_VALUE, has_named_value),
    ("Encoded Credentials", lambda line, _before: has_encoded(line)),
    ("Open Address", lambda line, _before: has_open_address(line)),
    ("Placed Value", lambda line, _before: has_placed_value(line)),
    ("Given Value", lambda line, _before: has_given_value(line)),
)


def _end_of_value(source: bytes, start: int, end: int, before: str) -> int | None:
    """Where the value ends that a line names and a later one holds; None without one."""
    line = _text(source, start, end)
    if not (goes_on(line) or opens_call(line)):
        return None
    for _ in range(LINES_AFTER):
        newline = source.find(b"\n", end + 1)
        end = len(source) if newline < 0 else newline
        line = plain_strings(_text(source, start, end).replace("\n", " "))
        if may_hold_password(line) and (has_named_value(line, before) or has_placed_value(line)):
            return end
    return None


def _text(source: bytes, start: int, end: int) -> str:
    """A line of it, with plain quotes."""
    line = source[start : min(end, start + MAX_LINE_BYTES)].decode("utf-8", "replace")
    return plain_strings(line)


def _lines_before(source: bytes, start: int) -> str:
    """The lines of which a string on its own line may be the value."""
    begin = start
    for _ in range(LINES_BEFORE):
        begin = source.rfind(b"\n", 0, max(begin - 1, 0)) + 1
    return source[max(begin, start - MAX_LINE_BYTES) : start].decode("utf-8", "replace")


@cache
def _known_formats() -> dict[str, _Detector]:
    """Detectors whose match alone is telling."""
    plugins = [
        getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
        for module, name in (plugin.split(".") for plugin in _PLUGINS)
    ]
    return {plugin.secret_type: plugin.analyze_string for plugin in plugins}


@cache
def _guesses() -> tuple[tuple[str, _Detector, Callable[[str, str], bool]], ...]:
    """Detectors that guess, each with what it forgives: (value, lines) → whether it does."""
    from detect_secrets.plugins.basic_auth import BasicAuthDetector
    from detect_secrets.plugins.high_entropy_strings import (
        Base64HighEntropyString,
        HexHighEntropyString,
    )
    from detect_secrets.plugins.keyword import KeywordDetector

    keyword = KeywordDetector()
    base64, hexadecimal = Base64HighEntropyString(limit=4.5), HexHighEntropyString(limit=3.0)

    basic_auth = BasicAuthDetector()

    def url_passwords(line: str) -> Iterator[str]:
        # The detector knows no password with a sign in it, and none without a user.
        yield from basic_auth.analyze_string(line)
        yield from _URL_PASSWORD.findall(line)

    def quoted(detect: _Detector) -> _Detector:
        return lambda line: detect(line.replace("`", '"'))

    def base64_forgiven(value: str, line: str) -> bool:
        low = base64.calculate_shannon_entropy(value) <= base64.entropy_limit
        name = _ID.sub("", value)  # an id behind words is theirs
        plain = low or is_wordy(name) or is_monotonous(value) or is_hash(value, line)
        return plain or is_public(value)

    def hex_forgiven(value: str, line: str) -> bool:
        low = hexadecimal.calculate_shannon_entropy(value) <= hexadecimal.entropy_limit
        return low or len(value) < HEX_CHARS or is_monotonous(value) or is_hash(value, line)

    def keywords(line: str) -> Iterator[str]:
        # The detector stops at a line's first match of each sort, and knows := in Go files alone.
        if not _KEYWORD.search(line):
            return
        line = line.replace(":=", "=")
        for _ in range(MAX_VALUES):
            for value in (values := list(keyword.analyze_string(line))):
                line = line.replace(value, "", 1)
            yield from values
            if not values:
                return

    def keyword_forgiven(value: str, _line: str) -> bool:
        return is_placeholder(value)

    return (
        ("Secret Keyword", keywords, keyword_forgiven),
        ("Basic Auth Credentials", url_passwords, keyword_forgiven),
        (base64.secret_type, quoted(base64.analyze_string), base64_forgiven),
        (hexadecimal.secret_type, quoted(hexadecimal.analyze_string), hex_forgiven),
    )


def _end_of_key(source: bytes, start: int, line_end: int) -> int:
    """Where the private key is over that a line begins: at its END, or with its last line."""
    end = _KEY_END.search(source, start, start + MAX_KEY_BYTES)
    if end is None:
        most = start + MAX_KEY_BYTES
        while (line := _KEY_LINE.match(source, line_end, most)) is not None:
            line_end = line.end()
        return line_end
    newline = source.find(b"\n", end.end())
    return len(source) if newline < 0 else newline
