"""Passwords told by where they stand: in a call of ``login(…)``, behind a flag of a shell command.

What is strong enough, a few signs among letters and digits, needs no place at all. Whatever a call
or a flag says, a label, a template or a stand-in is none. Knows nothing of names.
"""

from __future__ import annotations

import re

from homespun_corpus.filters.secret_allowlist import (
    MIN_CHARS,
    is_password,
    is_placeholder,
    is_signed,
    is_strong,
    may_hold_password,
)

_STRING = re.compile(r"([\"'`])((?:\\.|(?!\1)[^\\])*+)(?:\1|$)")
# A call or an assignment whose values are credentials, as a rule.
_CALL = re.compile(
    r"(?i)(?:log_?in|log_?on|sign_?in|auth(?:enticate\w*|entication|orize)?|connect\w*|bind(?:_s)?"
    r"|basic\w*|plainauth|credentials?|userpwd|mysqli|pdo|\w*token|unlock|decrypt|set_?pass\w*"
    r"|(?:ftp|smtp|imap|pop3|ssh|ldap)\w*(?:\.start)?)(?:::\w+)?[\"']?\s*(?:\(|[:=]\s*[(\[{]|\s[\"'])"
)
# Of those some letters each: looked for first, since the pattern is slow.
_CALL_WORDS = re.findall(
    r"\S+",
    """log sign auth connect bind basic credential userpwd mysqli pdo token unlock decrypt set ftp
    smtp imap pop3 ssh ldap""",
)
_CHARS = re.compile(r"\"([^\"\s]+)\"\.(?:toCharArray|getBytes|encode)\b")
_OPEN = ("(", "[", "{", ",")
_LISTED = re.compile(r"[\"']\s*,\s*[\"']")  # between the arguments of a command
_NO_ARGUMENT = re.compile(r"[\\{}<>\[\]()\"'=]|://|\w\.\w+\.\w|/.*/|^\.?/|:\d+/")
_VALUE = r"(?:'(?P<one>[^'\n]+)'|\"(?P<two>[^\"\n]+)\"|(?P<three>[^\s'\";|&)]+))"
_ONE = r"[\w.@%+-]+"  # a user, an address
# What stands between a command and the password that it is given.
_FLAGS = {
    "curl|wget|https?|xh": rf"\s(?:-u|--user|--proxy-user|-U|-a|--auth)[ =]*[\"']?{_ONE}:",
    "sshpass": r"\s-p\s*",
    "docker|podman|buildah|nerdctl|skopeo|helm|oras|crane|cf|az|oc": r"\blogin\b.*?\s-p[ =]*",
    "mongo\\w*|cqlsh|arangosh|influx|clickhouse-client|kinit|mqtt\\w*": r"\s-[pP]\s+",
    "mosquitto_\\w+|zip|unzip|sqlcmd|bcp|ipmitool|tsql": r"\s-P\s*",
    "mysql\\w*|mariadb\\w*|7z\\w?|rar|unrar|xtrabackup": r"\s-p",
    "(?:redis|keydb|valkey)-cli": r"\s-a\s+",
    "openssl": r"\s-(?:pass|passin|passout|k|password)\s+[\"']?(?:pass:)?",
    "ldap\\w+": r"\s-[wsa]\s+",
    "smb\\w*|rpcclient|net|winexe|wmic|crackmapexec": r"\s-U\s*[\"']?[\w.\\/-]+%",
    "lftp|ftp|ncftp\\w*": rf"\s-[up]\s+(?:{_ONE},)?",
    "xfreerdp|rdesktop|wlfreerdp": r"\s(?:/p:|-p\s*)",
    "plink|pscp|psftp|putty": r"\s-pw\s+",
    "snmp\\w+": r"\s-[AXax]\s+",
    "htpasswd": rf"\s-\w*b\w*\s+(?:\S+\s+)??{_ONE}\s+",
    "rabbitmqctl": rf"\s(?:add_user|change_password)\s+{_ONE}\s+",
    "net\\s+use[r]?": rf"\s+{_ONE}\s+",
    "echo|printf": (
        r"\s+(?=[^|]*\|\s*(?:sudo\s+(?:-\S+\s+)*-S|passwd|su|kinit|cryptsetup|gpg))"
        rf"|\s+[\"']?{_ONE}:(?=[^|]*\|\s*(?:sudo\s+)?chpasswd)"
    ),
}
_MAY_GIVE = re.compile(r"\s[-/]|\||use|ctl")  # what all of them have
_COMMANDS = "|".join(f"({names})" for names in _FLAGS)
_COMMAND = re.compile(rf"(?:^|[\s;|&($`'\"/])(?:{_COMMANDS})\s")
_GIVEN = tuple(re.compile(f"(?:{flag}){_VALUE}") for flag in _FLAGS.values())
_NO_VALUE = re.compile(r"^[-$/.~]|^[\w.-]+:\d+(?::\d+)?$|^\d+(?::\d+)*$")
# Lines about accounts, whose words are looked at one by one.
_ACCOUNT = re.compile(r"(?i)\b(?:log[- ]?(?:in|on)|sign[- ]?in|credentials?|user|account)\b")
_FLAG = re.compile(r"(?:^|\s)--?[A-Za-z]")
_ADDRESS = re.compile(r"\w+://\S*")
_BETWEEN = re.compile(r"[\s\"'`,;:=()<>{}\[\]|/\\]+")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|/\*|--|;|\*)\s")


