"""What becomes of a suggestion, told from texts alone, as any editor gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from homespun_model.usage.counted import Fate, Served
from homespun_server.standing_text import Region, Span
from homespun_server.suggestions_shown import REMEMBERED, Offer, SuggestionsShown
from hypothesis import given
from hypothesis import strategies as st

URI, OTHER = "file:///a.py", "file:///b.py"
SERVED = Served("team/app", "python", "starter", "dense", "r1")
BEFORE, AFTER = "def area(width, height):\n    ", "\n\nprint(1)\n"
TEXT = "return width * height\n    # done"


class Watch:
    """A tracker with a clock of its own, and what it has recorded."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fates: dict[int, Fate] = {}
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.shown = SuggestionsShown(
            lambda number, fate: self.fates.update({number: replace(fate)}),
            lambda seconds, work: self.timers.append((self.now + seconds, work)),
            lambda: self.now,
        )
        self.text = BEFORE + AFTER

    def offer(self, rest: str = TEXT, at: int | None = None, replaces: int = 0) -> int:
        offset = len(self.text) - len(AFTER) if at is None else at
        fate = Fate("2026-11-30", "s1", SERVED, len(rest))
        offer = Offer(self.text, offset, offset + replaces, rest)
        return self.shown.shown(URI, self.text, offer, fate)

    def put(self, piece: str, at: int | None = None, remove: int = 0) -> bool:
        """One change; whether it took all."""
        offset = len(self.text) - len(AFTER) if at is None else at
        self.text = self.text[:offset] + piece + self.text[offset + remove :]
        return self.shown.changed(URI, self.text, at_once=len(piece) > 1)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = [work for when, work in self.timers if when <= self.now]
        self.timers = [one for one in self.timers if one[0] > self.now]
        for work in due:
            work()

    @property
    def fate(self) -> Fate:
        [fate] = self.fates.values()
        return fate


def test_taken_whole_is_followed_until_the_document_is_closed() -> None:
    watch = Watch()
    number = watch.offer()
    assert watch.put(TEXT)
    assert not watch.shown.by_command(number), "the text has said it"
    assert watch.shown.total == 1
    assert (watch.fate.by_all, watch.fate.typed) == (len(TEXT), 0)
    watch.wait(31)
    assert (watch.fate.after_30s, watch.fate.after_5m) == (len(TEXT), None)
    start = watch.text.index("height\n")
    watch.put("depth", start, len("height"))
    watch.put("import x\n", 0)
    watch.wait(300)
    assert watch.fate.after_30s == len(TEXT)
    assert watch.fate.after_5m == len(TEXT) - len("height")
    watch.put("", watch.text.index("return"), len("return width * depth"))
    watch.shown.forget(URI)
    assert watch.fate.at_end == len("\n    # done")


def test_the_command_may_come_first() -> None:
    watch = Watch()
    number = watch.offer()
    assert watch.shown.by_command(number) and not watch.shown.by_command(number)
    assert watch.put(TEXT) and watch.shown.total == 1
    assert watch.fate.by_all == len(TEXT)


def test_said_and_put_in_some_other_way_it_counts_too() -> None:
    watch = Watch()
    assert watch.shown.by_command(watch.offer())
    assert not watch.put("something else", 0)
    assert (watch.shown.total, watch.fate.by_all) == (1, len(TEXT))


@pytest.mark.parametrize("number", [None, 99, "1", {}, [], True])
def test_a_command_about_nothing_that_is_shown(number: object) -> None:
    watch = Watch()
    watch.offer("one")
    watch.offer("two")  # number 2
    assert not watch.shown.by_command(number)
    assert watch.shown.total == 0


def test_by_words_by_a_line_and_the_rest() -> None:
    """What is left is offered again after each part, and stays the same suggestion."""
    watch = Watch()
    first = watch.offer()
    for piece, rest in (
        ("return ", "width * height\n    # done"),
        ("width * height\n", "    # done"),
    ):
        assert not watch.put(piece)
        assert watch.offer(rest) == first
    assert watch.put("    # done")
    fate = watch.fate
    assert (fate.by_word, fate.by_line, fate.by_all) == (7, 15, 10)
    assert (fate.accepted, fate.typed, watch.shown.total) == (len(TEXT), 0, 1)
    watch.wait(31)
    assert watch.fate.after_30s == len(TEXT), "the parts are one text"


def test_typed_along_is_not_taken() -> None:
    watch = Watch()
    first = watch.offer("x = 1\n    y")
    for count, letter in enumerate("x = 1", 1):
        assert not watch.put(letter)
        assert watch.offer("x = 1\n    y"[count:]) == first
    assert not watch.put("\n    "), "Enter, and the indentation that an editor puts in"
    assert not watch.put("y")
    assert (watch.fate.typed, watch.fate.accepted, watch.shown.total) == (11, 0, 0)
    watch.shown.close()
    assert watch.fate.at_end is None, "nothing was accepted that could stand"


