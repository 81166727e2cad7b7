"""Drafting: the longest match wins, files come and go, memory is bounded, and no token changes."""

from __future__ import annotations

import random

import pytest
from homespun_model import draft
from homespun_model.base import load_base
from homespun_model.decode import Decoded, Decoder
from homespun_model.draft import Drafter, DraftIndex, Match, Rates, tail
from homespun_model.plain import forward_of
from tiny_models import CONFIGS, tiny_base
from transformers import PreTrainedModel

NOTHING: frozenset[int] = frozenset()


def index_of(**files: list[int]) -> DraftIndex:
    index = DraftIndex()
    index.update(files)
    return index


def brute_force(text: list[int], asked: list[int]) -> int:
    """The length of the longest match, by comparing everywhere."""
    longest = 0
    for place in range(1, len(text)):
        same = 0
        while same < min(place, len(asked), draft.MAX_MATCH):
            if text[place - 1 - same] != asked[-1 - same]:
                break
            same += 1
        longest = max(longest, same)
    return longest if longest >= draft.MIN_MATCH else 0


def test_the_longest_match_is_found_wherever_it_stands() -> None:
    rng = random.Random(0)
    for _ in range(200):
        text = rng.choices(range(4), k=60)
        asked = rng.choices(range(4), k=20)
        found = index_of(a=text).longest(tail(asked), 5)
        assert found.length == brute_force(text, asked)
        if found.length:
            seen = asked[-found.length :] + found.ids
            assert any(text[i : i + len(seen)] == seen for i in range(len(text)))


def test_a_draft_ends_with_its_file() -> None:
    index = index_of(a=[1, 2, 3, 4], b=[9, 9])
    assert index.longest(tail([1, 2]), 5) == Match(2, [3, 4])
    assert index.longest(tail([9, 9]), 5).ids == []


def test_a_saved_file_takes_the_place_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(a=[1, 2, 3, 4, 5])
    index.update({"a": [1, 2, 3, 7, 7]})
    assert index.longest(tail([1, 2, 3]), 1).ids == [7]
    monkeypatch.setattr(draft, "FRESH_TOKENS", 3)
    index.update({"b": [8, 8]})
    assert index.longest(tail([3, 4]), 1) == Match(0, [])


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "MAX_TOKENS", 10)
    index = index_of(a=[1, 2, 3, 4], b=[5, 6, 7, 8], c=[11, 12, 13, 14])
    assert index.longest(tail([5, 6]), 2).ids == [7, 8]
    assert index.longest(tail([11, 12]), 2).ids == []
    index.update({"a": [], "c": [11, 12, 13, 14]})
    assert index.longest(tail([11, 12]), 2).ids == [13, 14]


def test_what_comes_true_is_drafted_longer_and_what_does_not_is_tried_again() -> None:
    rates = Rates()
    for _ in range(50):
        rates.learn(8, 10, 10)
        rates.learn(2, 4, 0)
    assert rates.worth(8) > 10
    assert rates.worth(2) == 0
    tries = [rates.worth(2) for _ in range(500)]
    assert any(tries)


def test_drafts_go_on_from_the_prompt_and_what_was_found() -> None:
    drafter = Drafter([1, 2, 3, 4, 5, 1, 2], None, Rates())
    assert drafter.draft([], 2) == [3, 4]
    assert drafter.draft([3], 1) == [4]
    assert drafter.draft([9], 4) == []


@pytest.fixture(scope="module", params=list(CONFIGS))
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedModel:
    folder = tiny_base(tmp_path_factory.mktemp("base"), request.param)
    return load_base(str(folder)).load_model()


def without_drafts(model: PreTrainedModel, ids: list[int], count: int) -> Decoded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drafter, "draft", lambda *_: [])
        return Decoder(forward_of(model)).generate(ids, max_new_tokens=count, stop_ids=NOTHING)


def test_true_drafts_save_passes_and_false_ones_change_nothing(model: PreTrainedModel) -> None:
    for seed in range(4):
        rng = random.Random(seed)
        ids = rng.choices(range(300), k=40)
        truth = without_drafts(model, ids, 24)
        assert truth.passes == 24
        half_true = [*truth.ids[:9], *rng.choices(range(300), k=4), *truth.ids[9:]]
        for text, least in (([*ids, *truth.ids], 12), ([*ids, *half_true], 3), (ids[::-1], 0)):
            found = Decoder(forward_of(model)).generate(
                ids, max_new_tokens=24, stop_ids=NOTHING, drafts=index_of(a=text)
            )
            assert found.ids == truth.ids
            assert found.logprobs == pytest.approx(truth.logprobs, abs=1e-4)
            assert found.passes <= 24 - least


def test_a_draft_goes_past_no_limit(model: PreTrainedModel) -> None:
    """Neither a stop id, nor a halt, nor what is allowed, nor the number of tokens."""
    ids = random.Random(5).choices(range(300), k=40)
    truth = without_drafts(model, ids, 12).ids
    index, decoder = index_of(a=[*ids, *truth]), Decoder(forward_of(model))
    for count in range(1, 5):
        found = decoder.generate(ids, max_new_tokens=count, stop_ids=NOTHING, drafts=index)
        assert (found.ids, found.stopped) == (truth[:count], "length")
    stop = next(i for i in range(2, 12) if truth[i] not in truth[:i])
    ended = decoder.generate(
        ids, max_new_tokens=12, stop_ids=frozenset({truth[stop]}), drafts=index
    )
    assert (ended.ids, ended.stopped) == (truth[:stop], "end")
    halted = decoder.generate(
        ids, max_new_tokens=12, stop_ids=NOTHING, drafts=index, keep_going=lambda got: len(got) < 3
    )
    assert (halted.ids, halted.stopped) == (truth[:3], "halted")
    other = decoder.generate(
        ids,
        max_new_tokens=2,
        stop_ids=NOTHING,
        drafts=index,
        allowed=lambda got: [7, 8] if len(got) == 1 else None,
    )
    assert other.ids[0] == truth[0]
    assert other.ids[1] in (7, 8)
