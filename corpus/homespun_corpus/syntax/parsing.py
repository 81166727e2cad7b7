"""Source bytes become a syntax tree, or are refused in time; queries find nodes in it.

No source that anybody can write hangs a parser or a query for longer than it may take. Grammars are
loaded when first asked for.
"""

from __future__ import annotations

import importlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib import resources

import tree_sitter
from tree_sitter import Node, Point, Query, QueryCursor, Range, Tree

from homespun_corpus.errors import CorpusError
from homespun_corpus.syntax.languages import Language
from homespun_corpus.syntax.notebooks import CellText
from homespun_corpus.syntax.recovery import Piece, recovered, stretches
from homespun_corpus.syntax.spans import Span

PARSE_SECONDS = 5.0  # a file that takes longer than this to parse is left out
MAX_DEPTH = 500  # deeper nodes are not searched; code that people write stays below 100
MAX_ERROR_TOKENS = 10_000  # searching the children of an error node takes quadratic time
_CHUNK = 1 << 13  # bytes handed to the parser at a time


class ParseTimeout(CorpusError):
    """A file takes too long to parse."""


class _Senseless(ParseTimeout):
    """Searching the tree would take too long, on whatever machine."""


def parse(language: Language, source: bytes, *, seconds: float = PARSE_SECONDS) -> Tree:
    """The syntax tree of UTF-8 ``source``; ParseTimeout after ``seconds``."""
    return _parse(language, _readable(language, source), _deadline(seconds), [], seconds)


def parse_pieces(language: Language, source: bytes) -> list[Piece]:
    """One tree of each cell of a notebook, and of anything else, in which the parser was put back
    on its way where it had lost it; ParseTimeout as of ``parse``.

    So a cell that is not finished, or makes no sense at all, takes nothing from the others.
    """
    late, text = _deadline(PARSE_SECONDS), _readable(language, source)
    if not isinstance(source, CellText):

        def again(changed: bytes) -> Tree:
            return _parse(language, changed, late, [], PARSE_SECONDS)

        tree = again(text)
        try:
            return [recovered(text, tree, again)]
        except ParseTimeout:
            return [Piece(tree, tuple(stretches(tree, text)))]
    trees = []
    for piece in _ranges(source, source.cells):
        with suppress(_Senseless):
            trees.append(Piece(_parse(language, text, late, [piece], PARSE_SECONDS)))
    return trees


def _ranges(source: bytes, spans: Iterable[Span]) -> Iterator[Range]:
    """Spans that begin at the start of a line, in order."""
    row = at = 0
    for span in spans:
        start = row + source.count(b"\n", at, span.start)
        row, at = start + source.count(b"\n", span.start, span.end), span.end
        yield Range(Point(start, 0), Point(row, 0), span.start, span.end)


def _parse(
    language: Language,
    source: bytes,
    late: Callable[[], bool],
    ranges: Sequence[Range],
    seconds: float,
) -> Tree:
    parser = tree_sitter.Parser(grammar(language), included_ranges=ranges or None)
    pieces = _pieces()
    try:
        # Only a source that is read in pieces may be interrupted. Some scanners read on and on
        # between two calls for progress: to them the rest of a late source is blank.
        tree = parser.parse(
            lambda byte, _point: pieces.at(byte, source, blank=late()),
            progress_callback=lambda _byte, _has_error: late(),
        )
    except ValueError as error:
        raise _too_late(seconds) from error
    if late():
        raise _too_late(seconds)
    _check_errors(tree)
    return tree


class _Pieces:
    """Pieces of a source, all lent from one buffer: each is good until the next is asked for.

    The binding (0.26.1) keeps one reference to every piece for ever: what would be a copy of each
    source is an old view of this buffer, of which there are as many as lengths.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(_CHUNK)
        self._views: dict[int, memoryview] = {}

    def at(self, start: int, source: bytes, *, blank: bool) -> memoryview:
        """What begins at ``start``, or as much space."""
        size = max(0, min(_CHUNK, len(source) - start))
        self._buffer[:size] = b" " * size if blank else source[start : start + size]
        if size not in self._views:
            self._views[size] = memoryview(self._buffer)[:size]
        return self._views[size]


_thread = threading.local()


def _pieces() -> _Pieces:
    """This thread's buffer."""
    if not hasattr(_thread, "pieces"):
        _thread.pieces = _Pieces()
    pieces: _Pieces = _thread.pieces
    return pieces


def _readable(language: Language, source: bytes) -> bytes:
    """The source with spaces for what cannot be read, every other byte in its place."""
    if not language.blank:
        return source

    def blank(match: re.Match[bytes]) -> bytes:
        start, end = (at - match.start() for at in match.span(match.lastindex or 0))
        return match[0][:start] + b" " * (end - start) + match[0][end:]

    return re.sub(language.blank, blank, source, flags=re.MULTILINE)


def captures(language: Language, tree: Tree, *names: str) -> dict[str, list[Node]]:
    """The nodes captured under each of ``names``, in the order of the source; may repeat a node."""
    found = _cursor(language, names).captures(tree.root_node)
    return {name: nodes for name, nodes in found.items() if name in names}


def matches(language: Language, tree: Tree, *names: str) -> list[dict[str, list[Node]]]:
    """All captures of each match that captures one of ``names``."""
    return [nodes for _, nodes in _cursor(language, names).matches(tree.root_node)]


@cache
def grammar(language: Language) -> tree_sitter.Language:
    """The compiled grammar, loaded from its wheel on first use."""
    module = importlib.import_module(language.module)
    return tree_sitter.Language(getattr(module, language.factory)())


@cache
def _query(language: Language, names: tuple[str, ...]) -> Query:
    """The language's query without the patterns that capture none of ``names``."""
    folder = resources.files(__package__) / "queries"
    stems = filter(None, (language.shared_query, language.query))
    text = b"\n".join((folder / f"{stem}.scm").read_bytes() for stem in stems)
    query = Query(grammar(language), text.decode())
    wanted = re.compile(rb"@(?:%s)\b" % b"|".join(name.encode() for name in names))
    for pattern in range(query.pattern_count):
        begin, end = query.start_byte_for_pattern(pattern), query.end_byte_for_pattern(pattern)
        if not wanted.search(text, begin, end):
            query.disable_pattern(pattern)
    return query


def _cursor(language: Language, names: tuple[str, ...]) -> QueryCursor:
    # A query has no deadline: the binding's progress callback for queries crashes (0.26).
    cursor = QueryCursor(_query(language, names))
    cursor.set_max_start_depth(MAX_DEPTH)
    return cursor


def errors(tree: Tree) -> Iterator[Node]:
    """The nodes that make no sense to the parser, in no order; not those inside of one."""
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error:
            yield node
        elif node.has_error:
            waiting.extend(child for child in node.children if child.has_error)


def _check_errors(tree: Tree) -> None:
    """Refuse a tree whose queries would hang."""
    for node in errors(tree):
        if node.child_count > MAX_ERROR_TOKENS:
            raise _Senseless(f"{node.child_count} tokens make no sense to the parser: left out")


def _too_late(seconds: float) -> ParseTimeout:
    return ParseTimeout(f"parsing takes more than {seconds:g} s: file left out")


def _deadline(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
