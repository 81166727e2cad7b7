"""The languages we read: one table row and one query file each, and a parser that cannot hang.

Adding a language is a row here, a ``queries/<name>.scm`` and a fixture. Knows the names of
captures, not what any room does with them. A query file may capture:

``@function @method @constructor @lambda``  something callable, with its ``@name``, ``@body``, its
    docstring ``@doc`` and, for a method declared outside its type, the type's name ``@receiver``;
    several names, or receivers, are parts of one; without a ``@body`` it is empty
    (A predicate such as ``#eq?`` makes a query many times slower: see ``Language.constructors``.)
``@maker``  the name of a call that makes its block a callable, if it is one of ``Language.makers``
``@skip``  what only looks like a ``@function``, with its ``@body``
``@class @namespace``  what qualifies a name, with ``@scope``, that name
``@decorator @comment``  what may stand before a definition and belong to it
``@block @statement @arguments @expression @string``  nodes that people write in one go
"""

from __future__ import annotations

import importlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

import tree_sitter
from tree_sitter import Node, Query, QueryCursor, Tree

from homespun_corpus import marks
from homespun_corpus.errors import CorpusError
from homespun_corpus.marks import Marks

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
    no_names: tuple[str, ...] = ()
    """Words that a parser that lost its way takes for a callable's name."""
    makers: tuple[str, ...] = ()
    """Names of calls whose block is a callable (``@maker``), where the grammar does not tell."""
    continues: tuple[str, ...] = ()
    """Words that go on with, or end, the statement above at its own indentation."""
    family: str = ""
    """Languages of one family use each other's files; by itself, the language's own name."""
    files: tuple[str, ...] = ()
    """Names of files that have no telling extension."""
    notebooks: tuple[str, ...] = ()
    """Extensions of files that hold this language in cells: mined, but no source file."""
    blank: bytes = b""
    """Pattern with groups that no grammar can read, as a macro: parsed as if they were space."""
    marks: Marks = marks.UNKNOWN
    """How comments and strings are told from text that may be broken."""


_JS = ("constructor",)
# Where a macro or two halves of an #if mislead the parser, these stand where a name should.
_C_WORDS = ("if", "for", "while", "switch", "return", "else", "do", "sizeof", "defined")
# static void printflike(1, 2) name(…: numbers in brackets are an attribute's, not parameters.
_C_ATTRIBUTE = rb"\b([A-Za-z_]\w*\(\d+(?:,\s*\d+)*\))(?=\s+[A-Za-z_]\w*\()"
# What a macro stands for is not to be known; where it stands tells whether it can be left out.
_CPP_MACROS = b"|".join(
    (
        _C_ATTRIBUTE,
        # class EXPORTED Name {
        rb"\b(?:class|struct)[ \t]+([A-Z][A-Z0-9_]+(?:\([^()\n]*\))?)"
        rb"\s+(?=\w+\s*(?:final\s*)?[:{])",
        # void name() LOCKS_EXCLUDED(mutex) {
        rb"\)\s*(?:const\s+)?([A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\([^()\n]*\))?)(?=\s*\{)",
        # LIBRARY_INLINE void name() {
        rb"\b([A-Z][A-Z0-9_]*_(?:API|CONSTEXPR\w*|EXPORT|INLINE|NODISCARD|NORETURN))(?=\s+[\w~])",
        # DEFINE_FLAG(name, 1), alone on its lines
        rb"^([A-Z][A-Z0-9_]*\([^{}]{0,300}?\));?[ \t]*$(?!\s*[{:])",
    )
)

LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        (".py", ".pyi", ".pyw"),
        "tree_sitter_python",
        "python",
        "#",
        constructors=("__init__",),
        notebooks=(".ipynb",),
        marks=marks.PYTHON,
    ),
    Language(
        "javascript",
        (".js", ".mjs", ".cjs", ".jsx"),
        "tree_sitter_javascript",
        "javascript",
        "//",
        constructors=_JS,
        family="js",
        marks=marks.SCRIPT,
    ),
    Language(
        "typescript",
        (".ts", ".mts", ".cts"),
        "tree_sitter_typescript",
        "typescript",
        "//",
        "language_typescript",
        constructors=_JS,
        family="js",
        marks=marks.SCRIPT,
    ),
    Language(
        "tsx",
        (".tsx",),
        "tree_sitter_typescript",
        "typescript",
        "//",
        "language_tsx",
        constructors=_JS,
        family="js",
        marks=marks.SCRIPT,
    ),
    Language("go", (".go",), "tree_sitter_go", "go", "//", marks=marks.SCRIPT),
    Language("rust", (".rs",), "tree_sitter_rust", "rust", "//", marks=marks.RUST),
    Language("java", (".java",), "tree_sitter_java", "java", "//", family="jvm", marks=marks.JAVA),
    Language(
        "c",
        (".c",),
        "tree_sitter_c",
        "c",
        "//",
        no_names=_C_WORDS,
        family="c",
        blank=_C_ATTRIBUTE,
        marks=marks.C,
    ),
    Language(
        "cpp",
        # The C++ grammar reads nearly all of C, not the other way round: so it gets the headers.
        (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".h", ".inl", ".ipp"),
        "tree_sitter_cpp",
        "cpp",
        "//",
        no_names=_C_WORDS,
        family="c",
        blank=_CPP_MACROS,
        marks=marks.CPP,
    ),
    Language("csharp", (".cs", ".csx"), "tree_sitter_c_sharp", "csharp", "//", marks=marks.CSHARP),
    Language(
        "ruby",
        (".rb", ".rake", ".gemspec", ".ru"),
        "tree_sitter_ruby",
        "ruby",
        "#",
        constructors=("initialize",),
        makers=("lambda", "proc", "define_method", "define_singleton_method"),
        continues=("elsif", "when", "in", "rescue", "ensure", "end"),
        files=("Rakefile", "Gemfile", "Guardfile", "Capfile", "Vagrantfile"),
        marks=marks.RUBY,
    ),
    Language(
        "php",
        (".php", ".phtml"),
        "tree_sitter_php",
        "php",
        "//",
        "language_php",
        constructors=("__construct",),
        continues=("elseif",),
        marks=marks.PHP,
    ),
    Language(
        "kotlin",
        (".kt", ".kts"),
        "tree_sitter_kotlin",
        "kotlin",
        "//",
        family="jvm",
        marks=marks.JAVA,
    ),
    Language("swift", (".swift",), "tree_sitter_swift", "swift", "//", marks=marks.JAVA),
    Language(
        "scala",
        (".scala", ".sc"),
        "tree_sitter_scala",
        "scala",
        "//",
        constructors=("this",),
        family="jvm",
        marks=marks.SCALA,
    ),
    Language(
        "bash",
        (".sh", ".bash"),
        "tree_sitter_bash",
        "bash",
        "#",
        continues=("then", "do", "fi", "done", "esac"),
        files=(".bashrc", ".bash_profile", ".bash_aliases", ".profile"),
        marks=marks.BASH,
    ),
    Language(
        "lua",
        (".lua",),
        "tree_sitter_lua",
        "lua",
        "--",
        continues=("elseif", "until", "end"),
        marks=marks.LUA,
    ),
)

_BY_EXTENSION = {ext: language for language in LANGUAGES for ext in language.extensions}
_BY_NOTEBOOK = {ext: language for language in LANGUAGES for ext in language.notebooks}
_BY_FILE = {name: language for language in LANGUAGES for name in language.files}
_BY_NAME = {language.name: language for language in LANGUAGES}


def language_for(path: str) -> Language | None:
    """The language of a file, by its extension or name; None where we have none."""
    file = PurePosixPath(path)
    return _BY_EXTENSION.get(file.suffix.lower()) or _BY_FILE.get(file.name)


def mined_language(path: str) -> Language | None:
    """The language of what mining reads in a file: ``language_for``, or that of its cells."""
    return language_for(path) or _BY_NOTEBOOK.get(PurePosixPath(path).suffix.lower())


def by_name(name: str) -> Language:
    """The table's row for ``name``; KeyError where there is none."""
    return _BY_NAME[name]


def parse(language: Language, source: bytes, *, seconds: float = PARSE_SECONDS) -> Tree:
    """The syntax tree of UTF-8 ``source``; ParseTimeout after ``seconds``."""
    parser = tree_sitter.Parser(grammar(language))
    source = _blanked(language.blank, source) if language.blank else source
    pieces = _pieces()
    late = _deadline(seconds)
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


def _blanked(pattern: bytes, source: bytes) -> bytes:
    """The source with spaces for what cannot be read, every other byte in its place."""

    def blank(match: re.Match[bytes]) -> bytes:
        start, end = (at - match.start() for at in match.span(match.lastindex or 0))
        return match[0][:start] + b" " * (end - start) + match[0][end:]

    return re.sub(pattern, blank, source, flags=re.MULTILINE)


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


def _too_late(seconds: float) -> ParseTimeout:
    return ParseTimeout(f"parsing takes more than {seconds:g} s: file left out")


def _deadline(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
