"""What stands after a telling name: ``password: str = "…"``, ``token=…`` in a comment or a config.

Finds what detect-secrets' keywords miss: a type or a call between name and value, no quotes, a name
that it lacks, a value on a later line. The farther off a value, the more it must look like one.
"""

from __future__ import annotations

import re
from base64 import b64decode

from homespun_corpus.filters.secret_allowlist import (
    changes,
    is_drawn,
    is_hash,
    is_password,
    is_phrase,
    is_placeholder,
    is_random,
    is_signed,
    is_wordy,
)

NAME_CHANGES = 4  # from one kind of character to another, at most, in an identifier

# In small letters, for in either case a pattern takes ten times longer.
_NAME = re.compile(
    r"(?:passw(?:or)?[dt]|passphrase|pwd|secret|token(?!i[sz])|bearer|authorization|credentials?"
    r"|(?<=[a-z])[_ -]?key|(?<![a-z])(?:pass|pw|pswd|psk(?!_with)|mdp|creds?|pepper)(?![a-z])"
    r"|identified by"
    r"|(?:require|imap|remote|smtp|user|root|sudo|ssh|wifi|ftp|store|admin|login|proxy|become|smb)pass"
    r"(?![a-z])|(?:bind|root|user|admin|db|auth|my|ro)pw(?![a-z])|masterauth|authtok"
    r"|(?:snmp-server|ro|rw) ?community"
    # In other languages.
    r"|kennwort|mot_?de_?passe|contrase[ñn]a|clave(?![a-z])|senha|heslo|has[łl]o(?![a-z])"
    r"|wachtwoord|l[öo]senord|salasana|parola(?![a-z])|密[码碼]|口令|пароль|パスワード|비밀번호)\w*"
)
_CAMEL = re.compile(r"(?<=[a-z])(?:Pass|Pw)(?![a-z])\w*")
# Possessive: an escape is read one way only, or a line of many without an end takes for ever.
_STRING = re.compile(r"([\"'`])((?:\\.|(?!\1)[^\\])*+)\1")
_BASIC = re.compile(r"(?i)basic +")
_LEAD = re.compile(r"(?i)(?:bearer|token) +")
_ASSIGNED = re.compile(r"[ \]]*[=:] *")
# What may stand behind a name.
_BARE = re.compile(
    r"[\"'`\])]*(?P<sign>\s*(?::=|=>|[:=>])\s*|\s+(?:is|ist|est|es|è|é|är|jest|on)\s+"
    r"|\s+(?:--\w+\s+|[05789]\s+)?|\()(?P<quote>[rbfu@]?[\"'`])?"
    r"(?i:bearer |basic )?(?P<value>[^\s\"'`,;(){}\[\]<>]{8,300})(?P<after>[(\[{<]?)"
)
_REST = re.compile(r"[\"']?\s*[:=]\s+(?P<rest>[^\"'`\s]+(?: [^\"'`\s]+)+)\s*$")
_OPEN_ENDS = ("(", "=", "\\", "+", "|", "?", '"""', "'''", "`", "</key>")
_HERE = re.compile(r"<<[-~<]?[\"']?[A-Za-z]\w*[\"']?$|^\s*variable .*\{$")
_LISTED = re.compile(r"(?:^|[(,\[{])\s*[\"'`](?P<name>[\w-]+)[\"'`],$")
_CODE = re.compile(
    r"[*&!~-]*[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.|!\.)[A-Za-z_$][\w$]*)*\??(?:=[\w.]*)?"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")  # a name in a module
_AT_HOST = re.compile(r"[\w.-]+:[\w.-]+@\w*\(")  # an address, looked at as such
_SAID = re.compile(r"(?i)pass\s+\w")  # in a sentence
_DOCKER = re.compile(r"\s*(?:ENV|ARG)\s")
_IN_A_COMMENT = re.compile(r"(?:#|//|/\*|^\s*\*|--|;)\s")


def has_named_value(line: str, before: str) -> bool:
    """Whether a line names a secret and holds its value; ``before``: what may explain it."""
    names = _names(line)
    if not names:
        return False
    ends = [end for _, end in names]
    said = [start for start, end in names if not _SAID.match(line, start)]
    return (
        (bool(said) and _has_string(line, said[0], before))
        or _has_bare(line, ends, before)
        or _has_phrase(line, ends)
    )


def goes_on(line: str) -> bool:
    """Whether the value of what a line names may be on the next one."""
    line = line.rstrip()
    if line.endswith(_OPEN_ENDS):
        return True
    if not line.endswith(","):
        return _HERE.search(line) is not None
    listed = _LISTED.search(line)
    return listed is not None and bool(_names(listed["name"]))


def _names(line: str) -> list[tuple[int, int]]:
    """Start and end of each telling name, in order."""
    lower = line.lower()
    if len(lower) != len(line):  # some capitals are two small letters
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in line)
    found = [match.span() for match in _NAME.finditer(lower)]
    if "Pass" in line or "Pw" in line:
        found = sorted([*found, *(match.span() for match in _CAMEL.finditer(line))])
    return found


