"""The languages we read: one table row and one query file each, and a parser that cannot hang.

Adding a language is a row here, a ``queries/<name>.scm`` and a fixture. Knows the names of
captures, not what any room does with them. A query file may capture:

``@function @method @constructor @lambda``  something callable, with its ``@name``, ``@body``, its
    docstring ``@doc`` and, for a method declared outside its type, the type's name ``@receiver``
    (A predicate such as ``#eq?`` makes a query many times slower: see ``Language.constructors``.)
``@class @namespace``  what qualifies a name, with ``@scope``, that name
``@decorator @comment``  what may stand before a definition and belong to it
``@block @statement @arguments @expression @string``  nodes that people write in one go
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

import tree_sitter
from tree_sitter import Node, Query, QueryCursor, Tree

from homespun_corpus.errors import CorpusError

PARSE_SECONDS = 5.0  # a file that takes longer than this to parse is left out
MAX_DEPTH = 500  # deeper nodes are not searched; code that people write stays below 100
MAX_ERROR_TOKENS = 10_000  # searching the children of an error node takes quadratic time
_CHUNK = 1 << 13  # bytes handed to the parser at a time


class ParseTimeout(CorpusError):
    """A file takes too long to parse."""


@dataclass(frozen=True, slots=True)
class Language:
    """One row of the table."""

    name: str
    extensions: tuple[str, ...]
    module: str
    """Import name of the grammar wheel."""
    query: str
    """Stem of the query file."""
    comment: str
    """What begins a comment that runs to the end of the line."""
    factory: str = "language"
    """The function of the module that makes the grammar."""
    constructors: tuple[str, ...] = ()
    """Names that make a method a constructor, where the grammar does not tell."""


_JS = ("constructor",)

LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        (".py", ".pyi", ".pyw"),
        "tree_sitter_python",
        "python",
        "#",
        constructors=("__init__",),
    ),
    Language(
        "javascript",
        (".js", ".mjs", ".cjs", ".jsx"),
        "tree_sitter_javascript",
        "javascript",
        "//",
        constructors=_JS,
    ),
    Language(
        "typescript",
        (".ts", ".mts", ".cts"),
        "tree_sitter_typescript",
        "typescript",
        "//",
        "language_typescript",
        constructors=_JS,
    ),
    Language(
        "tsx",
        (".tsx",),
        "tree_sitter_typescript",
        "typescript",
        "//",
        "language_tsx",
        constructors=_JS,
    ),
    Language("go", (".go",), "tree_sitter_go", "go", "//"),
    Language("rust", (".rs",), "tree_sitter_rust", "rust", "//"),
)

_BY_EXTENSION = {ext: language for language in LANGUAGES for ext in language.extensions}
_BY_NAME = {language.name: language for language in LANGUAGES}


def language_for(path: str) -> Language | None:
    """The language of a file, by its extension; None where we have none."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower())


def by_name(name: str) -> Language:
    """The table's row for ``name``; KeyError where there is none."""
    return _BY_NAME[name]


def parse(language: Language, source: bytes, *, seconds: float = PARSE_SECONDS) -> Tree:
    """The syntax tree of UTF-8 ``source``; ParseTimeout after ``seconds``."""
    parser = tree_sitter.Parser(grammar(language))
    late = _deadline(seconds)
    try:
        # Only a source that is read in pieces may be interrupted.
        tree = parser.parse(
            lambda byte, _point: source[byte : byte + _CHUNK],
            progress_callback=lambda _byte, _has_error: late(),
        )
    except ValueError as error:
        raise ParseTimeout(f"parsing takes more than {seconds:g} s: file left out") from error
    _check_errors(tree)
    return tree


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
    file = resources.files(__package__) / "queries" / f"{language.query}.scm"
    text = file.read_bytes()
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
            raise ParseTimeout(f"{node.child_count} tokens make no sense to the parser: left out")


def _deadline(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
