"""What surrounds a cursor, as far as it decides where a suggestion ends.

Read from the text with a small scanner for strings, comments and brackets: the code around a cursor
is broken most of the time, and a scanner neither minds nor needs the whole file. Knows one language
from another by its comments and quotes only; knows no suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from homespun_corpus.place import Place
from homespun_corpus.syntax.languages import LANGUAGES
from homespun_corpus.syntax.lexical import UNKNOWN, LexicalRules

Mode = Literal["line", "statement", "block"]

OPENS_STRING = re.compile(r"(^|[=(\[{,:+]\s*|\b(return|yield|in)\s+)[rbfuRBFU]{0,2}$")
CLOSER = {"(": ")", "[": "]", "{": "}"}
TAB = 8

_MARKS = {row.name: row.lexical for row in LANGUAGES}


@dataclass(frozen=True, slots=True)
class Token:
    """A bracket, a comment or a string. ``quote``: what ends the string; "" if nothing does."""

    start: int
    end: int
    kind: Literal["bracket", "comment", "string"]
    text: str
    quote: str = ""

    def moved(self, by: int) -> Token:
        """The same at another offset."""
        return Token(self.start + by, self.end + by, self.kind, self.text, self.quote)


def scan(text: str, language: str | None) -> list[Token]:
    """Brackets outside of strings and comments, and those, in order."""
    found = _pattern(_marks(language)).finditer(text)
    return [_token(match) for match in found if match["ignored"] is None]


def first_code(place: Place) -> int:
    """Where code begins in a window that begins inside a long string or comment, else 0."""
    if place.before == 0:
        return 0
    lexical = _marks(place.language)
    if lexical.block_comment is not None:
        begin, end = lexical.block_comment
        first = re.search(f"{re.escape(begin)}|{re.escape(end)}", place.prefix)
        return first.end() if first is not None and first[0] == end else 0
    first = re.search(r"\"{3}|'{3}", place.prefix) if lexical.triple_quotes else None
    return first.end() if first is not None and _closes(place.prefix[: first.start()]) else 0


def _closes(before: str) -> bool:
    """Whether three quotes behind ``before`` end a string rather than begin one."""
    line = before.rpartition("\n")[2].strip()
    if line:
        return OPENS_STRING.search(line) is None
    above = before.rstrip()
    return bool(above) and not above.endswith((":", "(", "[", "{", ",", "="))


def indentation(line: str) -> int:
    """Columns of white space that a line begins with."""
    return len((line[: len(line) - len(line.lstrip())]).expandtabs(TAB))


@dataclass(frozen=True)
class CursorScan:
    """The lines, brackets and strings around a cursor."""

    place: Place

    @cached_property
    def lead(self) -> str:
        """What stands before the cursor on its line."""
        return self.place.prefix.rpartition("\n")[2]

    @cached_property
    def rest(self) -> str:
        """What stands after the cursor on its line."""
        return self.place.suffix.partition("\n")[0]

    @cached_property
    def above(self) -> str:
        """The last line before the cursor's that is not blank; "" without one."""
        lines = self.place.prefix.split("\n")[-2::-1]
        return next((line.rstrip() for line in lines if line.strip()), "")

    @cached_property
    def following(self) -> list[str]:
        """The lines after the cursor's that are not blank."""
        lines = self.place.suffix.split("\n")[1:]
        return [line.rstrip() for line in lines if line.strip()]

    @cached_property
    def tokens(self) -> list[Token]:
        """Brackets, strings and comments of the window, at offsets into it."""
        begin = first_code(self.place)
        text = (self.place.prefix + self.place.suffix)[begin:]
        return [token.moved(begin) for token in scan(text, self.place.language)]

    @cached_property
    def inside(self) -> Token | None:
        """The string or comment that the cursor is in."""
        cursor = len(self.place.prefix)
        for token in self.tokens:
            if token.kind != "bracket" and token.start < cursor <= token.end:
                unended = token.kind == "comment" or not token.quote
                return token if cursor < token.end or unended else None
        return None

    @cached_property
    def open(self) -> list[Token]:
        """Brackets opened before the cursor and not closed before it, outermost first."""
        stack: list[Token] = []
        for token in self.tokens:
            if token.kind != "bracket" or token.end > len(self.place.prefix):
                continue
            if token.text in CLOSER:
                stack.append(token)
            else:
                matching = [i for i, t in enumerate(stack) if CLOSER[t.text] == token.text]
                del stack[matching[-1] if matching else len(stack) :]
        return stack

    @cached_property
    def open_above(self) -> int:
        """How many of ``open`` were opened on lines above the cursor's."""
        line = len(self.place.prefix) - len(self.lead)
        return sum(token.start < line for token in self.open)

    @cached_property
    def closers(self) -> list[str]:
        """Brackets closed after the cursor and opened before it, innermost first."""
        depth, closers = 0, []
        for token in self.tokens:
            if token.kind == "bracket" and token.start >= len(self.place.prefix):
                if token.text in CLOSER:
                    depth += 1
                elif depth:
                    depth -= 1
                else:
                    closers.append(token.text)
        return closers

    @property
    def whole(self) -> bool:
        """Whether the window is the whole file, so that every bracket's partner is in it."""
        return self.place.before == 0 and self.place.after == 0

    def may_close(self, closer: str, already: int) -> bool:
        """Whether a suggestion may close a bracket opened before the cursor.

        ``already``: how many it has closed so far. Not if the closer is in the suffix already: then
        the rest of the open brackets could not take up the closers that follow.
        """
        left = self.open[: len(self.open) - already]
        if not left or CLOSER[left[-1].text] != closer:
            return False
        if not self.whole:
            return not self.closers or self.closers[0] != closer
        return _fits(self.closers, [CLOSER[token.text] for token in reversed(left[:-1])])

    @cached_property
    def hugged(self) -> bool:
        """Whether the cursor stands between a bracket and its partner, as editors insert them."""
        opener, closer = self.lead.rstrip()[-1:], self.rest.strip()[:1]
        alone = not self.rest.strip(")]}>;, \t")
        return alone and opener in CLOSER and CLOSER[opener] == closer

    def mode(self, indent: int) -> Mode:
        """How much to suggest where the cursor's statement is indented by ``indent`` columns.

        "line": to the end of the line, for something stands behind the cursor or below it that
        belongs to the same statement. "statement": one, for others follow in the block. "block": to
        the end of the block, for nothing follows in it.
        """
        if self.hugged:
            return "block"
        if self.rest.strip() or self._in_one_line():
            return "line"
        if not self.following:
            return "block" if indent and not self.place.after else "statement"
        below = indentation(self.following[0])
        closes = self.following[0].lstrip()[0] in CLOSER.values()
        if self.lead.strip() and below > indent and not closes:
            return "line"
        opens = self.lead.rstrip().endswith((":", "{"))
        return "block" if below < indent and not opens else "statement"

    def _in_one_line(self) -> bool:
        """Whether the cursor is in a comment or a string that ends with its line."""
        token = self.inside
        if token is None:
            return False
        text = self.place.prefix[token.start :]
        return token.kind == "comment" or ("\n" not in text and len(token.quote) < 3)


def _token(match: re.Match[str]) -> Token:
    if match["comment"] is not None:
        return Token(match.start(), match.end(), "comment", match[0])
    if match["string"] is None:
        return Token(match.start(), match.end(), "bracket", match[0])
    ends = [text for name, text in match.groupdict().items() if len(name) <= 2 and text]
    return Token(match.start(), match.end(), "string", match[0], ends[0] if ends else "")


def _marks(language: str | None) -> LexicalRules:
    return _MARKS.get(language or "", UNKNOWN)


@cache
def _pattern(lexical: LexicalRules) -> re.Pattern[str]:
    """What matches a comment, a string, a bracket that is none, or a bracket."""
    return re.compile(
        rf"(?P<comment>{lexical.comments})|(?P<string>{lexical.strings})"
        rf"|(?P<ignored>{lexical.ignored})|[()\[\]{{}}]",
        re.MULTILINE,
    )


def _fits(closers: Sequence[str], partners: Sequence[str]) -> bool:
    """Whether every closer finds its partner, in order, some partners being left over."""
    left = iter(partners)
    return all(closer in left for closer in closers)
