"""Drafting: the longest match wins, what comes true is drafted longer, and no token changes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from homespun_model.bases.base import load_base
from homespun_model.decoding.cache_lm import NgramCache
from homespun_model.decoding.decode import Decoded, Decoder
from homespun_model.decoding.draft import Drafter, Rates
from homespun_model.decoding.ngram_index import NgramIndex, NgramView
from homespun_model.engines.transformers_engine import engine_for
from tiny_models import CONFIGS, tiny_base
from transformers import PreTrainedModel

NOTHING: frozenset[int] = frozenset()


def copies_of(**files: list[int]) -> NgramView:
    index = NgramIndex()
    index.update(files)
    return index.without("open.py")


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
    drafter = Drafter(NgramCache([1, 2, 3, 4, 5, 1, 2], None, NOTHING), Rates())
    assert drafter.draft([], 2) == [3, 4]
    assert drafter.draft([3], 1) == [4]
    assert drafter.draft([3, 9], 4) == []


def test_a_longer_match_in_the_index_is_drafted_before_one_in_the_prompt() -> None:
    source = NgramCache([2, 7, 1, 2], copies_of(a=[8, 1, 2, 5, 6]), NOTHING)
    assert Drafter(source, Rates()).draft([], 2) == [5, 6]


@pytest.fixture(scope="module", params=list(CONFIGS))
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedModel:
    folder = tiny_base(tmp_path_factory.mktemp("base"), request.param)
    return load_base(str(folder)).load_model()


def without_drafts(
    model: PreTrainedModel, ids: list[int], count: int, ngrams: NgramView | None = None
) -> Decoded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drafter, "draft", lambda *_: [])
        return Decoder(engine_for(model)).generate(
            ids, max_new_tokens=count, stop_ids=NOTHING, ngrams=ngrams
        )


def test_true_drafts_save_passes_and_false_ones_change_nothing(model: PreTrainedModel) -> None:
    for seed in range(4):
        rng = random.Random(seed)
        ids = rng.choices(range(300), k=40)
        alone = without_drafts(model, ids, 24)
        assert alone.passes == 24
        half_true = [*alone.ids[:9], *rng.choices(range(300), k=4), *alone.ids[9:]]
        for text, least in (([*ids, *alone.ids], 12), ([*ids, *half_true], 3), (ids[::-1], 0)):
            index = copies_of(a=text)
            truth = without_drafts(model, ids, 24, index)
            assert truth.passes == 24
            found = Decoder(engine_for(model)).generate(
                ids, max_new_tokens=24, stop_ids=NOTHING, ngrams=index
            )
            assert found.ids == truth.ids
            assert found.logprobs == pytest.approx(truth.logprobs, abs=1e-4)
            assert found.passes <= 24 - least


def test_a_draft_goes_past_no_limit(model: PreTrainedModel) -> None:
    """Neither a stop id, nor a halt, nor what is allowed, nor the number of tokens."""
    ids = random.Random(5).choices(range(300), k=40)
    index = copies_of(a=[*ids, *without_drafts(model, ids, 12).ids])
    truth, decoder = without_drafts(model, ids, 12, index).ids, Decoder(engine_for(model))
    for count in range(1, 5):
        found = decoder.generate(ids, max_new_tokens=count, stop_ids=NOTHING, ngrams=index)
        assert (found.ids, found.stopped) == (truth[:count], "length")
    stop = next(i for i in range(2, 12) if truth[i] not in truth[:i])
    ended = decoder.generate(
        ids, max_new_tokens=12, stop_ids=frozenset({truth[stop]}), ngrams=index
    )
    assert (ended.ids, ended.stopped) == (truth[:stop], "end")
    halted = decoder.generate(
        ids,
        max_new_tokens=12,
        stop_ids=NOTHING,
        ngrams=index,
        keep_going=lambda got, _: len(got) < 3,
    )
    assert (halted.ids, halted.stopped) == (truth[:3], "halted")
    other = decoder.generate(
        ids,
        max_new_tokens=2,
        stop_ids=NOTHING,
        ngrams=index,
        allowed=lambda got: np.array([7, 8]) if len(got) == 1 else None,
    )
    assert other.ids[0] == truth[0]
    assert other.ids[1] in (7, 8)
