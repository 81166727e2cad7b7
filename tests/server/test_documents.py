"""The server's text equals the editor's after any edits: checked against a naive model of both.

The model keeps UTF-16 code units in a list and finds every line anew for every position, as
Microsoft's vscode-languageserver-textdocument does where it has no index.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest
from homespun_server.documents import Change, Document, Documents, Encoding, Point
from hypothesis import given, settings
from hypothesis import strategies as st

# Every character that Python but not LSP takes for a line break, and one of each encoded width.
PIECES = ["\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
PIECES += ["a", "bc", "\t", "é", "漢", "😀"]

texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
points = st.tuples(st.integers(-1, 8), st.integers(-1, 8))


@dataclass
class Edit:
    start: Point
    end: Point
    text: str


edits = st.builds(Edit, points, points, texts)


def naive_lines(text: str) -> list[tuple[int, int]]:
    """(start, end of content) of every line, by walking the characters."""
    lines, start, index = [], 0, 0
    while index < len(text):
        if text[index] in "\r\n":
            width = 2 if text[index : index + 2] == "\r\n" else 1
            lines.append((start, index))
            start = index = index + width
        else:
            index += 1
    return [*lines, (start, len(text))]


def naive_units(text: str, encoding: Encoding) -> int:
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding.value]
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding.value]
    return len(text.encode(codec, "surrogatepass")) // size


def naive_offset(text: str, point: Point, encoding: Encoding) -> int:
    """The offset in characters; a column inside a character is that character's beginning."""
    line, column = point
    lines = naive_lines(text)
    if line < 0:
        return 0
    if line >= len(lines):
        return len(text)
    start, end = lines[line]
    offset = start
    while offset < end and naive_units(text[start : offset + 1], encoding) <= column:
        offset += 1
    return offset


def naive_edit_units(text: str, edit: Edit) -> str:
    """An edit on UTF-16 code units, where half a character is a unit like any other."""

    def unit_offset(point: Point) -> int:
        line, column = point
        lines = naive_lines(text)
        if line < 0:
            return 0
        if line >= len(lines):
            return naive_units(text, Encoding.UTF16)
        start, end = lines[line]
        content = naive_units(text[start:end], Encoding.UTF16)
        return naive_units(text[:start], Encoding.UTF16) + max(0, min(column, content))

    first, last = sorted((edit.start, edit.end))
    units = text.encode("utf-16-le", "surrogatepass")
    inserted = edit.text.encode("utf-16-le", "surrogatepass")
    spliced = units[: 2 * unit_offset(first)] + inserted + units[2 * unit_offset(last) :]
    return spliced.decode("utf-16-le", "surrogatepass")


def naive_edit(text: str, edit: Edit, encoding: Encoding) -> str:
    if encoding is Encoding.UTF16:
        return naive_edit_units(text, edit)
    first, last = sorted((edit.start, edit.end))
    start, end = naive_offset(text, first, encoding), naive_offset(text, last, encoding)
    return text[:start] + edit.text + text[end:]


@settings(max_examples=400, deadline=None)
@given(texts, st.lists(edits, max_size=6), st.sampled_from(Encoding))
def test_text_and_lines_follow_any_edits(
    text: str, sequence: list[Edit], encoding: Encoding
) -> None:
    document = Document.create(text, encoding=encoding)
    for edit in sequence:
        document = document.changed([Change(edit.text, edit.start, edit.end)], 1)
        text = naive_edit(text, edit, encoding)
        assert document.text == text
        assert document.starts.tolist() == [start for start, _ in naive_lines(text)]


@settings(max_examples=400, deadline=None)
@given(texts, points, st.sampled_from(Encoding))
def test_offsets_clamp_as_the_specification_says(
    text: str, point: Point, encoding: Encoding
) -> None:
    document = Document.create(text, encoding=encoding)
    assert document.offset(point) == naive_offset(text, point, encoding)


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(0, 30), st.sampled_from(Encoding))
def test_a_point_and_its_offset_are_inverse(text: str, offset: int, encoding: Encoding) -> None:
    document = Document.create(text, encoding=encoding)
    line, column = document.point(offset)
    offset = min(offset, len(text))
    start, end = naive_lines(text)[line]
    assert document.offset((line, column)) == min(offset, end)
    assert column == naive_units(text[start : min(offset, end)], encoding)


def test_half_a_character_deleted_and_completed_again() -> None:
    document = Document.create("a😀b", encoding=Encoding.UTF16)
    halved = document.changed([Change("", (0, 2), (0, 3))], 1)
    assert halved.text == "a\ud83db"
    whole = halved.changed([Change("\ude00", (0, 2), (0, 2))], 2)
    assert whole.text == "a😀b"


def test_a_change_without_a_range_replaces_everything() -> None:
    document = Document.create("one\ntwo").changed([Change("three\r\nfour")], 7)
    assert (document.text, document.version) == ("three\r\nfour", 7)
    assert document.starts.tolist() == [0, 7]


def test_an_edit_leaves_the_older_document_as_it_was() -> None:
    older = Document.create("one\ntwo")
    newer = older.changed([Change("X", (0, 0), (0, 0)), Change("\n", (1, 3), (1, 3))], 1)
    assert (older.text, older.starts.tolist()) == ("one\ntwo", [0, 4])
    assert (newer.text, newer.starts.tolist()) == ("Xone\ntwo\n", [0, 5, 9])


def test_documents_that_are_not_open_are_nothing() -> None:
    documents = Documents()
    assert documents.get("file:///a") is None
    assert documents.change("file:///a", [Change("x")], 1) is None
    documents.open("file:///a", language_id="python", version=1, text="x")
    documents.close("file:///a")
    documents.close("file:///a")
    assert len(documents) == 0


LINES = "value = compute(previous, 'näme')  # comment\n" * 23_000  # 1 MB, not ASCII
ONE_LINE = "x = 'é漢😀' + " * 90_000  # 1 MB


@pytest.mark.parametrize("text", [LINES, ONE_LINE], ids=["lines", "one-line"])
@pytest.mark.parametrize("encoding", Encoding, ids=lambda encoding: encoding.value)
def test_typing_in_a_megabyte_costs_a_few_copies_of_it(text: str, encoding: Encoding) -> None:
    """Copying and encoding the text once is what a document without an index does at the least."""
    document = Document.create(text, encoding=encoding)
    line, column = document.point(len(text) - 20)
    edits, copies = [], []
    for step in range(20):
        at = (line, column + step)
        began = time.thread_time()  # of the processor: the machine may be busy
        document = document.changed([Change("a", at, at)], step)
        document.offset((line, column + step + 1))
        edits.append(time.thread_time() - began)
        began = time.thread_time()
        len((text[:-20] + "a" + text[-20:]).encode("utf-16-le"))
        copies.append(time.thread_time() - began)
    assert document.text == text[:-20] + "a" * 20 + text[-20:]
    assert np.median(edits) < 8 * np.median(copies)  # 0.2 to 4 times, measured