def has_placed_value(line: str) -> bool:
    """Whether a line holds a password that its place or its looks tell."""
    if not may_hold_password(line):
        return False
    texts = [(match.start(), match[2]) for match in _STRING.finditer(line)]
    if any(is_strong(part) for _, text in texts for part in (text, *_parts(text))):
        return True
    return _in_call(line, texts) or _behind_flag(line) or _in_words(line)


def opens_call(line: str) -> bool:
    """Whether a call that is given a password goes on in the next line."""
    return line.rstrip().endswith(_OPEN) and _call(line) is not None


def _call(line: str) -> re.Match[str] | None:
    lower = line.lower()
    return _CALL.search(line) if any(word in lower for word in _CALL_WORDS) else None


def _parts(text: str) -> list[str]:
    """What stands in a string for itself: ``user:password``, ``-ppassword``."""
    return text.split(":") if text.count(":") == 1 and "//" not in text else []


def _in_call(line: str, texts: list[tuple[int, str]]) -> bool:
    if any(is_password(match[1]) for match in _CHARS.finditer(line)):
        return True
    call = _call(line)
    return call is not None and any(
        (is_password(part) or is_signed(part)) and not _NO_ARGUMENT.search(part)
        for start, text in texts
        if start >= call.end() - 1
        for part in (text, *_parts(text))
    )


def _behind_flag(line: str) -> bool:
    """Whether a shell command is given a password."""
    line = _LISTED.sub(" ", line)
    if not _MAY_GIVE.search(line):
        return False
    for command in _COMMAND.finditer(line):
        number = command.lastindex
        assert number is not None
        given = _GIVEN[number - 1].search(line, command.end() - 1)
        if given is not None and _is_given(given["one"] or given["two"] or given["three"]):
            return True
    return False


def _is_given(value: str) -> bool:
    if _NO_VALUE.search(value) or is_placeholder(value) or len(value) < MIN_CHARS:
        return False
    return is_password(value) or any(map(str.isdigit, value))


def _in_words(line: str) -> bool:
    """Whether a bare word of a command, or of a comment about an account, is a password."""
    if _FLAG.search(line) or (_ACCOUNT.search(line) and _COMMENT.search(line)):
        return any(map(is_strong, _BETWEEN.split(_ADDRESS.sub("", line))))
    return False
