"""What marks comments and strings in a language: the one table of it, for whoever has no tree.

Patterns are regular expressions, to be compiled with ``re.MULTILINE``. In ``strings``, a named
group of one or two letters holds what ends it, and nothing else has so short a name; a text may
stop before the end. A string that began above the text, or an odd apostrophe, must not swallow the
rest of it: so a quoted string ends with its line even where the language lets it go on. Knows no
brackets.
"""

from __future__ import annotations

import re
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
_NOTHING = r"(?!)"


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
    strings: str = _QUOTED
    """Pattern of a string."""
    triple_quotes: bool = False
    """Whether three quotes begin and end strings that may span lines, and no comment does."""
    backticks: bool = False
    """Whether what stands between two backticks is one token: a string, a name, a command. So it is
    in all languages with slashes: those that have no use for a backtick have none in their code."""
    ignored: str = _NOTHING
    """Pattern of brackets that are none."""

    @property
    def comments(self) -> str:
        """Pattern of a comment. A block's mark may begin with a line's, so it is tried first."""
        kinds = []
        if self.block_comment is not None:
            begin, end = map(re.escape, self.block_comment)
            kinds.append(rf"{begin}(?:.|\n)*?(?:{end}|\Z)")
        if line := self.line_begins or re.escape(self.line_comment):
            kinds.append(rf"(?:{line})[^\n]*")
        return "|".join(kinds) or _NOTHING


def _with_slashes(strings: str = _QUOTED, line_begins: str = "") -> LexicalRules:
    return LexicalRules("//", ("/*", "*/"), line_begins, strings=strings, backticks=True)


UNKNOWN = LexicalRules()
PYTHON = LexicalRules("#", strings=f"{_TRIPLE}|{_QUOTED}", triple_quotes=True)
SCRIPT = _with_slashes(f"{_TEMPLATE}|{_REGEX}|{_QUOTED}")
RUST = _with_slashes(_RUST)
C = _with_slashes()
CPP = _with_slashes(_CPP)
JAVA = _with_slashes(f"{_TEXT_BLOCK}|{_QUOTED}")
CSHARP = _with_slashes(f"{_TEXT_BLOCK}|{_VERBATIM}|{_QUOTED}")
SCALA = _with_slashes(rf'{_TEXT_BLOCK}|"(?:\\.|[^"\\\n])*(?:(?P<q>")|\\?$)|{_CHARACTER}')
PHP = _with_slashes(line_begins=r"//|#(?!\[)")
RUBY = LexicalRules("#", line_begins=r"#(?!\{)", strings=f"{_REGEX}|{_QUOTED}")
# The closing bracket of a case's pattern has no partner.
BASH = LexicalRules("#", line_begins=r"(?<!\S)#", ignored=r"(?<=\n)[ \t]*[^\s()#\"']+\)")
LUA = LexicalRules(
    "--",
    ("--[[", "]]"),
    margins=(r"--\[\[|--+", r"\]\]"),
    strings=f"{_LONG_LUA}|{_QUOTED}",
)
