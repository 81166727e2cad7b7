"""Tokens by their looks: known formats that detectors lack, and whatever is drawn behind a prefix.

A service's token is a short prefix and many drawn characters, whatever the service: so those of
tomorrow are found as well, in a string, in a comment or bare. Hashes and ids are drawn too, so what
the line calls one is forgiven. Knows nothing of names and of passwords.
"""

from __future__ import annotations

import re

from homespun_corpus.filters.secret_allowlist import (
    changes,
    is_drawn,
    is_hash,
    is_monotonous,
    is_public,
    is_real,
    is_wordy,
)

# Of a drawn part's characters differ in kind from the one before; in one case there are two kinds.
DRAWN_SHARE, ONE_CASE_SHARE = 0.3, 0.2
MIXED_CHARS = 30  # of a part in both cases and with digits
NAME_CHARS = 33  # of one with a digit or two, as a long name has
PREFIXED_CHARS = 16  # of one behind a prefix
CAPITAL_CHARS = 24  # of one in capitals behind a prefix
LOWER_CHARS = 32  # of one in hexadecimal digits, or without a prefix in capitals
SMALL_CHARS = 26  # of one in small letters
MARKED_CHARS, MARKED_SHARE = 24, 0.4  # of all of it, where marks are among what is drawn

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# One boundary before them all: a pattern with one for each takes many times longer.
_FORMATS = re.compile(
    r"\b(?:AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|github_pat_\w{40,}"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}"
    r"|sk-(?:ant-|proj-|svcacct-|or-)?[\w-]{32,}|[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|whsec_[A-Za-z0-9+/]{24,}|xapp-\d-[\w-]{20,}|xox[abposr]-[\w-]{20,}"
    r"|dop_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|dapi[0-9a-f]{32}"
    r"|AGE-SECRET-KEY-1\w{50,}|EAA[A-Za-z0-9]{60,}|SharedAccessKey=[\w+/=]{40,}"
    # Hooks, and addresses that are signed: who knows one is let in.
    r"|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]{40,}"
    r"|hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/]{24,}"
    r"|webhook\.office\.com/[\w@/-]{60,}|(?<=[?&;])sig=[\w%+/-]{30,}"
    r"|(?<=[?&])(?:code|key|access_token|token|signature|X-Amz-Signature)=(?=\S*\d)[\w%+/-]{32,}"
    # With dots, where a part may be short.
    r"|hv[sbr]\.[\w-]{20,}|dp\.(?:ct|pt|sa|scim|st|audit)\.[\w.-]{30,}"
    r"|\w{14}\.atlasv1\.[\w-]{40,}|sl\.(?:u\.)?[\w-]{60,}|[sp]k\.eyJ[\w.-]{40,}"
    r"|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b|pat\.[\w-]{22}\.[0-9a-f]{24}\.\w{20}"
    r"|dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}|v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"
    # A word before an id.
    rf"|(?:pat-\w\w\d|sdk|mob|api|access-\w+|sk-lf|pk-lf|key|secret|token)-{_UUID}"
    r"|key-[0-9a-f]{32}\b|[0-9a-f]{32}(?:FFFFNRAL|-us\d{1,2})\b"
    r"|A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}\b|LTAI[A-Za-z0-9]{16,}|AVNS_[\w-]{16,}"
    r"|\d{8,10}:AA[\w-]{32,}|AT(?:ATT|BB|CTT|TA)[\w=-]{28,}|\w{3}\dQ~[\w.~-]{30,}"
    r"|access_token\$\w+\$[a-z0-9]{16}\$[0-9a-f]{32}|ABSK[A-Za-z0-9+/]{60,}"
    r"|csk-[a-z0-9]{48}|re_\w{8}_\w{24}|oy2[a-z0-9]{43}\b|APA91[\w-]{60,}"
    r"|0x[0-9a-f]{64}\b|AK[cC]p\w{60,}"
    r"|gl(?:pat|dt|ft|rt|soat|cbt|ptt|imt|agent|oas|ffct|wt)-[\w-]{20,}|(?<=:\*\.)[0-9a-f]{56}\b"
    r"|A3-[A-Z0-9]{6}-[A-Z0-9]{6}-(?:[A-Z0-9]{5}-){3}[A-Z0-9]{5}\b"
    # Hexadecimal parts between marks.
    r"|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b|NRJS-[0-9a-f]{19}\b|(?:dose|dkea|ddbx)[0-9a-f]{32}\b"
    r"|[012]/\d{16}(?:/\d{16})?:[0-9a-f]{32}\b|1/[0-9a-f]{40}\b|1000\.[0-9a-f]{32}\.[0-9a-f]{32}\b"
    r"|st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}\b|u\d{6,8}-[0-9a-f]{24}\b|chpt_[0-9a-f]{14}\b"
    r"|FLWSECK(?:_TEST)?-[0-9a-f]{32}-X\b"
    rf"|{_UUID}-[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}\b|x[ap][ap]t-{_UUID}|amzn\.mws\.{_UUID}"
    rf"|\d\.{_UUID}\.[A-Za-z0-9]{{30}}:|0201036c6e64[0-9a-f]{{60,}}|\w+:\w+\.[0-9a-f]{{56}}\b"
    # Others with a beginning of their own.
    r"|1//0[\w-]{40,}|amzn1\.oa2-cs\.v1\.[0-9a-f]{64}|Atzr\|[\w+/=-]{60,}|GOOG1E[A-Z0-9]{50,}"
    r"|IQoJb3JpZ2lu[\w+/=-]{60,}|FwoGZXIvYXdz[\w+/=-]{60,}|bce-v3/ALTAK-\w{20,}/[0-9a-f]{40}"
    r"|SCW[A-Z0-9]{17}\b|EXO[0-9a-f]{24,}\b|nsec1[02-9ac-hj-np-z]{58}|00D\w{12}![\w.]{60,}"
    r"|mfa\.[\w-]{80,}|fm[12][ar]?_[\w+/=]{60,}|eyJhdXRo[\w+/=-]{40,}|ew[og][gJ]\w{0,6}ImF1dGhz[\w+/=-]{40,}"
    r"|\w{2,20}_(?:live|test|prod|sbox|sandbox)_(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9]{14,}\b)"
)
# Those that are told by how they are drawn as well.
_SHORT = re.compile(r"(?<![\w.-])(?:s\.|ser\.|YC[AMNOP]|u\+)(?P<drawn>[\w-]{18,40})(?![\w.-])")
_BASE64 = re.compile(r"(?<![\w+/%.?-])(?:[a-z]{2,8}\d?_)?[A-Za-z0-9+/]{40,400}={0,2}(?![\w+/=.-])")
_RUN = re.compile(r"(?<![\w+/%-])[\w-]{24,}(?![\w+/])")
_PREFIX = re.compile(r"(?!0x)[A-Za-z][A-Za-z0-9]{0,11}(?:[_-][A-Za-z0-9]{1,12}){0,3}?[_-]")
# Of a digest or an id; a symbol's name; the number of something that has a name.
_NAMED_HASH = re.compile(
    r"(?i:(?:sha\d*|md5|blake\w*|hash|digest|commit|rev|revision|uuid|guid|etag|crc\w*|git|tree|blob"
    r"|h\d|id|test|version|v\d+|build|image|layer|nonce|node|checksum)[_-].*)"
    r"|_[ZR].*|(?i:xn--.*)|_*[A-Za-z]{8,}[0-9a-f]{20,}|[a-z]{8,}-[0-9a-f]{20,}|[a-z]{9,}_[0-9a-f]{20,}"
)
_ULID = re.compile(r"(?<![A-Z0-9])0[0-7][0-9A-HJKMNP-TV-Z]{24}(?![A-Z0-9])")
_HEX = re.compile(r"[0-9a-fA-F]+")
_DIGITS = b"0123456789"
_PARTS = re.compile(r"[A-Za-z0-9]+")
_ADDRESS = re.compile(r"://\S*$")
_HASHED = re.compile(
    r"(?i)sha\d|md5|hash|digest|checksum|integrity|fingerprint|etag|commit|revision|nonce|uuid"
)
_ENCODED_LINE = re.compile(r"[\s*|\"'+]*[A-Za-z0-9+/]{24,}=*[\s\"'+\\n,;]*")
_OPERATOR = re.compile(r"(?:^\s*|[-+*/=] |[(\[{,]\s*)$")
_KEY_64 = re.compile(r"0x[0-9a-f]{64}")


