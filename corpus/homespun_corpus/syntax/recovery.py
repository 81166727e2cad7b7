"""Where a parser loses its way, it is put back on it at the next declaration.

One construct that a grammar does not know can swallow the rest of a file. So the declarations of
such a file are parsed without the others, by halves, until those are found that make no sense by
themselves: their lines are blanked, and the file is parsed again. The lines are told, for nothing
in them was read. What is tried depends on the source alone, unless a parser is hung by it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node, Tree

from homespun_corpus.syntax.spans import Span

SHARE = 0.05  # of a declaration's bytes: where more make no sense, it makes none
TRIED_BYTES = 1_500_000  # that are parsed again at most
BLANK = 0.1  # of a byte's time, for one that is blank
DEPTH = 3  # declarations in declarations in which the one that makes no sense is looked for
_WORDS = rb"else|elif|elsif|elseif|catch|except|finally|rescue|ensure|end|then|do|done|fi|esac"
# What may begin something new: a word, a decorator, an attribute, a directive, a comment.
_BEGINS = re.compile(rb"[ \t]*+(?:(?!(?:%s)\b)\w|[@#\[~$/*&<\"'(])" % _WORDS)
# What goes before something, and is nothing without it: decorators, attributes, comments.
_LEADS = re.compile(rb"[ \t]*+(?:@|#(?!\w)|//|/?\*|\[|<\w|template\b)")
_INDENT = re.compile(rb"[ \t]*+")
_WORD = re.compile(rb"\S")
_BLANK = bytes(byte if byte in b"\r\n" else ord(" ") for byte in range(256))

Parse = Callable[[bytes], Tree]


@dataclass(frozen=True, slots=True)
class Piece:
    """A syntax tree, and what is ``lost`` of its source: lines that were blanked, and stretches of
    more than one line that are in no node or in one that makes no sense."""

    tree: Tree
    lost: tuple[Span, ...] = ()


def recovered(source: bytes, tree: Tree, parse: Parse) -> Piece:
    """``tree`` is what ``parse`` makes of the source; what that raises is raised."""
    if not (lost := stretches(tree, source)):
        return Piece(tree)
    blanked = _Search(source, parse).culprits()
    text = _blank(source, blanked)
    again = parse(text) if blanked else tree
    still = stretches(again, text)
    if _width(still) + _width(blanked) >= _width(lost):  # nothing is gained
        return Piece(tree, tuple(lost))
    return Piece(again, tuple(sorted([*blanked, *still])))


def stretches(tree: Tree, source: bytes) -> list[Span]:
    """What runs over a line's end and makes no sense to the parser, or is in no node: in order."""
    return [span for span in _senseless(tree, source) if _has_line_break(source, span)]


@dataclass(slots=True)
class _Search:
    """For what makes no sense by itself in one source."""

    source: bytes
    parse: Parse
    left: float = TRIED_BYTES

    def culprits(self) -> list[Span]:
        """Lines; none where they cannot be told apart from the others."""
        return self._among(_declarations(self.source, Span(0, len(self.source))), [], DEPTH)

    def _among(
        self, declarations: Sequence[Span], around: Sequence[Span], depth: int
    ) -> list[Span]:
        """Those that make no sense by themselves, or what is in them; ``around``: what is blank
        beside them."""
        found = []
        for one in self._halved(declarations, declarations, around):
            beside = [*around, *(other for other in declarations if other != one)]
            inner = _declarations(self.source, _below_head(self.source, one)) if depth > 1 else []
            worse = self._among(inner, beside, depth - 1)
            found += worse if worse and self._makes_sense([one], [*beside, *worse]) else [one]
        return found

    def _halved(
        self, some: Sequence[Span], everything: Sequence[Span], around: Sequence[Span]
    ) -> list[Span]:
        """Those of ``some`` that make no sense."""
        if not some:
            return []
        others = [other for other in everything if not some[0] <= other <= some[-1]]
        if self._makes_sense(some, [*around, *others]):
            return []
        if len(some) == 1:
            return list(some)
        middle = len(some) // 2
        return [
            *self._halved(some[:middle], everything, around),
            *self._halved(some[middle:], everything, around),
        ]

    def _makes_sense(self, some: Sequence[Span], blank: Sequence[Span]) -> bool:
        """Whether each of these declarations does, without the others."""
        hidden = _width(blank)
        self.left -= len(self.source) - hidden + BLANK * hidden
        if self.left < 0:
            return True  # not to be found out
        text = _blank(self.source, blank)
        senseless = _senseless(self.parse(text), text)
        return not any(_is_lost(text, one, senseless) for one in some)


