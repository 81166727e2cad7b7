"""Source bytes become functions: who they are, where they lie, what they say about themselves.

One pass over a syntax tree finds every named callable, nested ones too, and every class, which goes
for a function of all that no other one holds. Knows nothing of git, of whether a function is worth
learning, or of holes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tree_sitter import Node, Tree

from homespun_corpus.syntax.class_parts import Extent, own_parts
from homespun_corpus.syntax.languages import Language
from homespun_corpus.syntax.parsing import captures, errors, matches, parse_pieces
from homespun_corpus.syntax.recovery import Piece
from homespun_corpus.syntax.spans import Span
from homespun_corpus.syntax.trivia import Trivia, TriviaPiece, clean_docstring

MAX_ERROR_SHARE = 0.05  # of a function's bytes

FunctionKind = Literal["function", "method", "constructor", "lambda", "class", "text", "stretch"]

Label = tuple[str, bool]
"""The qualified name of a function, and whether it is a class."""

# Where several patterns of a query match one body, the more telling kind counts.
_KINDS: tuple[FunctionKind, ...] = ("constructor", "method", "lambda", "function", "class")
_SIMPLE_NAME = re.compile(r"[\w.$]+")
_SYMBOL = re.compile(r"^:(?=[\w\"'])")
_PATH = re.compile(r"\s*(?:::|\\)\s*")  # between the names of a path, which we join by dots


@dataclass(frozen=True, slots=True)
class Function:
    """A named callable, or a class: also an interface, a struct, a trait, an enum. Or a text, or a
    stretch in none of these that made no sense to the parser.

    ``span`` takes in its decorators and what declares it (``export``, ``const f =``), not the
    comments before it; those are ``doc`` where there is no docstring. ``body`` is the body's node,
    braces included. ``signature`` is what stands between decorators and body. ``parts`` is what of
    ``span`` is learnt as its own: all of a callable; of a class its head and what is in no callable
    and no class that it holds, so that nothing is learnt twice over. ``broken`` says that the
    parser lost its way in them; a single sign that a grammar does not know is no such thing.
    """

    path: str
    language: str
    name: str
    qualified_name: str
    kind: FunctionKind
    span: Span
    signature: str
    doc: str | None
    body: Span
    blob_id: str
    parts: tuple[Span, ...]
    broken: bool = False

    @property
    def label(self) -> Label:
        """What stays the same when it is edited: many a function is called as a class is."""
        return self.qualified_name, self.kind == "class"

    def text(self, source: bytes) -> bytes:
        """What of a source is its own."""
        return b"\n".join(source[part.start : part.end] for part in self.parts)


@dataclass(slots=True)
class _Definition:
    """What the matches of one body have said so far."""

    span: Span
    body: Span
    kind: FunctionKind
    has_error: bool
    named: tuple[int, bool] = (-1, False)  # width of the match that named it; if it has a receiver
    name: str = ""
    receiver: str = ""
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class _Scope:
    span: Span
    name: str
    is_class: bool


def extract(
    source: bytes, *, path: str, language: Language, blob_id: str, tree: Tree | None = None
) -> list[Function]:
    """Every named callable of a UTF-8 source, outer first; ParseTimeout if that takes too long.

    ``tree`` is the source's syntax tree, if the caller has it.
    """
    functions = [
        function
        for part in ([Piece(tree)] if tree else parse_pieces(language, source))
        for function in _functions_of(part, source, path, language, blob_id)
    ]
    return sorted(functions, key=lambda function: (function.span.start, -function.span.end))


def _functions_of(
    piece: Piece, source: bytes, path: str, language: Language, blob_id: str
) -> Iterator[Function]:
    tree, lost = piece.tree, piece.lost
    found = _merge(matches(language, tree, *_KINDS, "skip"), language, source)
    scopes = _scopes(matches(language, tree, "type", "namespace"), source)
    trivia = _trivia(captures(language, tree, "decorator", "comment"), source, language)
    begins = [trivia.before(item.span.start) for item in found]
    extents = [
        Extent(begin.comment, Span(begin.start, item.span.end), item.kind == "class")
        for begin, item in zip(begins, found, strict=True)
    ]
    parts = own_parts(source, extents, [word.encode() for word in language.continues])
    errors_at = sorted([*map(_span, errors(tree)), *lost])
    names = _qualify(found, scopes)
    for item, begin, own, (name, in_class) in zip(found, begins, parts, names, strict=True):
        yield Function(
            path=path,
            language=language.name,
            name=item.name,
            qualified_name=name,
            kind=_kind(item, language, in_class),
            span=Span(begin.start, item.span.end),
            signature=_signature(source, trivia, begin.start, item.body.start),
            doc=item.doc or begin.doc,
            body=item.body,
            blob_id=blob_id,
            parts=own,
            broken=bool(item.has_error or lost) and _is_broken(source, own, errors_at),
        )
    spans = [Span(begin.start, item.span.end) for item, begin in zip(found, begins, strict=True)]
    for stretch in lost:
        if not any(span.start <= stretch.start and stretch.end <= span.end for span in spans):
            yield _lost(stretch, source, path, language, blob_id)


def _lost(stretch: Span, source: bytes, path: str, language: Language, blob_id: str) -> Function:
    """What no function holds and nothing was read in, so that the account has a line of it."""
    line = source.count(b"\n", 0, stretch.start) + 1
    end = stretch.start + len(source[stretch.start : stretch.end].rstrip())
    whole = all_body(
        f"line {line}", "stretch", Span(stretch.start, end), language, path=path, blob_id=blob_id
    )
    return replace(whole, broken=True)


def all_body(
    name: str, kind: FunctionKind, span: Span, language: Language, *, path: str, blob_id: str
) -> Function:
    """What is no callable, and all of it its body."""
    return Function(
        path=path,
        language=language.name,
        name=name,
        qualified_name=name,
        kind=kind,
        span=span,
        signature="",
        doc=None,
        body=span,
        blob_id=blob_id,
        parts=(span,),
    )


def _merge(
    found: Iterable[dict[str, list[Node]]], language: Language, source: bytes
) -> list[_Definition]:
    """One item for each body: the widest node, its name and the most telling kind. Outer first."""
    items: dict[Span, _Definition] = {}
    skipped: set[Span] = set()
    for match in found:
        if not _is_callable(match, language, source):
            if "body" in match:
                skipped.add(_written(match["body"][0], source))
            continue
        kind = next(kind for kind in _KINDS if kind in match)
        nodes = match[kind]
        node, span = nodes[0], Span(nodes[0].start_byte, _written(nodes[-1], source).end)
        body = _body(match, source) if "body" in match else _no_body(node, span.end, kind, language)
        item = items.setdefault(body, _Definition(span, body, kind, node.has_error))
        if _width(span) > _width(item.span):
            item.span, item.has_error = span, node.has_error
        item.kind = min(item.kind, kind, key=_KINDS.index)
        if "name" in match and (_width(span), "receiver" in match) > item.named:
            _name(item, match, span, source)
        if "doc" in match:
            item.doc = clean_docstring(_node_text(source, match["doc"][0]))
    named = [
        item
        for body, item in items.items()
        if item.name and item.name not in language.no_names
        if not (item.kind == "function" and body in skipped)
    ]
    return sorted(_once(named), key=lambda item: (item.span.start, -item.span.end))


def _once(items: Iterable[_Definition]) -> Iterator[_Definition]:
    """Without classes that were found again without their body: not all grammars name that."""
    bodies: dict[Span, _Definition] = {}
    for item in items:
        if item.kind != "class":
            yield item
        elif item.span not in bodies or _width(bodies[item.span].body) < _width(item.body):
            bodies[item.span] = item
    yield from bodies.values()


def _is_callable(match: dict[str, list[Node]], language: Language, source: bytes) -> bool:
    if "maker" in match:
        return _node_text(source, match["maker"][0]) in language.makers
    return "skip" not in match


def _name(item: _Definition, match: dict[str, list[Node]], span: Span, source: bytes) -> None:
    item.named = _width(span), "receiver" in match
    name = _bare(_text(source, match["name"][0].start_byte, match["name"][-1].end_byte))
    item.name = _PATH.sub(".", name) if item.kind == "class" else name
    receivers = [_node_text(source, node) for node in match.get("receiver", [])]
    simple = all(map(_SIMPLE_NAME.fullmatch, receivers))
    item.receiver = ".".join(receivers) if simple else ""


def _body(match: dict[str, list[Node]], source: bytes) -> Span:
    """The node of a body, or from the first to the last of several."""
    nodes = match["body"]
    return Span(nodes[0].start_byte, _written(nodes[-1], source).end)


def _no_body(node: Node, end: int, kind: FunctionKind, language: Language) -> Span:
    """Where a body would be: before the last word, or behind a class that no word ends.

    ``end``: of what is written of the node.
    """
    while node.children:
        node = node.children[-1]
    ended = kind != "class" or node.type in language.continues
    at = min(node.start_byte, end) if ended else end
    return Span(at, at)


def _written(node: Node, source: bytes) -> Span:
    """A node without white space at its end: some grammars count a line's end as part of it."""
    text = source[node.start_byte : node.end_byte]
    return Span(node.start_byte, node.start_byte + len(text.rstrip()))


