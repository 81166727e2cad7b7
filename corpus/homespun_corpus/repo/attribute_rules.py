"""Attributes of paths as git reads them from the ``.gitattributes`` of a tree.

With its quoted patterns and its macros, which the top file alone may define. What lies outside a
commit (``.git/info/attributes``, a user's own file) is nothing of it. Knows no attribute's meaning.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from homespun_corpus.repo.git_patterns import PathPattern, PatternList, path_bytes, pattern_lines

MAX_LINE = 2048  # bytes: git passes over longer ones

Value = bool | bytes | None
"""Set, unset, or what it is set to; None for one that is not specified."""
States = tuple[tuple[bytes, Value], ...]

_BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]+")
_MACRO = b"[attr]"
_MACROS: Mapping[bytes, States] = {
    b"binary": ((b"diff", False), (b"merge", False), (b"text", False))
}
_NAME = re.compile(rb"[A-Za-z0-9_.][-A-Za-z0-9_.]*")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\[abfnrtv\\"]|\\[0-3][0-7]{2})*)"')
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)")
_CONTROLS = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))


@dataclass(frozen=True, slots=True)
class _Line:
    """``about``: the paths that it says something of, or the macro that it defines."""

    about: PathPattern | bytes
    states: States


class AttributeRules:
    """The attributes of a tree's paths, of those in ``wanted``."""

    def __init__(self, files: Iterable[tuple[str, bytes]], wanted: Container[bytes]) -> None:
        """``files``: the folder of each, "" or with a slash behind it, and its bytes."""
        lines = {path_bytes(folder): [*_lines(data)] for folder, data in files}
        self._macros = dict(_MACROS)
        for line in lines.get(b"", ()):
            if isinstance(line.about, bytes):
                self._macros[line.about] = line.states
        self._rules: dict[bytes, tuple[PatternList, list[States]]] = {}
        for folder, written in lines.items():
            told = [
                (line.about, line.states)
                for line in written
                if isinstance(line.about, PathPattern) and self._tells(line, wanted)
            ]
            patterns = PatternList([pattern for pattern, _ in told])
            self._rules[folder] = patterns, [states for _, states in told]

    @property
    def wildcards(self) -> int:
        """How many patterns have to be tried on every path."""
        return sum(patterns.wildcards for patterns, _ in self._rules.values())

    def of(self, path: str) -> dict[bytes, Value]:
        """The attributes of a path: of the deepest file's last line that speaks of each."""
        whole, found = path_bytes(path), dict[bytes, Value]()
        for folder in _folders(whole):
            if folder in self._rules:
                patterns, states = self._rules[folder]
                for number in patterns.matching(whole[len(folder) :]):
                    self._fill(found, states[number])
        return found

    def _tells(self, line: _Line, wanted: Container[bytes]) -> bool:
        return any(name in wanted or name in self._macros for name, _ in line.states)

    def _fill(self, found: dict[bytes, Value], states: States) -> None:
        waiting = [*states]
        while waiting:
            name, value = waiting.pop()
            if name not in found:
                found[name] = value
                if value is True:
                    waiting.extend(self._macros.get(name, ()))


def _folders(path: bytes) -> Iterator[bytes]:
    """The folders that hold a path, the deepest first, each with its slash; then the top."""
    end = path.rfind(b"/")
    while end >= 0:
        yield path[: end + 1]
        end = path.rfind(b"/", 0, end)
    yield b""


def _lines(data: bytes) -> Iterator[_Line]:
    for line in pattern_lines(data):
        written = line.lstrip(_BLANK)
        if written and not written.startswith(b"#") and len(line) < MAX_LINE:
            name, rest = _name(written)
            about, states = _about(name), _states(filter(None, _BLANKS.split(rest)))
            if about is not None and states is not None:
                yield _Line(about, states)


def _about(name: bytes) -> PathPattern | bytes | None:
    """None, as for git, for what no macro can be called, and a pattern that would bring back."""
    if name.startswith(_MACRO) and name != _MACRO:
        macro = _BLANKS.split(name[len(_MACRO) :].lstrip(_BLANK))[0]
        return macro if _NAME.fullmatch(macro) else None
    pattern = PathPattern.parse(name)
    return None if pattern.negative else pattern


def _name(line: bytes) -> tuple[bytes, bytes]:
    """What a line speaks of, and the rest; what is not quoted as in C is taken as it stands."""
    if quoted := _QUOTED.match(line):
        return _ESCAPE.sub(_unescaped, quoted[1]), line[quoted.end() :]
    name, *rest = _BLANKS.split(line, maxsplit=1)
    return name, b"".join(rest)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    sign = escape[1]
    return bytes((int(sign, 8) if len(sign) == 3 else _CONTROLS.get(sign[0], sign[0]),))


def _states(words: Iterable[bytes]) -> States | None:
    """What a line says; None, for git, if it names one thing that no attribute can be called."""
    states = []
    for word in words:
        name, equals, given = word.partition(b"=")
        value: Value = given if equals else True
        if name[:1] in (b"-", b"!"):
            value, name = (False if name[:1] == b"-" else None), name[1:]
        if not _NAME.fullmatch(name):
            return None
        states.append((name, value))
    return tuple(states)