def _has_string(line: str, start: int, before: str) -> bool:
    """Whether a string after ``start``, where the name is, looks like a password."""
    strings = (match[2].strip() for match in _STRING.finditer(line) if match.end() > start)
    return any(_tells(text) and not is_hash(text, before + line) for text in strings)


def _tells(text: str) -> bool:
    """Whether a string tells a password: bare, or as in ``Basic …``, ``Bearer …``, ``token=…``."""
    basic = _BASIC.match(text)
    if basic is not None:
        return not is_placeholder(_password_of(text[basic.end() :]))
    value = _led(text)
    if _AT_HOST.match(value) or (_DOTTED.fullmatch(value) and not is_drawn(value)):
        return False
    return is_password(value) or is_signed(value) or is_phrase(value)


def _led(text: str) -> str:
    """What stands in a string behind its last name, or all of it."""
    for _, end in reversed(_names(text)):
        if (assigned := _ASSIGNED.match(text, end)) is not None:
            return re.split("[;&]", text[assigned.end() :])[0].strip()
    lead = _LEAD.match(text)
    return text[lead.end() :] if lead else text


def _password_of(credentials: str) -> str:
    """The password in what HTTP's basic authentication sends."""
    try:
        return b64decode(credentials).decode().partition(":")[2]
    except ValueError:
        return credentials


def _has_bare(line: str, ends: list[int], before: str) -> bool:
    """Whether a value without quotes follows a name, and is no code."""
    for match in filter(None, (_BARE.match(line, end) for end in ends)):
        value = match["value"].rstrip(".:" if match["sign"].strip() == "=" else ".:?")
        if match["quote"] or match["after"] not in ("", "<"):
            continue
        if not (is_password(value) or is_signed(value)):
            continue
        assigned = match["sign"].strip() in (":", "=", ":=", ">") or _DOCKER.match(line) is not None
        code = _CODE.fullmatch(value) and not _is_no_name(value) and not _IN_A_COMMENT.search(line)
        if (
            not code
            and (assigned or is_random(value) or is_signed(value) or _is_odd_name(value))
            and not is_hash(value, before + line)
        ):
            return True
    return False


def _is_no_name(value: str) -> bool:
    """Whether nobody calls anything so, though the language would let them."""
    return is_drawn(value) or _is_odd_name(value)


def _is_odd_name(value: str) -> bool:
    mixed = value.isalnum() and any(map(str.isdigit, value))
    return mixed and changes(value) > NAME_CHANGES and not is_wordy(value)


def _has_phrase(line: str, ends: list[int]) -> bool:
    """Whether the rest of a line, after a name, is a password with spaces."""
    found = filter(None, (_REST.match(line, end) for end in ends))
    return any(is_phrase(match["rest"]) for match in found)
