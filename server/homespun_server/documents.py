"""The text of open documents, exactly as the editor has it.

LSP knows three line breaks, \\n, \\r\\n and \\r, and counts columns in the code units of the
encoding that was agreed on; Python's own line splitting knows eleven and counts characters.
Positions clamp as the specification and Microsoft's ``vscode-languageserver-textdocument`` do. A
document is a value: an edit makes a new one, so whoever waits for a model keeps the text it began
with. Knows nothing of the protocol's types, of files, or of models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BREAK = re.compile(r"\r\n|\r|\n")

Point: TypeAlias = tuple[int, int]
"""(line, column), both from 0, the column in code units of the document's encoding."""


class Encoding(Enum):
    """How columns are counted. The value is the name that LSP uses."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: ``text`` in place of ``start``..``end``, or in place of everything without them."""

    text: str
    start: Point | None = None
    end: Point | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One open document at one version."""

    uri: str
    language_id: str
    version: int
    encoding: Encoding
    text: str
    starts: NDArray[np.int32]
    """Offset in characters of every line's first character; the first is always 0."""

    @classmethod
    def create(
        cls,
        text: str,
        *,
        uri: str = "",
        language_id: str = "",
        version: int = 0,
        encoding: Encoding = Encoding.UTF16,
    ) -> Document:
        """A document with ``text``, its lines counted."""
        return cls(uri, language_id, version, encoding, text, _line_starts(text))

    def changed(self, changes: Iterable[Change], version: int) -> Document:
        """The document after ``changes``, each on top of the one before."""
        document = self
        for change in changes:
            document = document._with(change)
        return replace(document, version=version)

    def offset(self, point: Point) -> int:
        """``point`` as an offset in characters, clamped; inside a character, its beginning."""
        return self._locate(point)[0]

    def point(self, offset: int) -> Point:
        """The point of an offset in characters; never between \\r and \\n."""
        offset = max(0, min(offset, len(self.text)))
        line = int(np.searchsorted(self.starts, offset, side="right")) - 1
        start, end = self.line_span(line)
        return line, _unit_count(self.text[start : min(offset, end)], self.encoding)

    def line_span(self, line: int) -> tuple[int, int]:
        """Offsets in characters of a line's first character and of its end, its break left out."""
        start = int(self.starts[line])
        if line + 1 >= len(self.starts):
            return start, len(self.text)
        end = int(self.starts[line + 1])
        return start, end - (2 if self.text.endswith("\r\n", start, end) else 1)

    def end_of(self, change: Change) -> int | None:
        """Offset behind what ``change``, the last one, put in; None where it replaced everything.

        There the cursor of somebody who types is.
        """
        if change.start is None or change.end is None:
            return None
        return min(self.offset(min(change.start, change.end)) + len(change.text), len(self.text))

    def _locate(self, point: Point) -> tuple[int, bool]:
        """Offset in characters, and whether the point lies inside the character that is there."""
        line, column = point
        if line < 0:
            return 0, False
        if line >= len(self.starts):
            return len(self.text), False
        start, end = self.line_span(line)
        if column <= 0:
            return start, False
        piece = self.text[start : min(end, start + column)]  # a character is at least one unit
        if self.encoding is Encoding.UTF32 or piece.isascii():
            return start + len(piece), False
        leads = _leads(piece, self.encoding)
        inside = column < len(leads) and not leads[column]
        return start + int(np.count_nonzero(leads[:column])) - inside, bool(inside)

    def _with(self, change: Change) -> Document:
        if change.start is None or change.end is None:
            return replace(self, text=change.text, starts=_line_starts(change.text))
        first, last = sorted((change.start, change.end))
        start, cut_start = self._locate(first)
        end, cut_end = self._locate(last) if last != first else (start, cut_start)
        if self.encoding is Encoding.UTF16 and (
            cut_start or cut_end or self._surrogate_seam(start, end, change.text)
        ):
            return self._spliced_units(start, cut_start, end, cut_end, change.text)
        text = self.text[:start] + change.text + self.text[end:]
        return replace(self, text=text, starts=self._moved_starts(text, start, end, change.text))

    def _moved_starts(self, text: str, start: int, end: int, inserted: str) -> NDArray[np.int32]:
        """Line starts after ``text[start:end]`` became ``inserted``.

        Whether a line starts at an offset depends on the two characters around it, so only the
        offsets that touch the inserted text are looked at again.
        """
        stop = start + len(inserted)
        keep = max(1, int(np.searchsorted(self.starts, start, side="left")))
        tail = self.starts[np.searchsorted(self.starts, end, side="right") :]
        found = [
            match.end()
            for match in BREAK.finditer(text, max(0, start - 1), stop + 1)
            if start <= match.end() <= stop
        ]
        middle = np.array(found, dtype=np.int32)
        moved = tail + np.int32(len(inserted) - (end - start))
        return np.concatenate((self.starts[:keep], middle, moved))

    def _surrogate_seam(self, start: int, end: int, inserted: str) -> bool:
        """Whether halves of a character could meet, or be parted, at an edge of the edit."""
        edges = self.text[max(0, start - 1) : start] + inserted[:1]
        edges += inserted[-1:] + self.text[end : end + 1]
        return any("\ud800" <= character <= "\udfff" for character in edges)

    def _spliced_units(
        self, start: int, cut_start: bool, end: int, cut_end: bool, inserted: str
    ) -> Document:
        """The edit done in UTF-16 code units, as editors written in JavaScript do it.

        Rare, so it may cost a pass over the text: half a character was deleted or completed.
        """
        first = 2 * (_unit_count(self.text[:start], Encoding.UTF16) + cut_start)
        last = 2 * (_unit_count(self.text[:end], Encoding.UTF16) + cut_end)
        units = _units(self.text, Encoding.UTF16)
        spliced = units[:first] + _units(inserted, Encoding.UTF16) + units[last:]
        text = spliced.decode("utf-16-le", "surrogatepass")
        return replace(self, text=text, starts=_line_starts(text))