def _is_lost(source: bytes, one: Span, senseless: Sequence[Span]) -> bool:
    """``senseless``: in order, and apart from one another."""
    first = bisect_right(senseless, one.start, key=lambda span: span.end)
    last = bisect_left(senseless, one.end, key=lambda span: span.start)
    inside = [
        Span(max(one.start, span.start), min(one.end, span.end)) for span in senseless[first:last]
    ]
    if any(_has_line_break(source, span) for span in inside):
        return True
    return _width(inside) > SHARE * len(source[one.start : one.end].strip())


def _senseless(tree: Tree, source: bytes) -> list[Span]:
    """Errors and what no node has, in order; one with the next where nothing is between them."""
    merged: list[Span] = []
    for span in sorted(_errors_and_gaps(tree.root_node, source)):
        if merged and not source[merged[-1].end : span.start].strip():
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _errors_and_gaps(root: Node, source: bytes) -> Iterator[Span]:
    """Of an error not what is whole in it, and longer than a line: that makes sense by itself."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        at = node.start_byte
        for child in node.children if node.has_error else ():
            if node.is_error and child.start_point.row == child.end_point.row:
                continue
            yield from _gap(source, at, child.start_byte)
            at = max(at, child.end_byte)
            if child.has_error:
                waiting.append(child)
        if node.has_error:
            yield from _gap(source, at, node.end_byte)


def _gap(source: bytes, start: int, end: int) -> Iterator[Span]:
    """What is between two nodes, unless it is space."""
    if end > start and (first := _WORD.search(source, start, end)):
        yield Span(first.start(), end)


def _declarations(source: bytes, region: Span) -> list[Span]:
    """What a region of whole lines consists of: from each least indented line that may begin
    something to the next of them, or to a line that is indented less."""
    lines = [line for line in _lines(source, region) if source[line.start : line.end].strip()]
    begins = [line for line in lines if _BEGINS.match(source, line.start)]
    least = min((_indent(source, line) for line in begins), default=0)
    found: list[Span] = []
    is_open = leads = False
    for line in lines:
        indent = _indent(source, line)
        starts = indent == least and bool(_BEGINS.match(source, line.start))
        if starts and not (is_open and leads):
            found.append(line)
            is_open = True
        elif is_open and indent >= least:
            found[-1] = Span(found[-1].start, line.end)
        else:
            is_open = False
        if starts:
            leads = bool(_LEADS.match(source, line.start))
    return found


def _below_head(source: bytes, declaration: Span) -> Span:
    """Its lines below the first that does not only lead to it."""
    lines = list(_lines(source, declaration))
    least = _indent(source, lines[0])
    for line in lines:
        if _indent(source, line) == least and not _LEADS.match(source, line.start):
            return Span(line.end, declaration.end)
    return Span(declaration.end, declaration.end)


def _lines(source: bytes, region: Span) -> Iterator[Span]:
    start = region.start
    while start < region.end:
        end = source.find(b"\n", start, region.end) + 1 or region.end
        yield Span(start, end)
        start = end


def _indent(source: bytes, line: Span) -> int:
    match = _INDENT.match(source, line.start)
    return len(match[0].expandtabs()) if match else 0


def _blank(source: bytes, spans: Sequence[Span]) -> bytes:
    """Every byte of spans a space, but for line breaks."""
    text = bytearray(source)
    for start, end in spans:
        text[start:end] = source[start:end].translate(_BLANK)
    return bytes(text)


def _has_line_break(source: bytes, span: Span) -> bool:
    return b"\n" in source[span.start : span.end].strip()


def _width(spans: Sequence[Span]) -> int:
    return sum(span.end - span.start for span in spans)
