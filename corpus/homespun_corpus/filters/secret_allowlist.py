"""Values that stand where a secret would, and are none: labels, templates, hashes, test stand-ins.

Every function here forgives; what it cannot explain stays suspect. Knows nothing of where the value
was found beyond the lines around it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

MIN_CHARS = 6  # nothing shorter is worth protecting
RANDOM_CHARS = 16  # a token is at least this long
RANDOM_BITS = 3.0  # Shannon entropy a character
MEAN_WORD = 3.4  # letters; the runs of letters that chance makes are shorter
DRAWN_CHARS = 20  # this many, all mixed up, are no accident
PASSWORD_CHARS = 8  # of one that is told by its characters alone
STRONG_SIGNS = 4  # at most, of a password that stands anywhere: more make a pattern
MIXED_CHANGES = 4  # in one without digits
PHRASE_PARTS, PHRASE_PART_CHARS = 8, 16  # of a password with spaces
PHRASE_SHARE = 0.35  # of its characters differ in kind from the one before
MOST_REPEATED = 8  # different characters, in a repetition of whatever length
MIN_CHANGES = 3  # from one kind of character to another in a password without signs

_PUBLIC = re.compile(
    r"AAAA|MII(?!E[opqvw])|LS0tLS1CRUdJTiBDRVJU|AGFzbQ|iVBORw0KGgo|R0lGOD|UklGR|/9j/|sha\d+-|PHN2"
    r"|T2dn|d09G|H4sI"
)
# Words of which test and example passwords are made.
_STAND_INS = frozenset(
    re.findall(
        r"\S+",
        """a abc access account admin adm alice an and another any api app apikey auth bad bar bob
    baz change changed changeit changeme char chars check client code config confirm correct
    credential credentials custom data database db default demo different do dont dummy e
    email empty encrypted env error example fake field file first foo foobar for form from
    goes good guest hash hashed hello here hidden id in incorrect input invalid is it john
    json just key keys label letters local localhost login long longer match me missing mock
    more mtls my mykey mypass mypassword mysecret name new no none not null of old one or
    oops other param pass passphrase passwd password passwords payload placeholder post
    postgres private provided public pw pwd qux random raw real redacted refresh removed
    required reset right root safe salt same sample second secret secretkey secrets secure
    session set shared short simple some something string strong super t temp test testing
    testpass testpassword tests text that the this tmp to todo token tokens top true two
    type unknown unsafe unused update url use user userid username users valid value values
    var very wrong world x xx xxx y your z""",
    )
)
_LEET = str.maketrans("013457@$", "oieastas")  # p4ssw0rd
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LABEL = re.compile(r"[A-Za-z]+(?:[ ._:/@+-]+[A-Za-z]+)*[._:/?!]*")
# What another text will stand in for: {name}, ${NAME}, <name>, %(name)s.
_HOLES = re.compile(
    r"\{\{.*?\}\}|\$?\{[^{}]*\}|<[^<>]*>|%\(\w*\)[a-z]|%[sdr](?![A-Za-z\d])|\$\([^()]*\)"
    r"|\$[A-Z][A-Z_]{2,}\w*|^\$[A-Za-z_]\w*$"
)
_PATTERN = re.compile(
    r"[aA]-[zZ]|0-9|%[YmdHMS]\S*%[mdHMSyj]|\\[wdsSWDb]|\[\^|\(\?"
)  # for re.compile and the like
_ID = re.compile(r"[\w-]+")  # in which a-z may stand by chance
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+){2,}")  # what nobody hands out
# Parts of templates, of paths, of selectors and of command lines.
_ODD = re.compile(r"[{}<>]|\.\.\.|\u2026|\*\*|\\x|^/|^[.#]|^--|://")
_STRONG = re.compile(r"(?=[^!@#$%^&*?~]*[!@#$%^&*?~])[A-Za-z0-9!@#$%^&*?~_+-]{8,40}")
_ALNUM = re.compile(r"[A-Za-z0-9]+")
# Escapes of URLs, formats, names with a sigil, sums, private names.
_WRITTEN = re.compile(
    r"%[\dA-F]{2}.*%[\dA-F]{2}|%(?:2[\dA-F]|3[ABCDEF]|40|5[BD]|7[BCD])|%0?\d*[a-z](?![A-Za-z\d])|%0\d|^[$@&~*#!?%]+[A-Za-z_]+\d*$|&&|__"
    r"|\d[*+^]\w(?!\w)"
)
_MAY_HOLD = re.compile(r"[\d!@#$%^&*?~]|[a-z][A-Z]+[a-z]+[A-Z]")
_UNSAID = re.compile(r"(?i)(?<![a-z])(?!html|http|xml|crlf)[bcdfghjklmnpqrstvwxz]{4,}(?![a-z])")
_CODE_SIGNS = re.compile(r"[(){}\[\];=\\]|->|::|\w\.\w")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HASHES = re.compile(
    r"sha_?\d|sha\b|md5|blake|hash|digest|checksum|cksum|crc|integrity|etag|fingerprint|commit|revision"
    r"|\brev\b|\boid\b|object_?id|uuid|guid|nonce|trace_?id|span_?id|blob|tree|signature|thumbprint"
    r"|\bassert|expect|should|==|https?://|opaque|boundary|cursor|node_?id|cluster",
    re.IGNORECASE,
)
_TELLING = re.compile(r"secret|passw|api_?key|token|private|credential|auth", re.IGNORECASE)


def may_hold_password(text: str) -> bool:
    """Whether a text has what one consists of; a quick look."""
    return _MAY_HOLD.search(text) is not None


def is_placeholder(value: str) -> bool:
    """Whether a value after a name like "password" is a label, a template or a stand-in."""
    value = value.strip()
    if len(value) < MIN_CHARS or any(char.isspace() for char in value):
        return True
    if is_monotonous(value) or (_LABEL.fullmatch(value) and not is_drawn(value)):
        return True
    if _PATTERN.search(value) and not (_ID.fullmatch(value) and is_drawn(value)):
        return True
    beside = _HOLES.sub("", value)
    if beside != value or _ODD.search(value):
        return not is_drawn(beside)
    if _CONSTANT.fullmatch(value):
        return True
    return _are_stand_ins(value) or _are_stand_ins(value.lower().translate(_LEET))


def _are_stand_ins(value: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(value)]
    return not words or all(word in _STAND_INS for word in words)


def is_password(value: str) -> bool:
    """Whether a value looks like one by itself: drawn, or of several kinds of characters."""
    if is_placeholder(value):
        return False
    if is_random(value):
        return True
    kinds = {_kind(char) for char in value} - {"mark"}
    least = 4 if is_wordy(value) else 3
    mixed = "sign" in kinds or changes(value) >= MIN_CHANGES
    return len(value) >= PASSWORD_CHARS and "digit" in kinds and len(kinds) >= least and mixed


def is_strong(value: str) -> bool:
    """Whether a value can hardly be anything else: a few signs among letters and digits, no words.

    Stricter than ``is_password``, for a value whose place tells nothing.
    """
    if not _STRONG.fullmatch(value) or _WRITTEN.search(value):
        return False
    parts = _ALNUM.findall(value)
    mixed = any(not (part.isalpha() or part.isdigit()) for part in parts)
    mixed = mixed or any(changes(part) >= MIN_CHANGES for part in parts)
    signs = sum(_kind(char) == "sign" for char in value)
    return (
        1 <= signs <= STRONG_SIGNS
        and mixed
        and changes(value) >= MIN_CHANGES
        and (is_password(value) or _UNSAID.search(value) is not None or _is_mixed(value))
        and not is_placeholder(value)
    )


def is_signed(value: str) -> bool:
    """Whether a value that a name or a call tells has signs and digits as passwords have."""
    return (
        bool(_STRONG.fullmatch(value))
        and (any(map(str.isdigit, value)) or _is_mixed(value))
        and not _WRITTEN.search(value)
        and not is_placeholder(value)
    )


def _is_mixed(value: str) -> bool:
    """Whether both cases are mixed as in no word."""
    return changes(value) > MIXED_CHANGES and not is_wordy(value)


def is_phrase(value: str) -> bool:
    """Whether a value with spaces is a password: parts that nobody would say."""
    parts = value.split()
    joined = "".join(parts)
    return (
        1 < len(parts) <= PHRASE_PARTS
        and len(joined) >= PASSWORD_CHARS
        and max(map(len, parts)) <= PHRASE_PART_CHARS
        and any(map(str.isdigit, joined))
        and _are_mixed_up(parts)
        and not (_HOLES.search(value) or _PATTERN.search(value) or _CODE_SIGNS.search(value))
    )


def _are_mixed_up(parts: list[str]) -> bool:
    """Whether all parts together are, or one of them is."""
    joined = "".join(parts)
    share = changes(joined) >= PHRASE_SHARE * len(joined)
    return share or max(map(changes, parts)) > MIN_CHANGES


def is_random(value: str) -> bool:
    """Whether a value looks drawn rather than written: long, letters and digits, no words."""
    digits = sum(char.isdigit() for char in value)
    letters = sum(char.isalpha() for char in value)
    mixed = digits >= 3 or changes(value) >= 0.3 * len(value)
    long = len(value) >= RANDOM_CHARS
    return (
        long
        and mixed
        and letters >= 3
        and entropy(value) >= RANDOM_BITS
        and not is_wordy(value)
        and (not _ODD.search(value) or is_drawn(value))
    )


def is_drawn(value: str) -> bool:
    """Whether nobody can have written a value, as part of a pattern or as a name: all mixed up."""
    return (
        len(value) >= DRAWN_CHARS
        and changes(value) >= 0.25 * len(value)
        and entropy(value) >= RANDOM_BITS
        and not is_wordy(value)
        and not is_monotonous(value)
    )


def is_wordy(value: str) -> bool:
    """Whether a value is made of words: identifiers, paths, kebab-case names."""
    words = _WORDS.findall(value)
    long = sum(len(word) for word in words if len(word) >= 3)
    mixed_up = len(value) >= RANDOM_CHARS and sum(map(len, words)) < MEAN_WORD * len(words)
    return long >= 0.7 * len(value) and not mixed_up


def is_monotonous(value: str) -> bool:
    """Whether it is a run or a repetition: ``xxxxxxxx``, ``0123456789abcdef``, ``ababab``."""
    if len(set(value)) <= min(max(2, len(value) // 12), MOST_REPEATED):
        return True
    steps = Counter(ord(b) - ord(a) for a, b in pairwise(value))
    return steps.most_common(1)[0][1] > 0.6 * (len(value) - 1)


def is_public(value: str) -> bool:
    """Whether base64 is by its first bytes a public key, a certificate, a program or a picture."""
    return _PUBLIC.match(value) is not None


def is_real(value: str) -> bool:
    """Whether a value in a known format is not one that a manual shows."""
    return not is_monotonous(value) and "EXAMPLE" not in value and "XXXXXXXX" not in value


def is_hash(value: str, lines: str) -> bool:
    """Whether a value is a digest or an id, by what its line and those before it say."""
    around = lines.replace(value, "")
    if _TELLING.search(around):
        return False
    return bool(_HASHES.search(around) or _UUID.fullmatch(value))


def entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)


def changes(value: str) -> int:
    """How often the kind of character changes from one to the next, marks aside."""
    kinds = [kind for kind in map(_kind, value) if kind != "mark"]
    return sum(one != other for one, other in pairwise(kinds))


def _kind(char: str) -> str:
    if char.isdigit():
        return "digit"
    if char.isalpha():
        return "upper" if char.isupper() else "lower"
    return "mark" if char in "_-./:,; " else "sign"
