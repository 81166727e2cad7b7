"""What marks comments and strings in a language: the one table of it, for whoever has no tree.

Patterns are regular expressions, to be compiled with ``re.MULTILINE``. A string that began above
the text, or an odd apostrophe, must not swallow the rest of it: so a quoted string ends with its
line even where the language lets it go on. Knows no brackets but those around code in strings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from re import escape

_NOTHING = r"(?!)"
_ESCAPE = r"\\."
_ESCAPE_OR_LINE = r"\\(?:.|\n)"
# In a raw string a backslash is a backslash; but before a bracket it is most likely a pattern's.
_RAW = r"\\[()\[\]{}]"
_BRACES_TWICE = r"\{\{|\}\}"


@dataclass(frozen=True, slots=True)
class StringRule:
    """One kind of string."""

    begin: str
    """Pattern of what begins it."""
    end: str
    """What ends it: text in which ``\\g<name>`` stands for a group of ``begin``."""
    escapes: str = _ESCAPE
    """Pattern of what neither ends it nor opens anything in it."""
    holes: tuple[tuple[str, str], ...] = ()
    """Code in it: the pattern of what begins it, and the bracket that ends it."""
    spans_lines: bool = False


def _multiline(
    begin: str, end: str, escapes: str = _ESCAPE_OR_LINE, holes: tuple[tuple[str, str], ...] = ()
) -> StringRule:
    return StringRule(begin, end, escapes, holes, spans_lines=True)


_DOLLAR = ((r"\$\{", "}"),)
_BRACE = ((r"\{", "}"),)
_DOUBLE, _SINGLE, _BACKTICK = StringRule('"', '"'), StringRule("'", "'"), StringRule("`", "`")
_QUOTED = (_DOUBLE, _SINGLE)
_TEXT_BLOCK = _multiline('"{3}', '"""')
_F_PREFIX = r"(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])"
_TRIPLE = r"(?P<quote>\"{3}|'{3})"
_PYTHON = (
    _multiline(_F_PREFIX + _TRIPLE, r"\g<quote>", rf"{_ESCAPE_OR_LINE}|{_BRACES_TWICE}", _BRACE),
    _multiline(_TRIPLE, r"\g<quote>"),
    StringRule(_F_PREFIX + "(?P<quote>[\"'])", r"\g<quote>", rf"{_ESCAPE}|{_BRACES_TWICE}", _BRACE),
    *_QUOTED,
)
# Behind a letter an apostrophe is one, as in the text of a page or of JSX; but for words of code.
_NO_APOSTROPHE = StringRule(
    r"(?:(?<!\w)|(?<=\breturn)|(?<=\bcase)|(?<=\bfrom)|(?<=\bimport)|(?<=\btypeof))'", "'"
)
# A slash where no division can stand begins a regular expression.
_BEFORE_REGEX = r"[(,=:\[!&|?;{}~]"
_REGEX = StringRule(
    rf"(?:(?<={_BEFORE_REGEX}[ \t])|(?<={_BEFORE_REGEX})[ \t]*)/(?![*/])",
    "/",
    r"\\.|\[(?:\\.|[^\]\\\n])*\]",
)
_SCRIPT = (_multiline("`", "`", holes=_DOLLAR), _REGEX, _DOUBLE, _NO_APOSTROPHE)
_GO = (_multiline("`", "`", _RAW), *_QUOTED)
# A quote that no other follows closely begins a lifetime, a symbol or a type.
_CHARACTER = StringRule(r"'(?=\\|[^'\\\n]?')", "'")
_RUST = (
    _multiline(r"(?<!\w)[bc]?r(?P<hash>#*)\"", r'"\g<hash>', _RAW),
    _multiline('"', '"'),
    _CHARACTER,
)
_CPP = (
    _multiline(r'R"(?P<delimiter>[^\s()\\]{0,16})\(', r')\g<delimiter>"', _RAW),
    *_QUOTED,
)
_CSHARP = (
    _multiline(r'\$+"{3}', '"""', _RAW, _BRACE),
    _multiline('"{3}', '"""', _RAW),
    _multiline(r'(?:\$@|@\$)"', '"', rf'""|{_BRACES_TWICE}', _BRACE),
    _multiline('@"', '"', rf'""|{_RAW}'),
    StringRule(r'\$"', '"', rf"{_ESCAPE}|{_BRACES_TWICE}", _BRACE),
    *_QUOTED,
)
_KOTLIN = (
    _multiline('"{3}', '"""', _RAW, _DOLLAR),
    StringRule('"', '"', holes=_DOLLAR),
    _SINGLE,
)
_SWIFT = (
    _multiline(r'(?P<hash>#+)"{3}', r'"""\g<hash>', _RAW, ((r"\\#+\(", ")"),)),
    StringRule(r'(?P<hash>#+)"', r'"\g<hash>', _RAW, ((r"\\#+\(", ")"),)),
    _multiline('"{3}', '"""', holes=((r"\\\(", ")"),)),
    StringRule('"', '"', holes=((r"\\\(", ")"),)),
)
_SCALA = (
    _multiline(r'(?<!\w)[a-zA-Z]\w*"{3}', '"""', rf"\$\$|{_RAW}", _DOLLAR),
    _multiline('"{3}', '"""', _RAW),
    StringRule(r'(?<!\w)[a-zA-Z]\w*"', '"', rf"{_ESCAPE}|\$\$", _DOLLAR),
    _DOUBLE,
    _CHARACTER,
)
_PHP = (StringRule('"', '"', holes=((r"\{(?=\$)|\$\{", "}"),)), _SINGLE, _BACKTICK)
_RUBY_HOLES = ((r"#\{", "}"),)
_RUBY = (
    replace(_REGEX, holes=_RUBY_HOLES),
    replace(_DOUBLE, holes=_RUBY_HOLES),
    replace(_BACKTICK, holes=_RUBY_HOLES),
    _SINGLE,
)
_BASH = (
    StringRule('"', '"', holes=((r"\$\(", ")"), *_DOLLAR)),
    StringRule("'", "'", _NOTHING),
    _BACKTICK,
)
_LONG_LUA = _multiline(r"\[(?P<level>=*)\[", r"]\g<level>]", _NOTHING)
# In texts of any kind, a backtick that has no other on its line may mean anything.
_ANY = (_DOUBLE, _NO_APOSTROPHE, replace(_BACKTICK, begin=r"`(?=[^`\n]*`)"))


