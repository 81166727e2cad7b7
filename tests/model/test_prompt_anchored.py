"""The prompt, version 2: what is typed in a line changes the end only, and copies go on from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.place import STEP_CHARS, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.prompt import AnchoredPromptBuilder, Budget, versions_for
from homespun_model.completer import Completer
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.decoding.score import Question
from hypothesis import given
from hypothesis import strategies as st
from readable_prompts import CODE, Words, builder, text_of
from tiny_models import CODE as SHAPES
from tiny_models import tiny_base

LINE = "    return a + b * 59"


def anchored(budget: Budget | None = None) -> AnchoredPromptBuilder:
    plain = builder("psm")
    return AnchoredPromptBuilder(Words(), plain.fim, budget or plain.budget)


def test_only_families_trained_prefix_first_have_it() -> None:
    assert versions_for("psm") == (1, 2, 3)
    assert versions_for("spm") == versions_for("spm1") == (1,)


def test_the_prefix_ends_where_the_line_begins() -> None:
    cursor = CODE.index(LINE) + len("    return ")
    ids = anchored().build(place_at(CODE, cursor, path="a.py", language="python"))
    before, _, rest = bytes(token if token < 256 else ord("§") & 0x7F for token in ids).partition(
        b"def f59(a, b):\n"
    )
    assert before
    assert ids[ids.index(302) + 1 :] == list(b"    return ")
    assert ids[ids.index(301) - 1] == ord("\n")
    assert rest


def test_typing_in_a_line_appends_to_the_prompt() -> None:
    start = CODE.index(LINE)
    previous: list[int] = []
    for typed in range(len(LINE)):
        text = CODE[: start + typed] + CODE[start + len(LINE) :]
        place = place_at(text, start + typed, path="a.py", language="python")
        asked = anchored().ask(place)
        assert asked.ids[: len(previous)] == previous
        assert text_of(asked.ids).endswith(LINE[:typed].removesuffix(asked.begun))
        previous = asked.ids[: len(asked.ids) - typed + len(asked.begun)]
    assert previous[-1] == 302


def test_the_last_token_of_the_line_is_spelt_anew_whatever_it_is(base: Base) -> None:
    """A vocabulary gives the last of four spaces to the word behind, and joins brackets."""
    prompts = base.prompts()
    for line in ("    ", "    foo(", "x = self.", "    x = [12", "    return wid"):
        begun = prompts.begun(f"def f():\n{line}")
        assert begun
        assert line.endswith(begun)
        assert base.tokenizer.encode(line)[-1] == base.tokenizer.encode(begun)[-1]
    assert prompts.begun("def f():\n") == prompts.begun("") == ""


@given(st.integers(0, len(CODE)), st.integers(1, 60))
def test_a_holes_answer_spells_the_word_it_begins_in(start: int, length: int) -> None:
    end = min(len(CODE), start + length)
    place = place_at(CODE, start, end, path="a.py", language="python")
    prompt, answer = anchored().hole(place, CODE[start:end])
    assert prompt == anchored().ask(place)
    assert text_of(answer) == prompt.begun + CODE[start:end]
    typed = text_of(prompt.ids[prompt.ids.index(302) :])
    assert "\n" not in typed
    assert CODE[:start].endswith(typed + prompt.begun)


@given(st.integers(0, len(CODE)), st.integers(200, 900))
def test_the_same_tokens_suffix_first_end_at_the_cursor(cursor: int, total: int) -> None:
    place = place_at(CODE, cursor, path="a.py", language="python")
    asked = anchored(Budget.of(total)).ask(place)
    assert sorted(asked.ids) == sorted(asked.context)
    assert len(asked.ids) <= total * 3 // 4
    before = CODE[:cursor].removesuffix(asked.begun)
    assert before.endswith(text_of(asked.context[asked.context.index(302) :]))


def test_in_a_long_line_the_anchor_moves_a_step_at_a_time() -> None:
    text = "x = [" + "1, " * 2000
    ends = []
    for cursor in range(2000, 2000 + 2 * STEP_CHARS, 7):
        ids = anchored().build(place_at(text[:cursor], cursor, path="a.py", language="python"))
        assert len(ids) <= anchored().budget.total
        ends.append(cursor - (len(ids) - ids.index(302) - 1))
    assert len(set(ends)) == 3


def test_line_ends_are_the_documents_business() -> None:
    dos = CODE.replace("\n", "\r\n")
    cursor = CODE.index(LINE) + 6
    there = dos.index(LINE) + 6
    one = anchored().ask(place_at(CODE[:cursor], cursor, path="a.py", language="python"))
    other = anchored().ask(place_at(dos[:there], there, path="a.py", language="python"))
    assert text_of(one.ids[-40:]) == text_of(other.ids[-40:])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder: Path = tmp_path_factory.mktemp("base") / "qwen2.5-coder"
    return load_base(str(tiny_base(folder, "qwen2.5-coder")))


def test_copies_go_on_from_the_cursor_and_not_from_the_suffix(base: Base) -> None:
    completer = Completer.from_model(base, base.load_model(), None)
    index = NgramIndex()
    index.update({"other.py": base.tokenizer.encode(SHAPES)})
    cursor = SHAPES.index("book.title") + len("book.")
    place = place_at(SHAPES[:cursor] + "\n", cursor, path="a.py", language="python")
    rest = SHAPES[cursor:].partition("\n")[0]
    alone, copied = (completer.score(place, rest, ngrams=some) for some in (None, index))
    assert copied.nats < 0.7 * alone.nats
    assert completer.complete(place, ngrams=index).text.startswith("title")


def test_what_is_scored_is_what_decoding_finds(base: Base) -> None:
    """A word begun is chosen among what goes on so, and costs as much as among these."""
    completer = Completer.from_model(base, base.load_model(), None)
    cursor = SHAPES.index("raise") + 3
    place = place_at(SHAPES, cursor, path="a.py", language="python")
    prompts = base.prompts()
    prompt, answer = prompts.hole(place, "se ValueError")
    assert prompt.begun.strip() == "rai"
    free = completer._decoder.logprobs(Question(prompt.ids, answer))
    assert completer.score(place, "se ValueError").nats < -float(free.sum())
