"""Windows around a cursor: what they hold, and that their edges hold still."""

from __future__ import annotations

import pytest
from homespun_corpus.place import (
    AFTER_CHARS,
    BEFORE_CHARS,
    STEP_CHARS,
    place_at,
    prefix_anchors,
    suffix_anchors,
)
from hypothesis import given
from hypothesis import strategies as st

LINES = "".join(f"line {i} = compute({i}, 'é')\n" for i in range(3000))
texts = st.text(alphabet="ab \n", max_size=3 * STEP_CHARS) | st.just(LINES)


def at(text: str, start: int, end: int | None = None):
    return place_at(text, start, end, path="a.py", language="python")


@given(texts, st.data())
def test_a_place_and_its_middle_are_a_window_of_the_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    place = at(text, start, end)
    middle = text[start:end]
    window = place.prefix + middle + place.suffix
    assert text[place.before :].startswith(window)
    assert place.before + len(window) + place.after == len(text)
    assert len(place.prefix) <= BEFORE_CHARS
    assert len(place.suffix) <= AFTER_CHARS


def test_a_window_begins_and_ends_at_line_edges() -> None:
    place = at(LINES, len(LINES) // 2)
    assert place.before > 0 and place.after > 0
    assert LINES[place.before - 1] == "\n"
    assert place.suffix.endswith("\n")


def test_typing_moves_neither_edge() -> None:
    cursor = len(LINES) // 2
    moved = 0
    before = at(LINES, cursor)
    for typed in range(1, STEP_CHARS // 2):
        place = at(LINES[:cursor] + "x" * typed + LINES[cursor:], cursor + typed)
        assert place.suffix == before.suffix
        moved += place.before != before.before
    # The window is a step of slack wide: one step of typing crosses at most one anchor.
    begins = {at(LINES[:cursor] + "x" * n + LINES[cursor:], cursor + n).before for n in range(400)}
    assert len(begins) <= 2


def test_anchors_do_not_depend_on_the_window() -> None:
    cursor = 9000
    every = list(prefix_anchors(LINES, cursor))
    window = 4321
    seen = [window + a for a in prefix_anchors(LINES[window:], cursor - window, before=window)]
    assert seen == [a for a in every if a >= window][-len(seen) :]
    assert len(seen) >= (cursor - window) // STEP_CHARS
    ends = list(suffix_anchors(LINES, cursor))
    cut = 12_000
    near = list(suffix_anchors(LINES[:cut], cursor, after=len(LINES) - cut))
    assert set(near) <= set(ends)
    assert len(near) >= (cut - cursor) // STEP_CHARS - 1


@pytest.mark.parametrize("cursor", [0, 1, 500_000, 1_000_000])
def test_one_line_of_a_million_characters(cursor: int) -> None:
    text = "x" * 1_000_000
    place = at(text, cursor)
    assert len(place.prefix) <= BEFORE_CHARS and len(place.suffix) <= AFTER_CHARS
    assert len(place.prefix) >= min(cursor, BEFORE_CHARS - STEP_CHARS)
    assert len(place.suffix) >= min(len(text) - cursor, AFTER_CHARS - STEP_CHARS)
