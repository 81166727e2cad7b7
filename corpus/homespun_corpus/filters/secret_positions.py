"""Passwords told by where they stand in code: in a call of ``login(…)``, ``hash(…)`` and the like.

What is strong enough, a few signs among letters and digits, needs no place at all. Whatever a call
says, a label, a template or a stand-in is none. Knows nothing of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from homespun_corpus.filters.secret_allowlist import (
    MIN_CHARS,
    changes,
    is_drawn,
    is_password,
    is_phrase,
    is_random,
    is_signed,
    is_strong,
    is_wordy,
    may_hold_password,
)

NAME_CHANGES = 4  # from one kind of character to another, at most, in an identifier
WORD_CHARS = 4  # a longer one is said, not drawn

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
_TOKEN = re.compile(r"[\w.-]+")
_HEX = re.compile(r"[0-9a-fA-F]+")
_KEY = re.compile(r"[A-Za-z0-9+/=]{16,}")
_STRING = re.compile(r"([\"'`])((?:\\.|(?!\1)[^\\])*+)(?:\1|$)")
_REST = r"\w{0,30}"  # of a name: without a bound, a long word would be read again and again
_OPENS = (
    r"(?:(?:::|\.)\w{1,30})?(?:,\s*[\"']|[\"']?\s*(?:[({]|[:=]\s*[(\[{]|\s(?:--?\w*\s+)?[\"']))"
)
# A call or an assignment whose values are credentials, as a rule.
_CALL = re.compile(
    rf"(?i)(?:log_?(?:in|on){_REST}|sign_?(?:in|up){_REST}|auth{_REST}|connect{_REST}|bind(?:_s)?"
    rf"|basic{_REST}|credentials?|creds|userpwd|mysqli|pdo|token|unlock{_REST}|decrypt{_REST}"
    rf"|set_?pass{_REST}|create_?user|(?:user|account)s?|username_pw_set|convertto-securestring"
    rf"|(?:ftp|smtp|imap|pop3|ssh|ldap|redis|sequelize|pool){_REST}(?:\.\w{{1,30}})?){_OPENS}"
)
# One that hashes, encrypts, compares, types or sends what may be a password.
_USE = re.compile(
    rf"(?i)(?:crypt{_REST}|secret{_REST}|hmac{_REST}|cipher{_REST}|jwt{_REST}\.\w{{1,30}}|verify"
    rf"|sign(?:with|er)?|argon2{_REST}|scrypt{_REST}|pbkdf2{_REST}|derive{_REST}|hash|make|matches"
    rf"|compare{_REST}|check_?pw|strcmp|fill{_REST}|type|typetext|entertext|send_?keys|sendline|send"
    rf"|write|getpass|wifi\.\w{{1,30}}|softap|config|begin|load_cert_chain|from_private_key{_REST}"
    rf"|add_?identity|usm{_REST}|communitydata|newdialer|cookie{_REST}|x509{_REST}|createasync"
    rf"|securestring|serializer|keychain{_REST}|singleton|forurl|partial|inlinedata|getbytes|values|text){_OPENS}"
)
# Of those some letters each: looked for first, since the patterns are slow.
_CALL_WORDS = re.findall(
    r"\S+",
    """log sign auth connect bind basic cred userpwd mysqli pdo token unlock crypt pass user account
    ftp smtp imap pop3 ssh ldap redis sequelize pool securestring username_pw""",
)
_USE_WORDS = re.findall(
    r"\S+",
    """crypt secret hmac cipher jwt verify sign argon2 pbkdf2 derive hash make match compare checkpw
    check_pw strcmp fill type text send write getpass wifi softap config begin cert private_key
    identity usm community dialer cookie x509 createasync securestring serializer keychain singleton
    forurl partial inlinedata getbytes values""",
)
_NO_ARGUMENT = re.compile(
    r"[\\{}<>\[\]()\"'=]|://|\w\.\w+\.\w|/.*/|^\.?/|:\d+(?:/|$)|^[0-9a-f]{8}-[0-9a-f]{4}-"
)
_CHARS = re.compile(r"\"([^\"\s]+)\"\.(?:toCharArray|getBytes|encode)\b")
_OPEN = ("(", "[", "{", ",")
# Lines about accounts, whose words are looked at one by one.
_ACCOUNT = re.compile(r"(?i)\b(?:log[- ]?(?:in|on)|sign[- ]?in|credentials?|user|account)\b")
_FLAG = re.compile(r"(?:^|\s)--?[A-Za-z][\w-]*(?:[\s=]|$)")
_ADDRESS = re.compile(r"\w+://\S*")
_BETWEEN = re.compile(r"[\s\"'`,;:=()<>{}\[\]|/\\]+")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|/\*|--|;|\*)\s")


def has_placed_value(line: str) -> bool:
    """Whether a line holds a password that its place or its looks tell."""
    found = ((match.start(), match[2]) for match in _STRING.finditer(line))
    texts = [(at, text) for at, text in found if len(text) >= MIN_CHARS and may_hold_password(text)]
    if any(is_strong(part) for _, text in texts for part in (text, *_parts(text))):
        return True
    return _in_call(line, texts) or _in_words(line)


def opens_call(line: str) -> bool:
    """Whether a call that is given a password goes on in the next line."""
    return line.rstrip().endswith(_OPEN) and _call(line) is not None


def _call(line: str) -> re.Match[str] | None:
    return _CALL.search(line) if _has_any(line.lower(), _CALL_WORDS) else None


def _has_any(lower: str, words: list[str]) -> bool:
    return any(word in lower for word in words)


def _parts(text: str) -> list[str]:
    """What stands in a string for itself: ``user:password``, ``-ppassword``."""
    return text.split(":") if text.count(":") == 1 and "//" not in text else []


def _in_call(line: str, texts: list[tuple[int, str]]) -> bool:
    if any(is_password(match[1]) for match in _CHARS.finditer(line)):
        return True
    lower = line.lower()  # the quickest question first, the slowest last
    return (_has_any(lower, _CALL_WORDS) and _is_given(line, texts, _CALL, _is_credential)) or (
        _has_any(lower, _USE_WORDS) and _is_given(line, texts, _USE, _is_argument)
    )


def _is_given(
    line: str,
    texts: list[tuple[int, str]],
    call: re.Pattern[str],
    is_one: Callable[[str], bool],
) -> bool:
    """Whether a call in a line is given a string that is one, or has a part that is."""
    starts = [start for start, text in texts if any(map(is_one, (text, *_parts(text))))]
    if not starts:
        return False
    found = call.search(line)
    return found is not None and max(starts) >= found.end() - 1


def _is_credential(text: str) -> bool:
    named = _UUID.match(text) or (text.isalnum() and changes(text) < NAME_CHANGES)
    known = (is_password(text) and not named) or is_signed(text) or _is_wordless(text)
    token = _TOKEN.fullmatch(text) is not None and is_drawn(text)
    return known and (token or not _NO_ARGUMENT.search(text))


def _is_argument(text: str) -> bool:
    """Stricter: what has signs is strong by itself, or a format, a list of ciphers, an escape."""
    if _HEX.fullmatch(text):  # as a rule a hash
        return False
    plain = text.isalnum() and is_password(text) and changes(text) > NAME_CHANGES
    drawn = _KEY.fullmatch(text) is not None and is_random(text)
    return (plain and not is_wordy(text)) or drawn or _is_wordless(text)


def _is_wordless(text: str) -> bool:
    """Whether it is a password with spaces in which nothing is said."""
    parts = text.split()
    said = any(part.isalpha() and len(part) > WORD_CHARS for part in parts)
    mixed = any(changes(part) > 1 and not part.isalpha() for part in parts)
    return mixed and not said and "%" not in text and is_phrase(text)


def _in_words(line: str) -> bool:
    """Whether a bare word of a command, or of a comment about an account, is a password."""
    if _FLAG.search(line) or (_ACCOUNT.search(line) and _COMMENT.search(line)):
        return any(map(is_strong, _BETWEEN.split(_ADDRESS.sub("", line))))
    return False
