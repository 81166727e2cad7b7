"""The languages we read: one table row and one query file each.

Adding a language is a row here, a ``queries/<name>.scm`` and a fixture. Knows the names of
captures, not what any room does with them, and no parser (``parsing``). A query file may capture:

``@function @method @constructor @lambda``  something callable, with its ``@name``, ``@body``, its
    docstring ``@doc`` and, for a method declared outside its type, the type's name ``@receiver``;
    several names, receivers or bodies are parts of one; without a ``@body`` it is empty
    (A predicate such as ``#eq?`` makes a query many times slower: see ``Language.constructors``.)
``@class``  a class, an interface, a struct, a trait or an enum, with ``@name``, ``@body``, ``@doc``
``@maker``  the name of a call that makes its block a callable, if it is one of ``Language.makers``
``@skip``  what only looks like a ``@function``, with its ``@body``
``@type @namespace``  what else qualifies a name, with ``@scope``, that name: of a type's methods,
    or of whatever is in it
``@decorator @comment``  what may stand before a definition and belong to it
``@block @statement @arguments @expression @string``  nodes that people write in one go
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

from homespun_corpus.syntax import lexical
from homespun_corpus.syntax.lexical import LexicalRules

REMEMBERED = 1 << 16  # paths whose language is known without looking again
SHEBANG_BYTES = 256  # what a kernel reads of a first line


Ends = Literal["", "no colon", "line break", "semicolon", "end"]


@dataclass(frozen=True, slots=True)
class Language:
    """One row of the table."""

    name: str
    extensions: tuple[str, ...]
    module: str
    """Import name of the grammar wheel."""
    query: str
    """Stem of the query file."""
    lexical: LexicalRules
    """How comments and strings are told without a tree, as from text that may be broken."""
    factory: str = "language"
    """The function of the module that makes the grammar."""
    constructors: tuple[str, ...] = ()
    """Names that make a method a constructor, where the grammar does not tell."""
    no_names: tuple[str, ...] = ()
    """Words that a parser that lost its way takes for a callable's name."""
    makers: tuple[str, ...] = ()
    """Names of calls whose block is a callable (``@maker``), where the grammar does not tell; its
    kind may be on several nodes, of which it takes all."""
    continues: tuple[str, ...] = ()
    """Words that go on with, or end, the statement above at its own indentation."""
    family: str = ""
    """Languages of one family use each other's files; by itself, the language's own name."""
    files: tuple[str, ...] = ()
    """Names of files that have no telling extension."""
    interpreters: tuple[str, ...] = ()
    """Programs that a script without an extension names in its first line, without a version."""
    notebooks: tuple[str, ...] = ()
    """Extensions of files that hold this language in cells: mined, but no source file."""
    shared_query: str = ""
    """Stem of a query file that goes before its own: what it has in common with its kin."""
    blank: bytes = b""
    """Pattern with groups that no grammar can read, as a macro: parsed as if they were space."""
    ends: Ends = ""
    """What tells that a line ends a statement, or opens nothing: of others it is not known."""


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
        # TEST_CASE_TEMPLATE("name", T, int, char) {
        rb"\b(?:TEST_CASE_TEMPLATE|TEMPLATE_TEST_CASE\w*)\([^{}\"]{0,80}\"[^\"\n]*\"([^{};]{0,500})\)\s*\{",
        # DEFINE_FLAG(name, 1), alone on its lines
        rb"^([A-Z][A-Z0-9_]*\([^{}]{0,300}?\));?[ \t]*$(?!\s*[{:])",
    )
)

# Of Catch2 and doctest: TEST_CASE("what it shows", "[tag]") {
_CPP_TESTS = (
    *("TEST_CASE", "TEST_CASE_METHOD", "TEST_CASE_FIXTURE", "TEST_CASE_TEMPLATE"),
    *("TEST_CASE_PERSISTENT_FIXTURE", "TEMPLATE_TEST_CASE", "TEMPLATE_TEST_CASE_METHOD"),
    *("SCENARIO", "SCENARIO_METHOD", "SCENARIO_TEMPLATE"),
)

LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        (".py", ".pyi", ".pyw"),
        "tree_sitter_python",
        "python",
        lexical.PYTHON,
        constructors=("__init__",),
        interpreters=("python", "pypy", "uv"),
        notebooks=(".ipynb",),
        ends="no colon",
    ),
    Language(
        "javascript",
        (".js", ".mjs", ".cjs", ".jsx"),
        "tree_sitter_javascript",
        "javascript",
        lexical.SCRIPT,
        constructors=_JS,
        interpreters=("node", "nodejs"),
        family="js",
        shared_query="ecmascript",
        ends="semicolon",
    ),
    Language(
        "typescript",
        (".ts", ".mts", ".cts"),
        "tree_sitter_typescript",
        "typescript",
        lexical.SCRIPT,
        "language_typescript",
        constructors=_JS,
        interpreters=("ts-node", "tsx", "deno", "bun"),
        family="js",
        shared_query="ecmascript",
        ends="semicolon",
    ),
    Language(
        "tsx",
        (".tsx",),
        "tree_sitter_typescript",
        "typescript",
        lexical.SCRIPT,
        "language_tsx",
        constructors=_JS,
        family="js",
        shared_query="ecmascript",
        ends="semicolon",
    ),
    Language("go", (".go",), "tree_sitter_go", "go", lexical.GO, ends="line break"),
    Language("rust", (".rs",), "tree_sitter_rust", "rust", lexical.RUST, ends="semicolon"),
    Language(
        "java",
        (".java",),
        "tree_sitter_java",
        "java",
        lexical.JAVA,
        family="jvm",
        ends="semicolon",
    ),
    Language(
        "c",
        (".c",),
        "tree_sitter_c",
        "c",
        lexical.C,
        no_names=_C_WORDS,
        family="c",
        blank=_C_ATTRIBUTE,
        ends="semicolon",
    ),
    Language(
        "cpp",
        # The C++ grammar reads nearly all of C, not the other way round: so it gets the headers.
        (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".h", ".inl", ".ipp"),
        "tree_sitter_cpp",
        "cpp",
        lexical.CPP,
        no_names=_C_WORDS,
        makers=_CPP_TESTS,
        family="c",
        blank=_CPP_MACROS,
        ends="semicolon",
    ),
    Language(
        "csharp",
        (".cs", ".csx"),
        "tree_sitter_c_sharp",
        "csharp",
        lexical.CSHARP,
        ends="semicolon",
    ),
    Language(
        "ruby",
        (".rb", ".rake", ".gemspec", ".ru"),
        "tree_sitter_ruby",
        "ruby",
        lexical.RUBY,
        constructors=("initialize",),
        makers=("lambda", "proc", "define_method", "define_singleton_method"),
        continues=("elsif", "when", "in", "rescue", "ensure", "end"),
        files=("Rakefile", "Gemfile", "Guardfile", "Capfile", "Vagrantfile"),
        interpreters=("ruby", "jruby"),
        ends="end",
    ),
    Language(
        "php",
        (".php", ".phtml"),
        "tree_sitter_php",
        "php",
        lexical.PHP,
        "language_php",
        constructors=("__construct",),
        continues=("elseif",),
        interpreters=("php",),
        ends="semicolon",
    ),
    Language(
        "kotlin",
        (".kt", ".kts"),
        "tree_sitter_kotlin",
        "kotlin",
        lexical.KOTLIN,
        family="jvm",
        ends="semicolon",
    ),
    Language(
        "swift",
        (".swift",),
        "tree_sitter_swift",
        "swift",
        lexical.SWIFT,
        interpreters=("swift",),
        ends="semicolon",
    ),
    Language(
        "scala",
        (".scala", ".sc"),
        "tree_sitter_scala",
        "scala",
        lexical.SCALA,
        constructors=("this",),
        interpreters=("scala", "scala-cli"),
        family="jvm",
        ends="semicolon",
    ),
    Language(
        "bash",
        (".sh", ".bash"),
        "tree_sitter_bash",
        "bash",
        lexical.BASH,
        continues=("then", "do", "fi", "done", "esac"),
        files=(".bashrc", ".bash_profile", ".bash_aliases", ".profile"),
        interpreters=("bash", "sh", "dash", "ash", "ksh", "zsh"),
        ends="end",
    ),
    Language(
        "lua",
        (".lua",),
        "tree_sitter_lua",
        "lua",
        lexical.LUA,
        continues=("elseif", "until", "end"),
        interpreters=("lua", "luajit"),
        ends="end",
    ),
)

TEXT = Language("", (), "", "", lexical.UNKNOWN)
"""What a file is read as whose language is none of these: lines."""

_BY_EXTENSION = {ext: language for language in LANGUAGES for ext in language.extensions}
_BY_NOTEBOOK = {ext: language for language in LANGUAGES for ext in language.notebooks}
_BY_FILE = {name: language for language in LANGUAGES for name in language.files}
_BY_INTERPRETER = {name: language for language in LANGUAGES for name in language.interpreters}
_BY_NAME = {language.name: language for language in (*LANGUAGES, TEXT)}


@lru_cache(REMEMBERED)
def language_for(path: str) -> Language | None:
    """The language of a file, by its extension or name; None where we have none."""
    file = PurePosixPath(path)
    return _BY_EXTENSION.get(file.suffix.lower()) or _BY_FILE.get(file.name)


@lru_cache(REMEMBERED)
def mined_language(path: str) -> Language | None:
    """The language of what mining reads in a file: ``language_for``, or that of its cells."""
    return language_for(path) or _BY_NOTEBOOK.get(PurePosixPath(path).suffix.lower())


def may_be_script(path: str) -> bool:
    """Whether only what stands in a file can tell its language: its name has no ending."""
    return mined_language(path) is None and not PurePosixPath(path).suffix


def language_in(path: str, source: bytes) -> Language | None:
    """The language of a file: ``language_for``, or that of the interpreter that a script without an
    ending names in its first line."""
    return language_for(path) or (script_language(source) if may_be_script(path) else None)


def script_language(source: bytes) -> Language | None:
    """The language of the interpreter that the first line names, behind ``env`` and its options."""
    line = source[:SHEBANG_BYTES].partition(b"\n")[0].decode("utf-8", "replace")
    if not line.startswith("#!"):
        return None
    for word in line[2:].split():
        name = PurePosixPath(word).name
        if name != "env" and not word.startswith("-") and "=" not in word:
            return _BY_INTERPRETER.get(name.rstrip("0123456789."))
    return None


def by_name(name: str) -> Language:
    """The table's row for ``name``; KeyError where there is none."""
    return _BY_NAME[name]