@dataclass(frozen=True, slots=True)
class LexicalRules:
    """How one language marks comments and strings; without marks, what may hold for any."""

    line_comment: str = ""
    """What begins a comment that runs to the end of the line."""
    block_comment: tuple[str, str] | None = None
    """What begins and ends a comment that may span lines."""
    line_begins: str = ""
    """Pattern of what begins a line comment, where it is not just ``line_comment``."""
    margins: tuple[str, str] = (r"/\*+!?|//+!?|#+|\*+/|\*", r"\*+/")
    """Patterns of what a comment's line begins and ends with that is no text: the marks, more of
    the same, stars down the side. In all languages without dashes they are told alike."""
    strings: tuple[StringRule, ...] = _ANY
    """The kinds of string, the first that fits first."""
    triple_quotes: bool = False
    """Whether three quotes begin and end strings that may span lines, and no comment does."""
    backticks: bool = False
    """Whether what stands between two backticks is one token: a string, a name, a command. So it is
    in all languages with slashes: those that have no use for a backtick have none in their code."""
    ignored: str = _NOTHING
    """Pattern of brackets and quotes that are none."""

    @property
    def comments(self) -> str:
        """Pattern of a comment. A block's mark may begin with a line's, so it is tried first."""
        kinds = []
        if self.block_comment is not None:
            begin, end = map(escape, self.block_comment)
            kinds.append(rf"{begin}(?:.|\n)*?(?:{end}|\Z)")
        if line := self.line_begins or escape(self.line_comment):
            kinds.append(rf"(?:{line})[^\n]*")
        return "|".join(kinds) or _NOTHING


def _with_slashes(
    strings: tuple[StringRule, ...], line_begins: str = "", ignored: str = _NOTHING
) -> LexicalRules:
    return LexicalRules(
        "//", ("/*", "*/"), line_begins, strings=strings, backticks=True, ignored=ignored
    )


UNKNOWN = LexicalRules()
PYTHON = LexicalRules("#", strings=_PYTHON, triple_quotes=True)
SCRIPT = _with_slashes(_SCRIPT)
GO = _with_slashes(_GO)
RUST = _with_slashes(_RUST)
C = _with_slashes(_QUOTED)
# Between two digits an apostrophe groups them.
CPP = _with_slashes(_CPP, ignored=r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])")
JAVA = _with_slashes((_TEXT_BLOCK, *_QUOTED))
KOTLIN = _with_slashes(_KOTLIN)
SWIFT = _with_slashes(_SWIFT)
CSHARP = _with_slashes(_CSHARP)
SCALA = _with_slashes(_SCALA)
PHP = _with_slashes(_PHP, line_begins=r"//|#(?!\[)")
RUBY = LexicalRules("#", line_begins=r"#(?!\{)", strings=_RUBY)
# The closing bracket of a case's pattern has no partner.
BASH = LexicalRules(
    "#",
    line_begins=r"(?<!\S)#",
    strings=_BASH,
    ignored=r"(?<=\n)[ \t]*[^\s()#\"']+\)",
)
LUA = LexicalRules(
    "--",
    ("--[[", "]]"),
    margins=(r"--\[\[|--+", r"\]\]"),
    strings=(_LONG_LUA, *_QUOTED),
)
