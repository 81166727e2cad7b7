"""Patterns of paths as git matches them: in bytes, as of its ``wildmatch``.

What a pattern may hold is untrusted: none takes more than a few passes over a path. Knows the
patterns of ``.gitignore`` and ``.gitattributes``, not what either means by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

BOM = b"\xef\xbb\xbf"

_SPECIAL = re.compile(rb"[*?\[\\]")


class _Wild(Enum):
    """What stars mean: within a name, any folders, one or more, or all that is left."""

    STAR = auto()
    FOLDERS = auto()
    SOME_FOLDERS = auto()
    REST = auto()


_CLASSES = {
    b"alnum": rb"[0-9A-Za-z]",
    b"alpha": rb"[A-Za-z]",
    b"blank": rb"[ \t]",
    b"cntrl": rb"[\x00-\x1f\x7f]",
    b"digit": rb"[0-9]",
    b"graph": rb"[!-~]",
    b"lower": rb"[a-z]",
    b"print": rb"[ -~]",
    b"punct": rb"[!-/:-@\[-`{-~]",
    b"space": rb"[ \t-\r]",
    b"upper": rb"[A-Z]",
    b"xdigit": rb"[0-9A-Fa-f]",
}


@dataclass(frozen=True, slots=True)
class PathPattern:
    """One pattern. ``by_name``: without a slash, it is for names in whatever folder.

    ``literal``: all that it matches, where it has no wildcard; ``regex`` is None for a pattern
    that git cannot read, and which matches nothing.
    """

    negative: bool
    folders_only: bool
    by_name: bool
    literal: bytes | None
    regex: re.Pattern[bytes] | None

    @classmethod
    def parse(cls, text: bytes) -> PathPattern:
        """The pattern that ``text`` is, however odd."""
        negative, text = text.startswith(b"!"), text.removeprefix(b"!")
        folders_only, text = text.endswith(b"/"), text.removesuffix(b"/")
        by_name = b"/" not in text
        text = text if by_name else text.removeprefix(b"/")
        special = _SPECIAL.search(text)
        if special is None:
            return cls(negative, folders_only, by_name, text, None)
        # Git compares what stands before the first wildcard as it is, and matches the rest alone.
        start = 0 if by_name else special.start()
        rest = _regex(text[start:], by_name=by_name)
        whole = None if rest is None else re.compile(re.escape(text[:start]) + rest, re.DOTALL)
        return cls(negative, folders_only, by_name, None, whole)

    def matches(self, path: bytes) -> bool:
        """Whether a path is meant, relative to where the pattern's file lies."""
        subject = path.rpartition(b"/")[2] if self.by_name else path
        if self.literal is not None:
            return subject == self.literal
        return self.regex is not None and self.regex.fullmatch(subject) is not None


@dataclass(slots=True)
class PatternList:
    """Patterns in the order of their file."""

    patterns: Sequence[PathPattern]
    _literals: dict[tuple[bool, bytes], list[int]] = field(default_factory=dict)
    _others: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, pattern in enumerate(self.patterns):
            if pattern.literal is not None:
                self._literals.setdefault((pattern.by_name, pattern.literal), []).append(number)
            elif pattern.regex is not None:
                self._others.append(number)

    @property
    def wildcards(self) -> int:
        """How many of them have to be tried on every path."""
        return len(self._others)

    def matching(self, path: bytes, *, is_folder: bool = False) -> Iterator[int]:
        """The numbers of those that match a path, the last first."""
        name = path.rpartition(b"/")[2]
        found = [*self._literals.get((True, name), ()), *self._literals.get((False, path), ())]
        found += (number for number in self._others if self.patterns[number].matches(path))
        wanted = (n for n in found if is_folder or not self.patterns[n].folders_only)
        yield from sorted(wanted, reverse=True)