class Documents:
    """The documents that are open, by the URI their editor gave them."""

    def __init__(self) -> None:
        self.encoding = Encoding.UTF16  # what LSP means where nothing was agreed on
        self._open: dict[str, Document] = {}

    def __len__(self) -> int:
        return len(self._open)

    def get(self, uri: str) -> Document | None:
        """The document, or None where it is not open."""
        return self._open.get(uri)

    def open(self, uri: str, *, language_id: str, version: int, text: str) -> Document:
        """Begin to follow a document; opening it again begins anew."""
        document = Document.create(
            text, uri=uri, language_id=language_id, version=version, encoding=self.encoding
        )
        self._open[uri] = document
        return document

    def change(self, uri: str, changes: Iterable[Change], version: int) -> Document | None:
        """Apply an editor's changes; None, and nothing done, where the document is not open."""
        document = self._open.get(uri)
        if document is None:
            return None
        self._open[uri] = document.changed(changes, version)
        return self._open[uri]

    def close(self, uri: str) -> None:
        """Forget a document."""
        self._open.pop(uri, None)


def _line_starts(text: str) -> NDArray[np.int32]:
    return np.array([0, *(match.end() for match in BREAK.finditer(text))], dtype=np.int32)


def _units(text: str, encoding: Encoding) -> bytes:
    """``text`` in its code units, two bytes each in UTF-16; half a character stays half."""
    codec = "utf-16-le" if encoding is Encoding.UTF16 else "utf-8"
    return text.encode(codec, "surrogatepass")


def _unit_count(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.UTF32 or text.isascii():
        return len(text)
    return len(_units(text, encoding)) // (2 if encoding is Encoding.UTF16 else 1)


def _leads(text: str, encoding: Encoding) -> NDArray[np.bool_]:
    """For every code unit of ``text``, whether a character begins there."""
    data = _units(text, encoding)
    if encoding is Encoding.UTF8:
        leads: NDArray[np.bool_] = (np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80
        return leads
    units = np.frombuffer(data, dtype="<u2")
    second: NDArray[np.bool_] = (units & 0xFC00) == 0xDC00
    second[1:] &= (units[:-1] & 0xFC00) == 0xD800
    second[:1] = False
    return ~second
