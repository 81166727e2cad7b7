"""Source bytes become functions: who they are, where they lie, what they say about themselves.

One pass over a syntax tree finds every named callable, nested ones too. Knows nothing of git, of
whether a function is worth learning, or of holes.
"""

from __future__ import annotations

import inspect
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node, Tree

from homespun_corpus.languages import Language, captures, matches, parse

FunctionKind = Literal["function", "method", "constructor", "lambda"]

# Where several patterns of a query match one body, the more telling kind counts.
_KINDS: tuple[FunctionKind, ...] = ("constructor", "method", "lambda", "function")
_SIMPLE_NAME = re.compile(r"[\w.$]+", re.ASCII)
_STRING_PREFIX = re.compile(r"^[A-Za-z]{0,2}(\"\"\"|'''|\"|')")
_COMMENT_MARKS = re.compile(r"^\s*(?:/\*+!?|//+!?|#+|\*+/|\*)? ?|\s*\*+/\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes ``start`` to ``end``, half open."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Function:
    """A named callable.

    ``span`` takes in its decorators and what declares it (``export``, ``const f =``), not the
    comments before it; those are ``doc`` where there is no docstring. ``body`` is the body's node,
    braces included. ``signature`` is what stands between decorators and body. ``broken`` says that
    the parser met an error inside.
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
    broken: bool = False


@dataclass(slots=True)
class _Found:
    """What the matches of one body have said so far."""

    node: Node
    body: Span
    kind: FunctionKind
    named: int = -1  # width of the match that named it
    name: str = ""
    receiver: str = ""
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class _Lead:
    """A comment or a decorator, which may belong to what follows it."""

    span: Span
    is_comment: bool


def extract(
    source: bytes, *, path: str, language: Language, blob_id: str, tree: Tree | None = None
) -> list[Function]:
    """Every named callable of a UTF-8 source, by start; ParseTimeout if that takes too long.

    ``tree`` is the source's syntax tree, if the caller has it.
    """
    tree = parse(language, source) if tree is None else tree
    found = _merge(matches(language, tree, *_KINDS), source)
    leads = _Leads(source, captures(language, tree, "decorator", "comment"))
    scopes = _scopes(matches(language, tree, "class", "namespace"), source)
    names = _qualify(found, scopes, source)
    functions = []
    for item, (qualified, in_class) in zip(found, names, strict=True):
        start, end = item.node.start_byte, item.node.end_byte
        start, comment = leads.before(start)
        functions.append(
            Function(
                path=path,
                language=language.name,
                name=item.name,
                qualified_name=qualified,
                kind=_kind(item, language, in_class),
                span=Span(start, end),
                signature=_text(source, leads.after(start), item.body.start).strip(),
                doc=item.doc or comment,
                body=item.body,
                blob_id=blob_id,
                broken=item.node.has_error,
            )
        )
    return sorted(functions, key=lambda function: function.span)


def _merge(found: Iterable[dict[str, list[Node]]], source: bytes) -> list[_Found]:
    """One item for each body: the widest node, its name and the most telling kind. Outer first."""
    items: dict[Span, _Found] = {}
    for match in found:
        kind = next(kind for kind in _KINDS if kind in match)
        node, body_node = match[kind][0], match["body"][0]
        body = Span(body_node.start_byte, body_node.end_byte)
        item = items.setdefault(body, _Found(node, body, kind))
        if _width(node) > _width(item.node):
            item.node = node
        item.kind = min(item.kind, kind, key=_KINDS.index)
        _name(item, match, node, source)
        if "doc" in match:
            item.doc = _clean_docstring(_node_text(source, match["doc"][0]))
    named = [item for item in items.values() if item.name]
    return sorted(named, key=lambda item: (item.node.start_byte, -item.node.end_byte))


def _name(item: _Found, match: dict[str, list[Node]], node: Node, source: bytes) -> None:
    if "name" not in match or _width(node) <= item.named:
        return
    item.named = _width(node)
    item.name = _one_line(_node_text(source, match["name"][0])).strip("\"'")
    receiver = _node_text(source, match["receiver"][0]) if "receiver" in match else ""
    item.receiver = receiver if _SIMPLE_NAME.fullmatch(receiver) else ""


@dataclass(frozen=True, slots=True)
class _Scope:
    span: Span
    name: str
    is_class: bool


def _scopes(found: Iterable[dict[str, list[Node]]], source: bytes) -> list[_Scope]:
    scopes = []
    for match in found:
        is_class = "class" in match
        node = match["class" if is_class else "namespace"][0]
        name = _one_line(_node_text(source, match["scope"][0]))
        scopes.append(_Scope(Span(node.start_byte, node.end_byte), name.strip("\"'"), is_class))
    return scopes


def _qualify(
    found: list[_Found], scopes: list[_Scope], source: bytes
) -> Iterator[tuple[str, bool]]:
    """For each item: its name below those of what holds it, and whether that is a class."""
    inner = [_Scope(item.body, item.name, False) for item in found]
    waiting = sorted([*scopes, *inner], key=lambda s: (s.span.start, -s.span.end), reverse=True)
    open_scopes: list[_Scope] = []
    # Items come by where their node starts, before their own body's scope opens.
    for item in found:
        point = item.node.start_byte
        while waiting and waiting[-1].span.start <= point:
            scope = waiting.pop()
            _close(open_scopes, scope.span.start)
            open_scopes.append(scope)
        _close(open_scopes, point)
        outer = [scope for scope in open_scopes if item.node.end_byte <= scope.span.end]
        parts = [*(scope.name for scope in outer), item.receiver, item.name]
        yield ".".join(part for part in parts if part), bool(outer) and outer[-1].is_class


def _close(open_scopes: list[_Scope], point: int) -> None:
    while open_scopes and open_scopes[-1].span.end <= point:
        open_scopes.pop()


class _Leads:
    """The comments and decorators of one file, asked for those that belong to a definition."""

    def __init__(self, source: bytes, found: dict[str, list[Node]]) -> None:
        self._source = source
        spans = {
            # Some grammars count the line's end as part of a comment.
            Span(node.start_byte, node.start_byte + len(_node_bytes(source, node).rstrip())): name
            for name, nodes in found.items()
            for node in nodes
        }
        self._leads = [_Lead(span, spans[span] == "comment") for span in sorted(spans)]
        self._starts = [lead.span.start for lead in self._leads]

    def before(self, start: int) -> tuple[int, str | None]:
        """Where a definition at ``start`` begins with its decorators, and the comment before it."""
        comments: list[str] = []
        point = start
        for index in range(bisect_right(self._starts, start - 1) - 1, -1, -1):
            lead = self._leads[index]
            if not self._adjacent(lead, point):
                break
            point = lead.span.start
            if lead.is_comment:
                comments.append(_text(self._source, *_ends(lead.span)))
            else:
                start = point
        doc = _clean_comment("\n".join(reversed(comments)))
        return start, doc or None

    def after(self, start: int) -> int:
        """The first byte from ``start`` on that is neither in a decorator nor in a comment."""
        for index in range(bisect_right(self._starts, start - 1), len(self._leads)):
            lead = self._leads[index].span
            if self._source[start : lead.start].strip():
                break
            start = lead.end
        return start

    def _adjacent(self, lead: _Lead, point: int) -> bool:
        """Whether a lead stands alone before ``point``: a comment without a blank line between."""
        gap = self._source[lead.span.end : point]
        if lead.span.end > point or gap.strip() or (lead.is_comment and gap.count(b"\n") > 1):
            return False
        line = self._source.rfind(b"\n", 0, lead.span.start) + 1
        return not lead.is_comment or not self._source[line : lead.span.start].strip()


def _clean_docstring(literal: str) -> str | None:
    opening = _STRING_PREFIX.match(literal)
    if opening is None:
        return None
    quote = opening.group(1)
    return inspect.cleandoc(literal[opening.end() :].removesuffix(quote)).strip() or None


def _clean_comment(comment: str) -> str:
    lines = [_COMMENT_MARKS.sub("", line).rstrip() for line in comment.splitlines()]
    return "\n".join(lines).strip()


def _kind(item: _Found, language: Language, in_class: bool) -> FunctionKind:
    kind: FunctionKind = "method" if in_class and item.kind == "function" else item.kind
    return "constructor" if kind == "method" and item.name in language.constructors else kind


def _width(node: Node) -> int:
    return node.end_byte - node.start_byte


def _ends(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _text(source: bytes, start: int, end: int) -> str:
    return source[start:end].decode("utf-8", errors="replace")


def _node_text(source: bytes, node: Node) -> str:
    return _text(source, node.start_byte, node.end_byte)


def _node_bytes(source: bytes, node: Node) -> bytes:
    return source[node.start_byte : node.end_byte]


def _one_line(text: str) -> str:
    return " ".join(text.split())