def path_bytes(path: str) -> bytes:
    """A path as git knows it; what was no UTF-8 on the disk is again what it was."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogatepass")


def pattern_lines(data: bytes) -> Iterator[bytes]:
    """The lines of a file of patterns, without a byte-order mark and the ends of either kind."""
    for line in data.removeprefix(BOM).split(b"\n"):
        yield line.removesuffix(b"\r")


def _regex(text: bytes, *, by_name: bool) -> bytes | None:
    """A pattern as a regular expression; None where git cannot read it.

    What stands between two wildcards is looked for once, where it comes first: to try the other
    places would change nothing, and could take for ever.
    """
    tokens = _tokens(text, by_name=by_name)
    if tokens is None:
        return None
    tail = b".*" if tokens[-1:] == [_Wild.REST] else b""
    groups: list[tuple[_Wild | None, list[bytes | _Wild]]] = [(None, [])]
    for token in tokens[: len(tokens) - bool(tail)]:
        if token in (_Wild.FOLDERS, _Wild.SOME_FOLDERS):
            groups.append((token, []))
        else:
            groups[-1][1].append(token)
    regex = b""
    for number, (wild, group) in enumerate(groups):
        inner = _segments(group)
        if wild is not None:
            folders = b"(?:[^/]*/)" + (b"*" if wild is _Wild.FOLDERS else b"+")
            is_last = number == len(groups) - 1
            inner = folders + inner if is_last else b"(?>%b?%b)" % (folders, inner)
        regex += inner
    return regex + tail


def _segments(tokens: Sequence[bytes | _Wild]) -> bytes:
    """Names with slashes between them; a star stays in its own."""
    regex, star, chunk = b"", b"", b""
    for token in tokens:
        if token is _Wild.STAR:
            regex += b"(?>%b?%b)" % (star, chunk) if star else chunk
            star, chunk = b"[^/]*", b""
        elif token == b"/":
            regex, star, chunk = regex + star + chunk + token, b"", b""
        else:
            assert isinstance(token, bytes)
            chunk += token
    return regex + star + chunk


def _tokens(text: bytes, *, by_name: bool) -> list[bytes | _Wild] | None:
    """Expressions of one byte each, slashes, and wildcards; None where git cannot read them."""
    tokens: list[bytes | _Wild] = []
    at = 0
    while at < len(text):
        sign = text[at : at + 1]
        if sign == b"*":
            wild, at = _stars(text, at, by_name=by_name)
            tokens.append(wild)
        elif sign == b"[":
            found = _byte_set(text, at + 1)
            if found is None:
                return None
            one, at = found
            tokens.append(one)
        else:
            at += sign == b"\\"
            if at == len(text):
                return None
            tokens.append(b"[^/]" if sign == b"?" else _one(text[at]))
            at += 1
    return tokens


def _one(byte: int) -> bytes:
    return b"/" if byte == ord("/") else b"\\x%02x" % byte


def _stars(text: bytes, at: int, *, by_name: bool) -> tuple[_Wild, int]:
    """What the stars at ``at`` mean, and where they end."""
    end = at
    while text[end : end + 1] == b"*":
        end += 1
    if by_name or end - at == 1 or text[at - 1 : at] not in (b"", b"/"):
        return _Wild.STAR, end
    if end == len(text):
        return _Wild.REST, end
    if text.startswith(b"/", end):
        return _Wild.FOLDERS, end + 1
    return (_Wild.SOME_FOLDERS, end + 2) if text.startswith(b"\\/", end) else (_Wild.STAR, end)


def _byte_set(text: bytes, at: int) -> tuple[bytes, int] | None:
    """The set in brackets whose first byte is at ``at``, and where it ends."""
    negated = text[at : at + 1] in (b"!", b"^")
    begin = at = at + negated
    found: set[int] = set()
    before: int | None = None  # what a range could begin with
    while at == begin or text[at : at + 1] != b"]":
        if at >= len(text):
            return None
        named = re.compile(rb"\[:([^\]]*)\]").match(text, at)
        is_range = text[at] == ord("-") and before and text[at + 1 : at + 2] not in (b"", b"]")
        if named and named[1].endswith(b":"):
            if (members := _CLASSES.get(named[1][:-1])) is None:
                return None
            found.update(byte for byte in range(128) if re.match(members, bytes((byte,))))
            before, at = None, named.end()
            continue
        at += bool(is_range)
        at += text[at] == ord("\\")
        if at >= len(text):
            return None
        found.update(range(before, text[at] + 1) if is_range and before else (text[at],))
        before, at = (None if is_range else text[at]), at + 1
    kept = sorted((set(range(256)) - found if negated else found) - {ord("/")})
    return b"[%b]" % b"".join(map(_one, kept)) if kept else b"(?!)", at + 1
