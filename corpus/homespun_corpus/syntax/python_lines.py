"""Where the logical lines of Python end, and what stands out in them, without a parser.

Reads text that no parser may have, such as a notebook's: what is in brackets, strings and behind a
backslash belongs to one line. Knows nothing of notebooks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_NESTED = 50  # f-strings in each other: deeper ones are read as plain strings

_TOKEN = re.compile(
    r"""(?P<space>[ \t\f]+|\\\n|\#[^\n]*)
    |(?P<end>\n)
    |(?P<prefix>(?:[fFtT][rR]?|[rR][fFtTbB]?|[bBuU][rR]?)?)(?P<quote>'''|\"\"\"|'|\")
    |(?P<word>\w+)
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<long>(?:\*\*|//|>>|<<|[-+*/%@&|^:=!<>])=|->|//)
    |(?P<sign>.)""",
    re.VERBOSE,
)
_QUOTES = ("'", '"', "'''", '"""')


def _literal(quote: str, *, filled: bool) -> re.Pattern[str]:
    """What of a string goes on without a doubt; of an f-string, to its next field."""
    stops = quote[0] + r"\\" + ("{" if filled else "") + ("" if quote[1:] else r"\n")
    parts = [f"[^{stops}]", r"\\[^{]|\\(?={)|{{" if filled else r"\\."]
    if quote[1:]:
        parts.append(f"{quote[0]}(?!{quote[1:]})")
    return re.compile(f"(?:{'|'.join(parts)})*+", re.DOTALL)


_PLAIN = {quote: _literal(quote, filled=False) for quote in _QUOTES}
_FILLED = {quote: _literal(quote, filled=True) for quote in _QUOTES}
_BLOCK = re.compile(
    r"(?:if|elif|else|for|while|with|try|except|finally|def|class|async|match|case)\b"
)
_COMMAND_VALUE = re.compile(r"(?:[ \t\f]|\\\n)*(?:%(?:[ \t\f]|\\\n)*[^\W\d]|!(?!=))")


@dataclass(slots=True)
class LogicalLine:
    """One logical line: ``start`` to ``end``, its line break included.

    ``first``: where its first token begins, ``end`` without one. ``command``: where a command's
    value is assigned, which no Python is, begins; ``end`` is then where it was seen. ``statement``:
    where the statement begins that the last token belongs to. ``last``: the last token.
    """

    start: int
    first: int
    end: int
    statement: int
    command: int | None = None
    last: str = ""


def logical_line(text: str, start: int) -> LogicalLine:
    """The line of ``text`` that begins at ``start``; in unfinished brackets, all that follows."""
    line = LogicalLine(start, len(text), start, start)
    depth, at, assigned, in_header = 0, start, False, False
    while token := _TOKEN.match(text, at):
        at, kind = token.end(), token.lastgroup
        if kind == "space" or (kind == "end" and depth):
            continue
        if kind == "end":
            break
        if not line.last:
            line.first = line.statement = token.start()
            in_header = _BLOCK.match(text, token.start()) is not None
        line.last = token[0]
        if kind == "quote":
            at = _string_end(text, token, 0)
        elif kind in ("open", "close"):
            depth = max(0, depth + (1 if kind == "open" else -1))
        elif depth == 0 and (token[0] == ";" or (in_header and token[0] == ":")):
            line.statement, in_header = at, False
        elif depth == 0 and token[0] == "=" and not assigned:
            assigned = True
            if _COMMAND_VALUE.match(text, at):
                line.command = line.end = at
                return line
    line.end = at
    if not line.last:
        line.first = at
    return line


def _string_end(text: str, token: re.Match[str], nested: int) -> int:
    """Behind the closing quotes, or where the string breaks off: at its line's end, or the text's.

    A field of an f-string is code: quotes in it do not end the string.
    """
    quote = token["quote"]
    filled = nested < MAX_NESTED and not {*"fFtT"}.isdisjoint(token["prefix"])
    at = token.end()
    while True:
        literal = (_FILLED if filled else _PLAIN)[quote].match(text, at)
        assert literal is not None  # it matches nothing at the least
        at = literal.end()
        if text.startswith(quote, at):
            return at + len(quote)
        if not text.startswith("{", at):
            return at
        at = _field_end(text, at + 1, nested + 1)


def _field_end(text: str, at: int, nested: int) -> int:
    """Behind the brace that closes a field of an f-string."""
    depth = 0
    while token := _TOKEN.match(text, at):
        at = token.end()
        if token.lastgroup == "quote":
            at = _string_end(text, token, nested)
        elif token[0] == "}" and depth == 0:
            break
        elif token[0] in (":", ":=") and depth == 0:
            return _format_end(text, token.start() + 1, nested)
        elif token.lastgroup in ("open", "close"):
            depth += 1 if token.lastgroup == "open" else -1
    return at


def _format_end(text: str, at: int, nested: int) -> int:
    """Behind the brace that closes a field whose format begins at ``at``."""
    while at < len(text) and text[at] not in "}\n":
        fields = text[at] == "{" and nested < MAX_NESTED
        at = _field_end(text, at + 1, nested + 1) if fields else at + 1
    return at + 1 if text.startswith("}", at) else at
