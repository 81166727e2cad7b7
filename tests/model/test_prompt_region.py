"""The prompt, version 3: the front holds over a few lines, the middle begins with all of these."""

from __future__ import annotations

from homespun_corpus.place import STEP_CHARS, place_at
from homespun_model.bases.prompt import REGION_CHARS, Budget, RegionPromptBuilder
from hypothesis import given
from hypothesis import strategies as st
from readable_prompts import CODE, Words, builder, text_of

MIDDLE = 302


def region(budget: Budget | None = None) -> RegionPromptBuilder:
    plain = builder("psm")
    return RegionPromptBuilder(Words(), plain.fim, budget or plain.budget)


def typed(text: str, cursor: int) -> str:
    """What the middle begins with, and the word begun before the cursor."""
    asked = region().ask(place_at(text, cursor, path="a.py", language="python"))
    return text_of(asked.ids[asked.ids.index(MIDDLE) :]) + asked.begun


@given(st.integers(0, len(CODE)))
def test_the_middle_begins_with_whole_lines_of_a_stretch(cursor: int) -> None:
    before = typed(CODE, cursor)
    assert CODE[:cursor].endswith(before)
    start = cursor - len(before)
    assert start == 0 or CODE[start - 1] == "\n"
    line = CODE.rfind("\n", 0, cursor) + 1
    assert start <= line and start // REGION_CHARS == line // REGION_CHARS
    assert not any(CODE[n] == "\n" for n in range(line // REGION_CHARS * REGION_CHARS, start - 1))


def test_lines_typed_below_each_other_leave_the_front_as_it_is() -> None:
    at = CODE.index("def f80")
    new = "def g(a):\n    b = a * 2\n    if b:\n        return b\n    return a\n\n"
    fronts = set()
    for size in range(len(new)):
        text = CODE[:at] + new[:size] + CODE[at:]
        asked = region(Budget.of(3072)).ask(place_at(text, at + size, path="a.py", language=None))
        fronts.add(tuple(asked.ids[: asked.ids.index(MIDDLE)]))
    assert len(fronts) <= 2


def test_at_the_beginning_of_a_file_all_of_it_is_typed() -> None:
    assert typed("import os\n\nx = o", 16) == "import os\n\nx = o"


@given(st.integers(0, 4000), st.integers(3000, 6000))
def test_a_file_of_one_line_keeps_to_the_budget(cursor: int, total: int) -> None:
    text = "x = [" + "1, " * 2000
    place = place_at(text, cursor, path="a.py", language="python")
    asked = region(Budget.of(total)).ask(place)
    assert len(asked.ids) <= total * 3 // 4
    assert len(typed(text, cursor)) <= REGION_CHARS + 2 * STEP_CHARS
    assert sorted(asked.ids) == sorted(asked.context)


@given(st.integers(0, len(CODE)), st.integers(1, 60))
def test_a_holes_answer_spells_the_word_it_begins_in(start: int, length: int) -> None:
    end = min(len(CODE), start + length)
    place = place_at(CODE, start, end, path="a.py", language="python")
    prompt, answer = region().hole(place, CODE[start:end])
    assert prompt == region().ask(place)
    assert text_of(answer) == prompt.begun + CODE[start:end]