def test_brackets_that_an_editor_closes_are_seen_through() -> None:
    watch = Watch()
    first = watch.offer("print(x)")
    for letter in "print":
        watch.put(letter)
    assert not watch.put("()"), "the editor's own bracket behind the cursor"
    cursor = len(watch.text) - len(AFTER) - 1
    assert watch.offer("x)", cursor, replaces=1) == first
    assert watch.put("x)", cursor, remove=1)
    assert (watch.fate.typed, watch.fate.by_all) == (6, 2)


@pytest.mark.parametrize("piece", ["y", "", "x]"])
def test_another_text_in_place_of_the_bracket_dismisses_it(piece: str) -> None:
    watch = Watch()
    watch.put("print()")
    cursor = len(watch.text) - len(AFTER) - 1
    watch.offer("x)", cursor, replaces=1)
    watch.wait(1)
    assert not watch.put(piece, cursor, remove=1)
    assert (watch.fate.accepted, watch.fate.typed) == (0, 0)


@pytest.mark.parametrize(
    ("piece", "at"), [("y", None), ("# a comment\n", 0), ("more", -1), ("returned ", None)]
)
def test_what_goes_on_otherwise_dismisses_it(piece: str, at: int | None) -> None:
    watch = Watch()
    watch.offer()
    watch.wait(1)
    assert not watch.put(piece, at if at is None or at >= 0 else len(watch.text))
    assert (watch.fate.accepted, watch.fate.typed) == (0, 0)
    assert not watch.put(TEXT, 0), "it is no acceptance any more"
    assert watch.fate.accepted == 0


def test_what_goes_on_from_an_open_list_is_one_suggestion_while_one_types_towards_it() -> None:
    """As VS Code asks for it, with the entry that is selected, at every letter."""
    watch = Watch()
    entry, rest = "return", " width * height"
    offset = len(watch.text) - len(AFTER)
    seen = watch.text[:offset] + entry + watch.text[offset:]
    numbers = []
    for letter in "ret":
        fate = Fate("2026-11-30", "s1", SERVED, len(rest))
        offer = Offer(seen, offset + len(entry), offset + len(entry), rest)
        numbers.append(watch.shown.shown(URI, watch.text, offer, fate))
        watch.wait(0.2)
        assert not watch.put(letter)
    assert numbers == [1, 1, 1] and watch.fates == {}
    watch.text = seen[: offset + len(entry)] + rest + seen[offset + len(entry) :]
    assert watch.shown.changed(URI, watch.text, at_once=True)
    assert (watch.fate.by_all, watch.shown.total) == (len(rest), 1)


def test_so_much_may_change_around_it_that_nobody_can_tell() -> None:
    watch = Watch()
    watch.offer("x = 1")
    watch.put("x = 1")
    watch.put("def other():\n" + 400 * "    y = x = 1\n", 0, remove=len(watch.text))
    watch.wait(31)
    assert watch.fate.after_30s is None


def test_what_nobody_can_have_seen_is_not_seen() -> None:
    watch = Watch()
    watch.offer()
    watch.wait(0.05)
    watch.put("y")
    assert watch.fates == {}


def test_what_another_takes_the_place_of_was_left() -> None:
    watch = Watch()
    watch.offer("one")
    watch.wait(1)
    watch.offer("two")
    assert watch.fate.length == 3 and watch.fate.accepted == 0
    watch.wait(1)
    watch.shown.close()
    assert len(watch.fates) == 2


def test_little_is_remembered() -> None:
    watch = Watch()
    for number in range(REMEMBERED + 1):
        fate = Fate("2026-11-30", "s1", SERVED, 1)
        watch.shown.shown(f"file:///{number}", "", Offer("", 0, 0, "x"), fate)
    assert len(watch.shown) == REMEMBERED
    assert not watch.shown.changed("file:///0", "x", at_once=True)
    assert not watch.shown.changed(OTHER, "x", at_once=True)


texts = st.text("ab\n(é😀", max_size=12)


@given(texts, texts)
def test_the_smallest_edit_makes_one_text_of_the_other(old: str, new: str) -> None:
    span = Span.between(old, new)
    assert 0 <= span.start <= span.end <= len(old)
    inserted = new[span.start : span.end + span.grown]
    assert old[: span.start] + inserted + old[span.end :] == new


@given(texts, texts, texts, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), texts)))
def test_a_region_stays_inside_its_document(
    before: str, text: str, after: str, edits: list[tuple[int, int, str]]
) -> None:
    document = before + text + after
    region = Region(len(before), len(before) + len(text), text)
    assert region.standing(document) == len(text)
    for start, removed, inserted in edits:
        new = document[:start] + inserted + document[start + removed :]
        region.moved(Span.between(document, new))
        document = new
        assert 0 <= region.start <= region.end <= len(document)
        standing = region.standing(document)
        assert standing is None or 0 <= standing <= len(text)
