"""A half-typed word is spelt anew, and what the user wrote stays written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from homespun_corpus.place import place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.token_healing import begun_word
from homespun_model.completer import Completer
from numpy.typing import NDArray
from tiny_models import CODE, tiny_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"))))


def test_the_word_at_the_cursor_with_the_space_that_its_token_holds() -> None:
    tokenizer = load_base("starter").tokenizer
    assert begun_word("x = Fals", tokenizer) == " Fals"
    assert begun_word("def f():\n    retur", tokenizer) == "retur"
    assert begun_word("x = self._nam", tokenizer) == "_nam"
    assert begun_word("x = self.", tokenizer) == ""
    assert begun_word("x = 12", tokenizer) == ""
    assert begun_word("x = ", tokenizer) == begun_word("    return ", tokenizer) == " "
    assert begun_word("x =  ", tokenizer) == begun_word("    ", tokenizer) == ""
    assert begun_word("", tokenizer) == ""


def among(some: NDArray[np.int64] | None) -> set[int]:
    """Each once, none for all."""
    tokens = [] if some is None else some.tolist()
    assert len(tokens) == len(set(tokens))
    return set(tokens)


@pytest.mark.parametrize("name", ["tiny", "starter"])
def test_what_may_follow_spells_what_is_required(name: str, base: Base) -> None:
    base = base if name == "tiny" else load_base()
    tokenizer = base.tokenizer
    for required in (" retur", "widt", "a", " height", " ", "é"):
        allowed = base.lexicon.beginning(required)
        expected = {
            token
            for token in range(tokenizer.size)
            if token not in tokenizer.special_ids
            and (text := tokenizer.decode([token]))
            and (text.startswith(required) or required.startswith(text))
        }
        assert among(allowed([])) == expected
        assert allowed(tokenizer.encode(required)) is None
        first = tokenizer.encode(required)[:1]
        rest = required.removeprefix(tokenizer.decode(first))
        assert among(allowed(first)) == among(base.lexicon.beginning(rest)([]))


def test_greedy_decoding_among_what_is_allowed(base: Base) -> None:
    """The same text as choosing, token by token and without a cache, the best that still fits."""
    model = base.load_model()
    completer = Completer.from_model(base, model, None)
    for cursor in (CODE.index("width") + 3, CODE.index("return") + 4, len(CODE) - 3):
        place = place_at(CODE, cursor, path="a.py", language="python")
        begun = begun_word(place.prefix, base.tokenizer)
        before = replace(place, prefix=place.prefix.removesuffix(begun))
        ids = base.prompts().build(before)
        spelt: list[int] = []
        for _ in range(12):
            logits = model(torch.tensor([ids + spelt])).logits[0, -1].detach()
            if (some := base.lexicon.beginning(begun)(spelt)) is not None:
                best = max(some, key=lambda token: float(logits[token]))
            else:
                best = int(logits.argmax())
            if best in base.fim.stop:
                break
            spelt.append(best)
        text = base.tokenizer.decode(spelt)
        assert begun == "" or text.startswith(begun)
        found = completer.complete(place, max_new_tokens=12).text
        assert text[len(begun) :].startswith(found)


def test_typing_a_word_leaves_the_prompt_alone(base: Base) -> None:
    completer = Completer.from_model(base, base.load_model(), None)
    text = "def area(width, height):\n    return wid"
    for length in range(text.rindex("wid") + 1, len(text)):
        place = place_at(text[:length], length, path="a.py", language="python")
        completer.complete(place, session="a", max_new_tokens=1)
        begun = begun_word(place.prefix, base.tokenizer)
        assert begun.strip() == text[text.rindex("wid") : length]


def test_the_starter_finishes_a_word() -> None:
    completer = Completer.load(load_base("starter"))
    text = "def is_empty(items):\n    if items:\n        return Fals\n    return True\n"
    cursor = text.index("Fals") + 4
    place = place_at(text, cursor, path="a.py", language="python")
    assert completer.complete(place).text == "e"
