"""Which lines of a source are worth a look by the detectors of secrets: few, and fast.

One pass says which cues a source can have at all (``literals``); only those are searched, for
literal words where that is possible, since one pattern with all of them takes many times longer.
A line left out here is never looked at again: every detector's cue must be in ``secret_cues``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from homespun_corpus.filters.literals import Literals
from homespun_corpus.filters.secret_cues import (
    AT,
    BEFORE_AT,
    CAN_BE_BARE,
    CAN_BE_NAMED,
    CUES,
    DRAWN,
    FLAG,
    LOWER,
    PATTERNS,
    PATTERNS_OF_RUNS,
    STRING,
    Cue,
)
from homespun_corpus.filters.secret_tokens import may_be_token

_LITERALS = Literals(cue.words for cue in CUES)
RUN_CHARS = 24  # letters, digits, - and _
_DIGITS = b"0123456789"
_BETWEEN_RUNS = bytes(b if b < 128 and (chr(b).isalnum() or b in b"_-") else 32 for b in range(256))


def suspect_lines(source: bytes) -> list[tuple[int, int]]:
    """Start and end of each line worth a look, in order."""
    lines: dict[int, int] = {}
    for point in _points(source):
        start = source.rfind(b"\n", 0, point) + 1
        if start not in lines:
            end = source.find(b"\n", point)
            lines[start] = len(source) if end < 0 else end
    return sorted(lines.items())


def _points(source: bytes) -> Iterator[int]:
    lower = source.lower()
    for number in _LITERALS.maybe_in(source):
        yield from _points_of(CUES[number], source, lower)
    for pattern in PATTERNS:
        yield from _matching(source, pattern)
    for pattern in LOWER:
        yield from (p for p in _matching(lower, pattern) if _has_value(source, p, CAN_BE_NAMED))
    yield from _of_runs(source)
    yield from (m.start() for m in STRING.finditer(source) if DRAWN.search(m[0]))
    yield from (p for p in _matching(source, FLAG) if _has_value(source, p, CAN_BE_BARE))
    yield from (
        m.start()
        for m in AT.finditer(source)
        if BEFORE_AT.search(source[max(m.start() - 42, 0) : m.start()])
    )


def _points_of(cue: Cue, source: bytes, lower: bytes) -> Iterator[int]:
    """Where lines have a cue, once a line."""
    text = source if cue.value is None else lower
    if cue.pattern is not None:
        found = _matching(text, cue.pattern)
    else:
        found = (point for word in cue.words for point in _found(text, word))
    return (p for p in found if cue.value is None or _has_value(source, p, cue.value))


def _of_runs(source: bytes) -> Iterator[int]:
    """Where the runs are that may be tokens or parts of one: splitting is faster than patterns."""
    spaced = source.translate(_BETWEEN_RUNS)
    runs = [run for run in spaced.split() if len(run) >= RUN_CHARS]
    if any(len(run.translate(None, delete=_DIGITS)) < len(run) for run in runs):
        for pattern in PATTERNS_OF_RUNS:
            yield from _matching(source, pattern)
    point = 0
    for run in filter(may_be_token, runs):
        point = spaced.find(run, point)
        while spaced[point - 1 : point].strip():  # the end of a longer one
            point = spaced.find(run, point + 1)
        yield point
        point += len(run)


def _has_value(source: bytes, point: int, value: re.Pattern[bytes]) -> bool:
    start = source.rfind(b"\n", 0, point) + 1
    end = source.find(b"\n", point)
    line = source[start : len(source) if end < 0 else end]
    return value.search(line) is not None


def _found(source: bytes, literal: bytes) -> Iterator[int]:
    """Where ``literal`` begins, once a line."""
    point = source.find(literal)
    while point >= 0:
        yield point
        end = source.find(b"\n", point)
        point = source.find(literal, end) if end >= 0 else -1


def _matching(source: bytes, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Where ``pattern`` begins to match, once a line."""
    match = pattern.search(source)
    while match is not None:
        yield match.start()
        end = source.find(b"\n", match.start())
        match = pattern.search(source, end) if end >= 0 else None
