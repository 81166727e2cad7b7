"""Typing along with a suggestion needs no model; anything else does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from homespun_corpus.place import place_at
from homespun_server.answer_cache import DOCUMENTS, PER_DOCUMENT, Answer, AnswerCache, ServedBy

SERVED = ServedBy("starter", "w1", "r1")
URI = "file:///a.py"


def answer_at(text: str, cursor: int, suggestion: str, **changes: object) -> Answer:
    place = place_at(text, cursor, path="a.py", language="python")
    made = Answer(place, suggestion, 0, -0.1, shown=True, stopped="end", complete=True)
    return replace(made, **changes)  # type: ignore[arg-type]


def asked(cache: AnswerCache, text: str, cursor: int, served: ServedBy = SERVED) -> str | None:
    place = place_at(text, cursor, path="a.py", language="python")
    found = cache.get(URI, served, place)
    return found.text if found else None


@pytest.fixture
def cache() -> AnswerCache:
    cache = AnswerCache()
    cache.put(URI, SERVED, answer_at("x = \ny = 2\n", 4, "compute(1)"))
    return cache


def test_the_same_place_is_answered_again(cache: AnswerCache) -> None:
    assert asked(cache, "x = \ny = 2\n", 4) == "compute(1)"


def test_typing_the_beginning_of_a_suggestion_leaves_its_rest(cache: AnswerCache) -> None:
    assert asked(cache, "x = com\ny = 2\n", 7) == "pute(1)"
    assert asked(cache, "x = compute(\ny = 2\n", 12) == "1)"


def test_brackets_that_the_editor_put_behind_the_cursor_are_seen_through(
    cache: AnswerCache,
) -> None:
    assert asked(cache, "x = compute()\ny = 2\n", 12) == "1)"
    assert asked(cache, "x = com\"')\ny = 2\n", 7) == "pute(1)"


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("x = compute(a)\ny = 2\n", 12),  # that is no bracket
        ("x = compute()))))\ny = 2\n", 12),  # nor did an editor do that
        ("x = cat\ny = 2\n", 7),  # something else was typed
        ("x = com\ny = 3\n", 7),  # the text after the cursor is another
        ("z = com\ny = 2\n", 7),  # the text before is another
        ("x = compute(1)\ny = 2\n", 14),  # nothing is left of it
        ("x =\ny = 2\n", 3),  # a step back: the suggestion would need its space
    ],
)
def test_any_other_place_is_not_answered(cache: AnswerCache, text: str, cursor: int) -> None:
    assert asked(cache, text, cursor) is None


@pytest.mark.parametrize(
    "served",
    [
        ServedBy("starter", "w1", "r2"),
        ServedBy("starter", "w1", None),
        ServedBy("starter", "w2", "r1"),
        ServedBy("other", "w1", "r1"),
    ],
)
def test_another_revision_or_base_never_gets_the_answer(
    cache: AnswerCache, served: ServedBy
) -> None:
    assert asked(cache, "x = \ny = 2\n", 4, served) is None


@pytest.mark.parametrize("shown", [True, False])
def test_an_answer_does_not_outlive_the_code_that_was_known(shown: bool) -> None:
    cache = AnswerCache()
    cache.put(URI, SERVED, answer_at("x = ", 4, "compute(1)", shown=shown, code=1))
    place = place_at("x = ", 4, path="a.py", language="python")
    assert cache.get(URI, SERVED, place, 1) is not None
    assert cache.get(URI, SERVED, place, 2) is None
    assert cache.get(URI, SERVED, place) is None
    cache.put(URI, SERVED, answer_at("x = ", 4, "newer(2)", code=2))
    found = cache.get(URI, SERVED, place_at("x = new", 7, path="a.py", language="python"), 2)
    assert found is not None
    assert (found.text, found.code) == ("er(2)", 2)


def test_a_suggestion_that_was_not_shown_is_not_served_as_its_rest() -> None:
    cache = AnswerCache()
    cache.put(URI, SERVED, answer_at("x = ", 4, "compute(1)", shown=False))
    assert asked(cache, "x = ", 4) == "compute(1)"  # asked again: known, and still not shown
    assert asked(cache, "x = c", 5) is None


def test_the_end_of_a_suggestion_cut_by_its_length_is_not_trusted() -> None:
    cache = AnswerCache()
    cache.put(URI, SERVED, answer_at("", 0, "abcdefghij", stopped="length", complete=False))
    assert asked(cache, "abc", 3) == "defghij"
    assert asked(cache, "abcdefg", 7) is None


def test_typing_past_an_anchor_of_the_window_is_still_typing_along() -> None:
    before = "value = 1\n" * 1200  # more than the window: its beginning moves while typing
    suggestion = "other = 2\n" * 200
    for cursor in range(len(before) - 1, len(before) - 1100, -50):
        cache = AnswerCache()
        cache.put(URI, SERVED, answer_at(before[:cursor], cursor, suggestion))
        typed = suggestion[:300]
        assert asked(cache, before[:cursor] + typed, cursor + 300) == suggestion[300:]


def test_the_cache_stays_small() -> None:
    cache = AnswerCache()
    for document in range(DOCUMENTS + 10):
        for step in range(PER_DOCUMENT + 5):
            text = "a" * step
            cache.put(f"file:///{document}", SERVED, answer_at(text, step, "b"))
    assert len(cache._answers) == DOCUMENTS
    assert all(len(answers) == PER_DOCUMENT for answers in cache._answers.values())


def test_a_closed_document_is_forgotten(cache: AnswerCache) -> None:
    cache.forget(URI)
    assert asked(cache, "x = \ny = 2\n", 4) is None
