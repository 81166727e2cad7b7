"""Passwords that a shell command is given: behind a flag, as an argument, on its standard input.

Whatever a flag says, a label, a template or a stand-in is none. Knows nothing of names.
"""

from __future__ import annotations

import re
from itertools import islice

from homespun_corpus.filters.secret_allowlist import (
    MIN_CHARS,
    PASSWORD_CHARS,
    is_password,
    is_placeholder,
    is_random,
    is_signed,
)

MAX_COMMANDS = 20  # of a line

_LISTED = re.compile(r"[\"']\s*,\s*[\"']")  # between the arguments of a command
_VALUE = r"(?:'(?P<one>[^'\n]+)'|\"(?P<two>[^\"\n]+)\"|(?P<three>[^\s'\";|&)]+))"
_ONE = r"[\w.@%+-]+"  # a user, an address
_READERS = (
    r"(?:sudo\s+)?(?:passwd|su|kinit|cryptsetup|gpg2?|smbpasswd|vncpasswd|ssh-add)\b"
    r"|sudo\s+(?:-\S+\s+)*(?:-S|--stdin)|\w+\s+login\b"
)
# What stands between a command and the password that it is given.
_FLAGS = {
    "net\\s+user": rf"\s+{_ONE}\s+",
    "net\\s+use": r"\s.*?\\\\\S+(?:\s+/user:\S+)?\s+",
    "curl|wget|https?|xh|ab|etcdctl": (
        rf"\s(?:-u|--user|--proxy-user|-U|-a|-A|--auth)[ =]*[\"']?{_ONE}:"
        r"|\s-(?:E|-cert)\s+[\w./-]+:"
    ),
    "sshpass": r"\s-p\s*",
    "docker|podman|buildah|nerdctl|skopeo|helm|oras|crane|cf|az|oc": r"\blogin\b.*?\s-p[ =]*",
    "mongo\\w*|cqlsh|arangosh|influx|clickhouse-client|kinit|mqtt\\w*": r"\s-[pP]\s*",
    "mosquitto_\\w+|zip|unzip|sqlcmd|bcp|ipmitool|tsql": r"\s-P\s*",
    "mysql\\w*|mariadb\\w*|7z\\w?|xtrabackup": r"\s-p",
    "rar|unrar": r"\s-h?p",
    "(?:redis|keydb|valkey)-cli": r"\s(?:-a|--pass)\s+",
    "openssl": r"\s-(?:pass|passin|passout|[kK]|password)\s+[\"']?(?:pass:)?",
    "ldap\\w+": r"\s-[wsa]\s+",
    "smb\\w*|rpcclient|net|winexe|wmic|crackmapexec": r"\s-U\s*[\"']?[\w.\\/-]+%",
    "mount\\S*": r"\buser(?:name)?=[\w.\\-]+%",
    "lftp|ftp|ncftp\\w*": rf"\s-[up]\s+(?:{_ONE},)?",
    "xfreerdp|rdesktop|wlfreerdp": r"\s(?:/p:|-p\s*)",
    "plink|pscp|psftp|putty": r"\s-pw\s+",
    "snmp\\w+": r"\s-[AXaxc]\s+",
    "htpasswd": rf"\s-(?=\w*b)(?:(?=\w*n)\w+|\w+\s+\S+)\s+{_ONE}\s+",
    "rabbitmqctl": rf"\s(?:add_user|change_password)\s+{_ONE}\s+",
    "virsh": r"\sset-user-password\s+\S+\s+\S+\s+",
    "schtasks|signtool|cmdkey": r"\s/(?:rp|p)\s+|\s/pass:",
    "sqlplus|impdp|expdp|rman|sqlldr": r"\s[\w$]+/",
    "isql": rf"\s+{_ONE}\s+{_ONE}\s+",
    "vault": r"\slogin\s+",
    "wpa_passphrase": r"\s+(?:\"[^\"]*\"|'[^']*'|\S+)\s+",
    "iwconfig": r"\skey\s+s:",
    "qpdf": r"\s--encrypt\s+",
    "dotnet|nuget|gem|cargo": r"\s(?:push|login)\s.*?(?:-k|--key|--api-key|-ApiKey)\s+",
    "composer|poetry": rf"\sconfig\s.*?http-basic\S*\s+{_ONE}\s+",
    "bundle": rf"\sconfig\s.*?{_ONE}:",
    "impacket-\\w+|\\w+\\.py|evil-winrm": rf"\s(?:[\w.-]+/)?{_ONE}:",
    "echo|printf|yes": (
        rf"\s+(?:-\w+\s+){{0,2}}(?=[^|]{{0,200}}\|\s*(?:{_READERS}))"
        rf"|\s+(?:-\w+\s+){{0,2}}[\"']?{_ONE}:(?=[^|]{{0,200}}\|\s*(?:sudo\s+)?chpasswd)"
    ),
}
_MAY_GIVE = re.compile(
    r"\s[-/]|\.py\s|impacket|\||use|ctl|<<|/\S+@|%|\b(?:vault|isql|bundle|composer|poetry|virsh|wpa_|iwc|sql|rman|\w+dp)"
)  # what all of them have
_COMMANDS = "|".join(f"({names})" for names in _FLAGS)
_COMMAND = re.compile(rf"(?:^|[\s;|&($`'\"/])(?:{_COMMANDS})(?=\s)")
_GIVEN = tuple(re.compile(f"(?:{flag}){_VALUE}") for flag in _FLAGS.values())
# Of whatever command.
_ANY = re.compile(
    r"(?:\s|[\"'])(?:-{1,2}(?:p|P|w|xp|ap|[uo]?pw|pass(?:wd|word)?|from-literal=\w+)[ =]+"
    rf"|\buser_pw\s+|pass:){_VALUE}"
)
_STDIN = re.compile(
    rf"\b(?:sudo|passwd|su|kinit|cryptsetup|gpg2?|\w*passwd|login|read)\b.*?"
    rf"<<<\s*[\"']?(?:{_ONE}:)?{_VALUE}"
)
_NO_VALUE = re.compile(r"^[-$/.~]|^[\w.-]+:\d+(?::\d+)?$|^\d+(?::\d+)*$")
_PATH = re.compile(r"[=/\\.]")
_TAIL = re.compile(r"(?<=\w)@[\w./:-]+$")  # the address behind a password


def has_given_value(line: str) -> bool:
    """Whether a shell command is given a password."""
    line = _LISTED.sub(" ", line)
    if not _MAY_GIVE.search(line):
        return False
    if any(_is_any(_value_of(match)) for match in _ANY.finditer(line)):
        return True
    if "<<<" in line and any(_is_given(_value_of(m)) for m in _STDIN.finditer(line)):
        return True
    for command in islice(_COMMAND.finditer(line), MAX_COMMANDS):
        number = command.lastindex
        assert number is not None
        given = _GIVEN[number - 1].search(line, command.end())
        if given is not None and _is_given(_value_of(given)):
            return True
    return False


def _value_of(given: re.Match[str]) -> str:
    value: str = given["one"] or given["two"] or given["three"]
    alone = _TAIL.sub("", value)
    return alone if len(alone) >= PASSWORD_CHARS else value


def _is_given(value: str) -> bool:
    if _NO_VALUE.search(value) or is_placeholder(value) or len(value) < MIN_CHARS:
        return False
    return is_password(value) or any(map(str.isdigit, value))


def _is_any(value: str) -> bool:
    """Whether nobody would say it, whatever the command."""
    if _NO_VALUE.search(value) or _PATH.search(value):
        return False
    return is_password(value) or is_signed(value) or is_random(value)