def _kind(item: _Definition, language: Language, in_class: bool) -> FunctionKind:
    kind: FunctionKind = "method" if in_class and item.kind == "function" else item.kind
    return "constructor" if kind == "method" and item.name in language.constructors else kind


def _scopes(found: Iterable[dict[str, list[Node]]], source: bytes) -> list[_Scope]:
    scopes = []
    for match in found:
        is_class = "type" in match
        node = match["type" if is_class else "namespace"][0]
        name = _PATH.sub(".", _bare(_node_text(source, match["scope"][0])))
        scopes.append(_Scope(_span(node), name, is_class))
    return scopes


def _qualify(found: list[_Definition], scopes: list[_Scope]) -> Iterator[tuple[str, bool]]:
    """For each item: its name below those of what holds it, and whether that is a class."""
    bodies = [
        _Scope(item.body, _join(item.receiver, item.name), item.kind == "class") for item in found
    ]
    waiting = sorted([*scopes, *bodies], key=lambda s: (s.span.start, -s.span.end), reverse=True)
    holding: list[_Scope] = []
    for item in found:  # by where they start
        start, end = item.span.start, item.span.end
        while waiting and waiting[-1].span.start <= start:
            scope = waiting.pop()
            _leave(holding, scope.span.start)
            holding.append(scope)
        _leave(holding, start)
        outer = [scope for scope in holding if end <= scope.span.end]
        name = _join(*(scope.name for scope in outer), item.receiver, item.name)
        yield name, bool(outer) and outer[-1].is_class


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)


