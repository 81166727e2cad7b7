"""Secrets in source code: passwords, keys and tokens that must never be learnt.

detect-secrets' own detectors, asked only about suspect lines, and formats that it lacks. What is
plainly a label, a template or a test's stand-in is forgiven, so that code *about* passwords can be
learnt. Nothing is looked up or verified over a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from homespun_corpus.placeholders import (
    is_hash,
    is_monotonous,
    is_placeholder,
    is_random,
    is_wordy,
)
from homespun_corpus.suspects import suspect_lines

MAX_LINE_BYTES = 5000  # looked at; files with longer lines are minified and left out anyway
LINES_BEFORE = 2  # that may say what a string is
MAX_VALUES = 8  # after telling names in one line
MAX_KEY_BYTES = 10_000  # of a private key, from its BEGIN to its END

# Formats that detect-secrets does not know.
_FORMATS = re.compile(
    r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}|\bgithub_pat_\w{40,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}"
    r"|\bsk-(?:ant-|proj-|svcacct-|or-)?[\w-]{32,}|\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|\bwhsec_[A-Za-z0-9+/]{24,}|\bxapp-\d-[\w-]{20,}|\bxox[abposr]-[\w-]{20,}"
    r"|\bdop_v1_[0-9a-f]{64}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|\bdapi[0-9a-f]{32}"
    r"|AGE-SECRET-KEY-1\w{50,}|\bEAA[A-Za-z0-9]{60,}|\bSharedAccessKey=[\w+/=]{40,}"
)
# A value after a telling name that detect-secrets lacks, or without quotes, as in comments.
_NAMED = re.compile(
    r"(?i)(?:passw(?:or)?d|passphrase|pwd|secret|token|bearer|credentials?|[a-z]+[_ -]?key)\w*"
    r"[\"'`\])]*(?:\s*(?::=|=>|[:=])\s*|\s+is\s+|\s+|\()(?:[rbfu@]?[\"'`])?(?:bearer |basic )?"
    r"([^\s\"'`,;(){}\[\]<>]{12,})"
)
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)*")
_IN_A_COMMENT = re.compile(r"(?:#|//|/\*|^\s*\*|--|;)\s")

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
    found: list[Secret] = []
    for start, end in suspect_lines(source):
        if found and start < found[-1].end:
            continue  # inside of a private key
        line = source[start : min(end, start + MAX_LINE_BYTES)].decode("utf-8", "replace")
        kind = _kind(line, _lines_before(source, start))
        if kind is not None:
            last = _end_of_key(source, end) if kind == "Private Key" else end
            found.append(Secret(start, last, kind))
    return found


def without_secrets(source: bytes) -> bytes:
    """The source without the lines that hold a secret."""
    for secret in reversed(find_secrets(source)):
        source = source[: secret.start] + source[secret.end :]
    return source


def _kind(line: str, before: str) -> str | None:
    """What sort of secret a line holds, if any; ``before``: the lines before it may explain."""
    for kind, detect in _known_formats().items():
        if any(kind == "Private Key" or not is_monotonous(value) for value in detect(line)):
            return kind
    if any(not is_monotonous(value) for value in _FORMATS.findall(line)):
        return "Known Format"
    for kind, detect, forgiven in _guesses():
        if any(not forgiven(value, before + line) for value in detect(line)):
            return kind
    return "Named Value" if _has_named_value(line, before) else None


def _lines_before(source: bytes, start: int) -> str:
    """The lines of which a string on its own line may be the value."""
    begin = start
    for _ in range(LINES_BEFORE):
        begin = source.rfind(b"\n", 0, max(begin - 1, 0)) + 1
    return source[max(begin, start - MAX_LINE_BYTES) : start].decode("utf-8", "replace")


def _has_named_value(line: str, before: str) -> bool:
    for match in _NAMED.finditer(line):
        value = match.group(1).rstrip(".:!?")
        quoted = line[match.start(1) - 1] in "\"'` " and line[match.end(1) : match.end(1) + 1] in (
            "'",
            '"',
            "`",
        )
        code = not quoted and _IDENTIFIER.fullmatch(value) and not _IN_A_COMMENT.search(line)
        plain = code or is_placeholder(value) or is_hash(value, before + line)
        if is_random(value) and not plain:
            return True
    return False


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

    def base64_forgiven(value: str, line: str) -> bool:
        low = base64.calculate_shannon_entropy(value) <= base64.entropy_limit
        return low or is_wordy(value) or is_monotonous(value) or is_hash(value, line)

    def hex_forgiven(value: str, line: str) -> bool:
        low = hexadecimal.calculate_shannon_entropy(value) <= hexadecimal.entropy_limit
        return low or len(value) < 20 or is_monotonous(value) or is_hash(value, line)

    def keywords(line: str) -> Iterator[str]:
        # The detector stops at a line's first match of each sort, and knows := in Go files alone.
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
        ("Basic Auth Credentials", BasicAuthDetector().analyze_string, keyword_forgiven),
        (base64.secret_type, base64.analyze_string, base64_forgiven),
        (hexadecimal.secret_type, hexadecimal.analyze_string, hex_forgiven),
    )


def _end_of_key(source: bytes, line_end: int) -> int:
    """Where the private key that a line begins is over."""
    end = source.find(b"END ", line_end, line_end + MAX_KEY_BYTES)
    if end < 0:
        return line_end
    newline = source.find(b"\n", end)
    return len(source) if newline < 0 else newline
