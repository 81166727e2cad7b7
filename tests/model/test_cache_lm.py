"""Copying: every match is found, a blend is a distribution, what is said is what is scored."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from homespun_model.bases.base import load_base
from homespun_model.decoding import cache_lm, ngram_index
from homespun_model.decoding.cache_lm import NextTokens, NgramCache
from homespun_model.decoding.decode import Decoder
from homespun_model.decoding.ngram_index import NgramIndex, NgramView, tail
from homespun_model.decoding.score import Question
from homespun_model.engines.transformers_engine import engine_for
from tiny_models import tiny_base
from transformers import PreTrainedModel

NOTHING: frozenset[int] = frozenset()


def index_of(**files: list[int]) -> NgramIndex:
    index = NgramIndex()
    index.update(files)
    return index


def without(**files: list[int]) -> NgramView:
    return index_of(**files).without("open.py")


def after(index: NgramIndex, *asked: int) -> list[int]:
    """What came after the longest match, the next two tokens."""
    found = index.find(tail(list(asked)))
    return max(found, key=lambda some: some.longest).continuation(2) if found else []


def matches(text: list[int], asked: list[int]) -> dict[int, int]:
    """The length of the match before each place, by comparing everywhere."""
    found = {}
    for place in range(1, len(text)):
        same = 0
        while same < min(place, len(asked), ngram_index.MAX_MATCH):
            if text[place - 1 - same] != asked[-1 - same]:
                break
            same += 1
        found[place] = same
    return found


def test_every_place_with_the_same_tokens_before_it_is_found() -> None:
    rng = random.Random(0)
    for _ in range(200):
        text, asked = rng.choices(range(4), k=60), rng.choices(range(4), k=20)
        truth = matches(text, asked)
        known = min(3, max(truth.values()))
        wanted = sorted((text[place], n) for place, n in truth.items() if n >= known)
        found = index_of(a=text).find(tail(asked))
        if known < ngram_index.MIN_MATCH:
            assert not found
            continue
        [some] = found
        if known == 3:
            assert sorted(zip(some.next.tolist(), some.lengths.tolist(), strict=True)) == wanted
        assert some.longest == max(truth.values())
        seen = asked[-some.longest :] + some.continuation(5)
        assert any(text[i : i + len(seen)] == seen for i in range(len(text)))


def test_a_continuation_ends_with_its_file() -> None:
    index = index_of(a=[1, 2, 3], b=[9, 9])
    assert after(index, 1, 2) == [3]
    assert after(index, 9, 9) == []


def test_a_saved_file_takes_the_place_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(a=[1, 2, 3, 4, 5])
    index.update({"a": [1, 2, 3, 7, 7]})
    assert after(index, 1, 2, 3) == [7, 7]
    monkeypatch.setattr(ngram_index, "FRESH_TOKENS", 3)
    index.update({"b": [8, 8]})
    assert after(index, 3, 4) == []


def test_nothing_comes_back_that_was_deleted_in_the_file_itself() -> None:
    index = index_of(a=[1, 2, 3, 4, 5], b=[7, 2, 3, 6, 6])
    index.update({"a": [1, 2, 3, 8, 8]})
    found = index.without("a").find(tail([1, 2, 3]))
    assert {token for some in found for token in some.next.tolist()} == {6}
    assert index.without("b").find(tail([7, 2, 3, 6])) == []
    found = index.without("c").find(tail([1, 2, 3]))
    assert {token for some in found for token in some.next.tolist()} == {8}


@pytest.mark.parametrize("fresh", [0, 5, 40, 10_000])
def test_nothing_is_found_of_what_a_file_was(monkeypatch: pytest.MonkeyPatch, fresh: int) -> None:
    """After any changes an index finds what one of the files as they are now would find."""
    monkeypatch.setattr(ngram_index, "FRESH_TOKENS", fresh)
    rng, index, files = random.Random(3), NgramIndex(), dict[str, list[int]]()
    for _ in range(150):
        changed = {
            name: rng.choices(range(5), k=rng.randrange(20)) if rng.random() < 0.7 else None
            for name in rng.sample("abcdef", rng.randrange(4))
        }
        index.update(changed)
        files |= {name: ids for name, ids in changed.items() if ids is not None}
        files = {name: ids for name, ids in files.items() if changed.get(name, []) is not None}
        asked = tail(rng.choices(range(5), k=3))
        assert following(index, asked) == following(index_of(**files), asked)


def following(index: NgramIndex, asked: ngram_index.Ids) -> list[int]:
    """Every token that comes after all of ``asked``, (MAX_MATCH,), in order."""
    return sorted(
        token
        for some in index.find(asked)
        for token, length in zip(some.next.tolist(), some.lengths.tolist(), strict=True)
        if length == 3
    )


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_index, "MAX_TOKENS", 10)
    index = index_of(a=[1, 2, 3, 4], b=[5, 6, 7, 8], c=[11, 12, 13, 14])
    assert after(index, 5, 6) == [7, 8]
    assert after(index, 11, 12) == []
    index.update({"a": [], "c": [11, 12, 13, 14]})
    assert after(index, 11, 12) == [13, 14]


def test_a_blend_is_a_distribution_in_which_the_end_keeps_its_probability() -> None:
    logprobs = torch.randn(50, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    next_tokens = NextTokens(0.6, torch.tensor([3, 9]), torch.tensor([0.75, 0.25]))
    blended = cache_lm.interpolate(logprobs, next_tokens, torch.tensor([0, 1]))
    assert blended.exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(blended[:2], logprobs[:2])
    going = 1 - logprobs[:2].exp().sum()
    assert blended[3].exp().item() == pytest.approx(
        (0.4 * logprobs[3].exp() + 0.6 * 0.75 * going).item(), abs=1e-6
    )
    assert blended[7].exp().item() == pytest.approx(0.4 * logprobs[7].exp().item(), abs=1e-6)


def test_a_longer_match_is_trusted_more_and_outweighs_shorter_ones() -> None:
    even = torch.full((300,), 1 / 300).log()
    text = [*[7, 1, 2, 3, 50], *[7, 1, 2, 3, 50], *[4, 5, 6, 1, 2, 3, 60]]
    source = NgramCache([4, 5, 6, 1, 2, 3], without(a=text), NOTHING)
    blended = source.interpolate(even, [])
    assert int(blended.argmax()) == 60
    assert blended[50] > blended[51]
    assert source.interpolate(even, [200]).equal(even)  # stands nowhere


def test_a_stop_id_is_never_copied() -> None:
    even = torch.full((300,), 1 / 300).log()
    source = NgramCache([1, 2, 3], without(a=[1, 2, 3, 9]), frozenset({9}))
    assert source.interpolate(even, []).equal(even)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base")))).load_model()


def test_what_is_decoded_is_what_is_scored(model: PreTrainedModel) -> None:
    rng = random.Random(1)
    ids = rng.choices(range(300), k=40)
    index, decoder = without(a=[*ids, *rng.choices(range(300), k=20)]), Decoder(engine_for(model))
    found = decoder.generate(ids, max_new_tokens=16, stop_ids=NOTHING, ngrams=index)
    assert found.ids != decoder.generate(ids, max_new_tokens=16, stop_ids=NOTHING).ids
    scored = decoder.logprobs(Question(ids, found.ids), ngrams=index)
    assert scored.tolist() == pytest.approx(found.logprobs, abs=1e-4)


def test_a_small_model_copies_what_the_repository_has(tmp_path: Path) -> None:
    """An untrained model knows nothing; a long match is trusted over it."""
    base = load_base(str(tiny_base(tmp_path / "base")))
    ids = base.tokenizer.encode("def area(width, height):\n    return width * height\n")
    prompt, wanted = ids[:-8], ids[-8:]
    found = Decoder(engine_for(base.load_model())).generate(
        prompt, max_new_tokens=len(wanted), stop_ids=NOTHING, ngrams=without(a=ids)
    )
    assert found.ids == wanted
