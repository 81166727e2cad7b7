"""Seeded holes in source code, bounded by its syntax tree.

Where people stop typing is where a completer is asked: at the end of a half-written line, at an
empty body, inside an open call. Holes are drawn in that mix (AST-bounded spans gain up to five
points over random characters, arXiv 2506.00204), in character offsets, from a seeded generator: the
same text and seed give the same holes. Knows no tokens.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tree_sitter import Node, Tree

from homespun_corpus.mining.sample import Kind
from homespun_corpus.syntax.languages import Language
from homespun_corpus.syntax.parsing import captures
from homespun_corpus.syntax.spans import Span

MAX_MIDDLE_CHARS = 700
MIN_LINE_CHARS = 4  # a shorter line (a brace, a `pass`) teaches nothing from its middle
TRIES = 8  # a draw that finds no room is drawn again, this often

# Shares of each kind.
MIX: Mapping[Kind, float] = {
    "body": 0.08,
    "block": 0.07,
    "statement": 0.07,
    "arguments": 0.07,
    "expression": 0.05,
    "line": 0.27,
    "block-rest": 0.11,
    "lines": 0.14,
    "random": 0.08,
    "plain": 0.06,
}
# Nobody stops at the beginning of a line that is written: lines are inserted there by benchmarks.
# A model that seldom saw it takes two sides that fit for all there is (LOG E-046, E-050).
_TAUGHT_ONLY: frozenset[Kind] = frozenset(("plain", "lines"))
EVALUATED: Mapping[Kind, float] = {
    kind: share for kind, share in MIX.items() if kind not in _TAUGHT_ONLY
}

_NODE_KINDS: tuple[Kind, ...] = ("body", "block", "statement", "arguments", "expression")


@dataclass(frozen=True, slots=True)
class Hole:
    """``text[start:end]`` (character offsets) is hidden."""

    kind: Kind
    start: int
    end: int


class HoleCutter:
    """Draws holes from one file's text. Built once a file, asked for each of its spans.

    ``trees``: of all of it, or of its pieces. Without a language, holes end at lines: no kind that
    needs a syntax tree is found.
    """

    def __init__(
        self, text: str, source: bytes, language: Language | None, *trees: Tree | None
    ) -> None:
        self._text = text
        self._offsets = CharOffsets(text, source)
        found = [captures(language, tree, *_NODE_KINDS) for tree in trees if language and tree]
        self._nodes = {
            kind: self._spans(kind, (node for nodes in found for node in nodes.get(kind, [])))
            for kind in _NODE_KINDS
        }
        self._blocks = sorted({*self._nodes["body"], *self._nodes["block"]})

    def cut(
        self, span: Span, count: int, rng: random.Random, mix: Mapping[Kind, float] = MIX
    ) -> list[Hole]:
        """At most ``count`` different holes inside ``span`` (bytes), in the order drawn."""
        first, last = self._offsets.char(span.start), self._offsets.char(span.end)
        inside = {
            kind: [s for s in self._nodes[kind] if first <= s[0] and s[1] <= last]
            for kind in _NODE_KINDS
        }
        kinds, weights = list(mix), list(mix.values())
        holes: dict[Hole, None] = {}
        for _ in range(count):
            for kind in rng.choices(kinds, weights, k=TRIES):
                hole = self._draw(kind, first, last, inside, rng)
                if hole is not None and hole not in holes:
                    holes[hole] = None
                    break
        return list(holes)

    def _draw(
        self,
        kind: Kind,
        first: int,
        last: int,
        inside: Mapping[Kind, Sequence[tuple[int, int]]],
        rng: random.Random,
    ) -> Hole | None:
        if kind in inside:
            return Hole(kind, *rng.choice(inside[kind])) if inside[kind] else None
        if kind == "random":
            return self._random(first, last, rng)
        if kind == "plain":
            end = min(last, first + MAX_MIDDLE_CHARS)
            return Hole("plain", first, end) if end > first else None
        cursor = self._cursor(first, last, rng)
        if cursor is None:
            return None
        if kind == "lines":
            return self._lines(cursor, first, last, rng)
        return self._line(cursor, last) if kind == "line" else self._block_rest(cursor, last)

    def _random(self, first: int, last: int, rng: random.Random) -> Hole | None:
        if last - first < 2:
            return None
        start = rng.randrange(first, last)
        length = 1 + int(rng.expovariate(1 / 60))
        return Hole("random", start, min(start + length, start + MAX_MIDDLE_CHARS, last))

    def _cursor(self, first: int, last: int, rng: random.Random) -> int | None:
        """A point inside the written part of a line, tokens and words notwithstanding."""
        point = rng.randrange(first, last) if last > first else first
        begin = self._text.rfind("\n", 0, point) + 1
        end = self._line_end(point)
        written = self._text[begin:end]
        indent = len(written) - len(written.lstrip())
        if len(written.strip()) < MIN_LINE_CHARS:
            return None
        return max(first, rng.randrange(begin + indent, end))

    def _line(self, cursor: int, last: int) -> Hole | None:
        end = min(self._line_end(cursor), last)
        return Hole("line", cursor, end) if 0 < end - cursor <= MAX_MIDDLE_CHARS else None

    def _lines(self, cursor: int, first: int, last: int, rng: random.Random) -> Hole | None:
        """The cursor's line with its end, and at times the next ones; the span's last one too."""
        breaks = self._text.startswith(("\n", "\r\n"), last)
        most = self._text.find("\n", last) + 1 if breaks else last
        begin, end = self._text.rfind("\n", 0, cursor) + 1, cursor
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            end = self._text.find("\n", end, most) + 1
            if not end:
                return None
        return Hole("lines", begin, end) if begin >= first else None

    def _block_rest(self, cursor: int, last: int) -> Hole | None:
        """To the end of the innermost block that goes on after the cursor's line."""
        line_end = self._line_end(cursor)
        ends = [
            end
            for start, end in self._blocks
            if start <= cursor and line_end < end <= min(last, cursor + MAX_MIDDLE_CHARS)
        ]
        return Hole("block-rest", cursor, min(ends)) if ends else None

    def _line_end(self, point: int) -> int:
        end = self._text.find("\n", point)
        end = len(self._text) if end < 0 else end
        return end - 1 if end > point and self._text[end - 1] == "\r" else end

    def _spans(self, kind: Kind, nodes: Iterable[Node]) -> list[tuple[int, int]]:
        found = (self._inner(kind, node) for node in nodes if not node.has_error)
        return sorted({s for s in found if 0 < s[1] - s[0] <= MAX_MIDDLE_CHARS})

    def _inner(self, kind: Kind, node: Node) -> tuple[int, int]:
        """The part of a node that somebody types: without the brackets an editor closes itself."""
        start, end = self._offsets.char(node.start_byte), self._offsets.char(node.end_byte)
        if kind not in ("body", "block", "arguments"):
            return start, end
        first = node.children[0].type if node.child_count else ""
        bracketed = first in ("(", "{", "[") and end - start > 1
        start, end = (start + 1, end - 1) if bracketed else (start, end)
        if kind == "arguments":
            return start, end
        inner = self._text[start:end]
        return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())


class CharOffsets:
    """Byte offsets of a UTF-8 source as character offsets of its text, and back."""

    def __init__(self, text: str, source: bytes) -> None:
        self._ascii = len(text) == len(source)
        # Cumulative (bytes, characters) at line starts: a lookup decodes one line at most.
        self._source = source
        self._bytes, self._chars = [0], [0]
        if not self._ascii:
            for line in source.splitlines(keepends=True):
                self._bytes.append(self._bytes[-1] + len(line))
                self._chars.append(self._chars[-1] + len(line.decode()))

    def char(self, byte: int) -> int:
        """The character offset of byte offset ``byte``, which must begin a character."""
        if self._ascii:
            return byte
        line = bisect.bisect_right(self._bytes, byte) - 1
        begin = self._bytes[line]
        return self._chars[line] + len(self._source[begin:byte].decode())

    def byte(self, char: int) -> int:
        """The byte offset of character offset ``char``."""
        if self._ascii:
            return char
        line = bisect.bisect_right(self._chars, char) - 1
        begin = self._bytes[line]
        end = self._bytes[line + 1] if line + 1 < len(self._bytes) else len(self._source)
        rest = self._source[begin:end].decode()[: char - self._chars[line]]
        return begin + len(rest.encode())