def _leave(holding: list[_Scope], point: int) -> None:
    """Forget the scopes that end before ``point``."""
    while holding and holding[-1].span.end <= point:
        holding.pop()


def _signature(source: bytes, trivia: Trivia, start: int, end: int) -> str:
    """What stands between the decorators and the body, or the comments above the body."""
    start = trivia.after(start)
    return _text(source, start, max(start, trivia.before(end).comment)).strip()


def _trivia(found: dict[str, list[Node]], source: bytes, language: Language) -> Trivia:
    decorators = (TriviaPiece(*n.byte_range, "decorator") for n in found.get("decorator", []))
    comments = (TriviaPiece(*n.byte_range, "comment") for n in found.get("comment", []))
    return Trivia(source, [*decorators, *comments], language.lexical)


def _is_broken(source: bytes, parts: tuple[Span, ...], errors_at: list[Span]) -> bool:
    """Whether an error in them runs over a line's end, or errors are a good part of the text."""
    total = 0
    for part in parts:
        for index in range(bisect_left(errors_at, part), len(errors_at)):
            error = errors_at[index]
            if error.start >= part.end:
                break
            if b"\n" in source[error.start : error.end].strip():
                return True
            total += error.end - error.start
    return total > MAX_ERROR_SHARE * sum(map(_width, parts))


def _span(node: Node) -> Span:
    return Span(node.start_byte, node.end_byte)


def _width(span: Span) -> int:
    return span.end - span.start


def _node_text(source: bytes, node: Node) -> str:
    return _text(source, node.start_byte, node.end_byte)


def _text(source: bytes, start: int, end: int) -> str:
    return source[start:end].decode("utf-8", errors="replace")


def _bare(name: str) -> str:
    """A name on one line, without quotes; a symbol's without its colon."""
    return _SYMBOL.sub("", " ".join(name.split())).strip("\"'")