def has_token(line: str, before: str) -> bool:
    """Whether a line holds a token; ``before``: the lines before it may explain what it is."""
    return (
        any(
            is_real(match[0])
            and not (_KEY_64.fullmatch(match[0]) and _is_number(match, line, before))
            for match in _FORMATS.finditer(line)
        )
        or any(is_drawn(match["drawn"]) for match in _SHORT.finditer(line))
        or any(
            is_token(match[0]) and not _is_explained(match, line, before)
            for match in _RUN.finditer(line)
        )
        or any(
            _is_base64(match[0]) and not _is_explained(match, line, before)
            for match in _BASE64.finditer(line)
        )
    )


def _is_base64(run: str) -> bool:
    """Whether drawn bytes were written with ``+`` and ``/``, of which a run above has none."""
    marks = run.count("+") + run.count("/")
    if not 0 < marks <= len(run) // 8:
        return False
    return changes(run) >= MARKED_SHARE * len(run) and _in_both_cases(run) and _is_drawn(run)


def may_be_token(run: bytes) -> bool:
    """Whether it is worth asking ``is_token``: a quick look, for a prefilter."""
    return len(run.translate(None, delete=_DIGITS)) <= len(run) - 1 and is_token(run.decode())


def is_token(run: str) -> bool:
    """Whether letters, digits, ``-`` and ``_`` are a token: drawn, for the most part."""
    if _NAMED_HASH.fullmatch(run) or _ULID.search(run):
        return False
    prefix = _PREFIX.match(run)
    parts = _PARTS.findall(run[prefix.end() :] if prefix else run)
    longest = max(parts, key=len, default="")
    if prefix is None and _in_both_cases(longest):
        least = MIXED_CHARS if sum(map(str.isdigit, longest)) > 2 else NAME_CHARS
        drawn = len(longest) >= least and _is_drawn(longest)
        return drawn or (sum(map(len, parts)) >= least and _is_marked(parts))
    if prefix is None:
        capitals = longest.isupper() and not _HEX.fullmatch(longest)
        return capitals and len(longest) >= LOWER_CHARS and _is_drawn(longest)
    if len(longest) >= _least_behind_prefix(longest) and _is_drawn(longest):
        return True
    return _is_marked(parts)


