"""What marks comments and strings in a language, for code that is too broken to parse.

Regular expressions, to be compiled with ``re.MULTILINE``. In a string's, a named group of one or
two letters holds what ends it, and nothing else has so short a name; a text may stop before the
end. A string that began above the text, or an odd apostrophe, must not swallow the rest of it: so
a quoted string ends with its line even where the language lets it go on. Knows no brackets.
"""

from __future__ import annotations

from dataclasses import dataclass

_QUOTED = r'"(?:\\.|[^"\\\n])*(?:(?P<q>")|\\?$)|\'(?:\\.|[^\'\\\n])*(?:(?P<s>\')|\\?$)'
_TRIPLE = r'(?P<triple>"""|\'\'\')(?:\\(?:.|\n)|[^\\])*?(?:(?P<t>(?P=triple))|\\?\Z)'
_TEXT_BLOCK = r'"""(?:\\(?:.|\n)|[^\\])*?(?:(?P<t>""")|\\?\Z)'
_VERBATIM = r'(?:@\$?|\$@)"(?:[^"]|"")*(?:(?P<v>")|\Z)'  # a backslash is a backslash
_TEMPLATE = r"`(?:\\(?:.|\n)|[^`\\])*(?:(?P<b>`)|\\?\Z)"
# A slash where no division can stand begins a regular expression.
_REGEX = (
    r"(?<=[(,=:\[!&|?;{}])[ \t]*/(?![*/])"
    r"(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+(?:(?P<r>/)|\\?$)"
)
# A quote that no other follows closely begins a lifetime, a symbol or a type.
_CHARACTER = r"'(?:\\[^'\n]+|[^'\\\n])(?P<s>')"
_RUST = (
    r'r(?P<hash>#+)"(?:.|\n)*?(?:(?P<h>"(?P=hash))|\Z)|"(?:\\(?:.|\n)|[^"\\])*(?:(?P<q>")|\\?\Z)|'
    + _CHARACTER
)
_RAW_CPP = r'R"(?P<delimiter>[^\s()\\]{0,16})\((?:.|\n)*?(?:(?P<d>\)(?P=delimiter)")|\Z)'
# Between two digits an apostrophe groups them.
_CPP = rf"{_RAW_CPP}|(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])(?P<g>)|{_QUOTED}"
_LONG_LUA = r"\[(?P<level>=*)\[(?:.|\n)*?(?:(?P<l>\](?P=level)\])|\Z)"
_HASH = r"#[^\n]*"
_SLASHES = r"//[^\n]*|/\*(?:.|\n)*?(?:\*/|\Z)"


@dataclass(frozen=True, slots=True)
class LexicalRules:
    """``comments`` and ``strings``: what matches one. ``ignored``: brackets that are none."""

    comments: str = r"(?!)"
    strings: str = _QUOTED
    ignored: str = r"(?!)"
    long_comment: tuple[str, str] | None = None
    """What begins and ends a comment that may span lines."""
    triple_quotes: bool = False
    """Whether three quotes begin and end strings that may span lines, and no comment does."""


_C_COMMENT = ("/*", "*/")

UNKNOWN = LexicalRules()
PYTHON = LexicalRules(_HASH, f"{_TRIPLE}|{_QUOTED}", triple_quotes=True)
SCRIPT = LexicalRules(_SLASHES, f"{_TEMPLATE}|{_REGEX}|{_QUOTED}", long_comment=_C_COMMENT)
RUST = LexicalRules(_SLASHES, _RUST, long_comment=_C_COMMENT)
C = LexicalRules(_SLASHES, _QUOTED, long_comment=_C_COMMENT)
CPP = LexicalRules(_SLASHES, _CPP, long_comment=_C_COMMENT)
JAVA = LexicalRules(_SLASHES, f"{_TEXT_BLOCK}|{_QUOTED}", long_comment=_C_COMMENT)
CSHARP = LexicalRules(_SLASHES, f"{_TEXT_BLOCK}|{_VERBATIM}|{_QUOTED}", long_comment=_C_COMMENT)
SCALA = LexicalRules(
    _SLASHES,
    rf'{_TEXT_BLOCK}|"(?:\\.|[^"\\\n])*(?:(?P<q>")|\\?$)|{_CHARACTER}',
    long_comment=_C_COMMENT,
)
PHP = LexicalRules(rf"#(?!\[)[^\n]*|{_SLASHES}", _QUOTED, long_comment=_C_COMMENT)
RUBY = LexicalRules(r"#(?!\{)[^\n]*", f"{_REGEX}|{_QUOTED}")
# The closing bracket of a case's pattern has no partner.
BASH = LexicalRules(r"(?<!\S)#[^\n]*", _QUOTED, ignored=r"(?<=\n)[ \t]*[^\s()#\"']+\)")
LUA = LexicalRules(
    r"--\[\[(?:.|\n)*?(?:\]\]|\Z)|--[^\n]*", f"{_LONG_LUA}|{_QUOTED}", long_comment=("--[[", "]]")
)
