"""Lines of a suggestion that are indented deeper than any line may be there.

A line is deeper than the statement above it, its white space the same and more, only where that
opened something. In Python and Go its last character tells, always; in languages with semicolons,
and in those that say ``end``, only what surely ends a statement is taken for an end. Lines inside
round and square brackets, in strings and in comments may stand anywhere. What people wrote is left
alone (LOG E-023). Pure text: knows no model and no tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from homespun_corpus.syntax.languages import LANGUAGES, Ends

from homespun_model.stopping.cursor_scan import CursorScan, first_code
from homespun_model.stopping.nesting import CLOSER, Token, scan

# What a line ends with behind which none is deeper, or what it is, by ``Language.ends``.
_COLON = re.compile(r"[^:\\]$")
_BREAK = re.compile(r"([\w)\]}\"'`]|\+\+|--)$")
_SEMICOLON = re.compile(r"^(?!\s*(?:case|default|public|private|protected)\b|\s*<).*[;}]$")
_WORD = re.compile(r"^\s*(?:end|fi|done|esac)$")
_ENDS = {"no colon": _COLON, "line break": _BREAK, "semicolon": _SEMICOLON, "end": _WORD}
# Such a line may go on with the one above, or stands where it likes: a directive, an attribute.
_GOES_ON = re.compile(r"[.?:&|+\-*/=<>,#]")


def without_deeper(scanned: CursorScan, text: str) -> str:
    """``text`` up to the first line that is indented deeper than any may be; all of it if none is.

    A first line counts where nothing but blanks stands before the cursor.
    """
    ends = _ENDS.get(_ends_of(scanned))
    if ends is None or ("\n" not in text and scanned.lead.strip()):
        return text
    lines = _Lines(scanned, text)
    above: list[str] = []
    for start, indent, begins in lines.free():
        if not begins:
            above.append(indent)
            continue
        deeper = above and all(indent.startswith(one) and indent != one for one in above)
        if start >= lines.first and deeper and ends.search(lines.last_before(start)):
            return text[: max(0, start - 1 - lines.cursor)].rstrip()
        above = [indent]
    return text


@dataclass(frozen=True)
class _Lines:
    """The lines before a cursor and those of a suggestion, as one text."""

    scanned: CursorScan
    suggestion: str

    @cached_property
    def text(self) -> str:
        place = self.scanned.place
        return place.prefix[first_code(place) :] + self.suggestion

    @cached_property
    def cursor(self) -> int:
        """Where the suggestion begins."""
        return len(self.text) - len(self.suggestion)

    @cached_property
    def first(self) -> int:
        """Where the first line begins that is all, or all but its indentation, suggested."""
        lead = self.scanned.lead
        if not lead.strip():
            return self.cursor - len(lead)
        return self.cursor + self.suggestion.find("\n") + 1

    @cached_property
    def tokens(self) -> list[Token]:
        return scan(self.text, self.scanned.place.language)

    def free(self) -> Iterator[tuple[int, str, bool]]:
        """Where a line begins that no bracket, string or comment holds, its indentation, and
        whether it surely begins a statement; in order."""
        block = "" if _ends_of(self.scanned) == "no colon" else "{"
        tokens, stack = iter(self.tokens), [""]
        token, inside = next(tokens, None), 0
        for match in re.finditer(r"^([ \t]*)\S.*$", self.text, re.MULTILINE):
            start, code = match.start(), match.end(1)
            while token is not None and token.start < start:
                inside = self._pass(token, stack, inside)
                token = next(tokens, None)
            comment = token is not None and token.kind == "comment" and token.start == code
            if start >= inside and stack[-1] in ("", block) and not comment:
                goes_on = _GOES_ON.match(self.text, code) or self._is_continued(start)
                yield start, match[1], not goes_on

    @staticmethod
    def _pass(token: Token, stack: list[str], inside: int) -> int:
        """Keep count of open brackets; where the string or comment ends that was begun last."""
        if token.kind != "bracket":
            return token.end
        if token.text in CLOSER:
            stack.append(token.text)
        elif CLOSER.get(stack[-1]) == token.text:
            stack.pop()
        return inside

    def _is_continued(self, start: int) -> bool:
        return self.text.endswith("\\\n", 0, start)

    def last_before(self, start: int) -> str:
        """The last line of code above ``start``, without comments and blanks behind it."""
        end = start
        for token in reversed(self.tokens):
            if token.end > start or token.kind == "bracket":
                continue
            if token.kind != "comment" or self.text[token.end : end].strip():
                break
            end = token.start
        return self.text[:end].rstrip().rpartition("\n")[2]


def _ends_of(scanned: CursorScan) -> Ends:
    return next((row.ends for row in LANGUAGES if row.name == scanned.place.language), "")