def _is_marked(parts: list[str]) -> bool:
    """Whether all parts together are drawn, from an alphabet that has marks as well."""
    whole = "".join(parts)
    return (
        len(whole) >= MARKED_CHARS
        and changes(whole) >= MARKED_SHARE * len(whole)
        and (_in_both_cases(whole) and _is_drawn(whole))
    )


def _least_behind_prefix(part: str) -> int:
    if _in_both_cases(part):
        return PREFIXED_CHARS
    if part.isupper():
        return CAPITAL_CHARS
    return LOWER_CHARS if _HEX.fullmatch(part) else SMALL_CHARS


def _in_both_cases(part: str) -> bool:
    return part != part.lower() and part != part.upper()


def _is_drawn(part: str) -> bool:
    share = DRAWN_SHARE if _in_both_cases(part) else ONE_CASE_SHARE
    return (
        any(map(str.isdigit, part))
        and changes(part) >= share * len(part)
        and not is_wordy(part)
        and not is_monotonous(part)
    )


def _is_number(match: re.Match[str], line: str, before: str) -> bool:
    """Whether 64 hexadecimal digits are a constant in code, or a hash."""
    return bool(_OPERATOR.search(line[: match.start()]) or is_hash(match[0], before + line))


def _is_explained(match: re.Match[str], line: str, before: str) -> bool:
    """Whether it is public, part of an address or of a picture, or is called a hash."""
    ahead = line[: match.start()]
    if is_public(match[0]) or _ADDRESS.search(ahead) or "base64," in ahead[-200:]:
        return True
    if _PREFIX.match(match[0]):
        return _HASHED.search(ahead) is not None
    lines = before + line.replace(f"{match[0]}==", match[0])  # padding compares nothing
    return _ENCODED_LINE.fullmatch(line) is not None or "h1:" in ahead or is_hash(match[0], lines)
