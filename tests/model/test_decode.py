"""Decoding: what is reused changes nothing, what is cancelled stops, what is scored adds up."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import torch
from homespun_model.bases.base import load_base
from homespun_model.decoding import decode, score, sessions
from homespun_model.decoding.decode import Decoder
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.decoding.score import Question
from homespun_model.engines import dense_arithmetic
from homespun_model.engines.transformers_engine import engine_for
from homespun_model.errors import Cancelled
from tiny_models import CONFIGS, tiny_base
from transformers import PreTrainedModel

NOTHING: frozenset[int] = frozenset()


@pytest.fixture(scope="module", params=list(CONFIGS))
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedModel:
    folder = tiny_base(tmp_path_factory.mktemp("base"), request.param)
    return load_base(str(folder)).load_model()


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base")))).load_model()


def prompt(seed: int, length: int = 40) -> list[int]:
    return random.Random(seed).choices(range(300), k=length)


def plain(model: PreTrainedModel, ids: list[int], count: int) -> list[int]:
    """transformers' own greedy decoding."""
    tokens = torch.tensor([ids])
    out = model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        do_sample=False,
        max_new_tokens=count,
        eos_token_id=None,
        pad_token_id=0,
    )
    return out[0, len(ids) :].tolist()


def test_decoding_is_transformers_greedy_decoding(model: PreTrainedModel) -> None:
    for seed in range(5):
        ids = prompt(seed)
        decoded = Decoder(engine_for(model)).generate(ids, max_new_tokens=24, stop_ids=NOTHING)
        assert decoded.ids == plain(model, ids, 24)
        assert decoded.stopped == "length"


def test_a_long_prompt_in_chunks_is_the_same(starter: PreTrainedModel) -> None:
    ids = prompt(7, 2 * decode.CHUNK + 3)[: 512 - 16]
    decoded = Decoder(engine_for(starter)).generate(
        ids, max_new_tokens=16, stop_ids=NOTHING, cancelled=lambda: False
    )
    assert decoded.ids == plain(starter, ids, 16)


def test_reuse_changes_no_token(model: PreTrainedModel) -> None:
    """A session of typing, deleting and jumping: as without reuse, as transformers."""
    rng, decoder, ids = random.Random(3), Decoder(engine_for(model)), prompt(1)
    reused = []
    for _ in range(25):
        decoded = decoder.generate(ids, max_new_tokens=8, stop_ids=NOTHING, session="a.py")
        assert decoded.ids == plain(model, ids, 8)
        reused.append(decoded.reused)
        match rng.choice(("type", "accept", "delete", "edit", "same")):
            case "type":
                ids = [*ids, rng.randrange(300)]
            case "accept":
                ids = [*ids, *decoded.ids[: rng.randrange(1, 8)]]
            case "delete":
                ids = ids[: max(5, len(ids) - rng.randrange(6))]
            case "edit":
                ids = [*ids]
                ids[rng.randrange(len(ids))] = rng.randrange(300)
    assert sum(reused) > 25 * 20  # most of the prompts was not run again


def test_warming_changes_no_token_and_leaves_one_to_run(model: PreTrainedModel) -> None:
    ids = prompt(3)
    decoder = Decoder(engine_for(model))
    decoder.warm(ids, session="a")
    found = decoder.generate(ids, max_new_tokens=12, stop_ids=NOTHING, session="a")
    assert found.ids == plain(model, ids, 12)
    assert found.reused == len(ids) - 1


def test_sessions_do_not_mix(starter: PreTrainedModel) -> None:
    decoder = Decoder(engine_for(starter))
    for turn in range(3):
        for seed in range(3):
            ids = [*prompt(seed), *prompt(9, turn)]
            decoded = decoder.generate(ids, max_new_tokens=6, stop_ids=NOTHING, session=str(seed))
            assert decoded.ids == plain(starter, ids, 6)
            assert decoded.reused >= (39 if turn else 0)


def test_memory_is_bounded(starter: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder(engine_for(starter))
    a_session = (
        2 * 2 * 2 * 16 * 4 * dense_arithmetic.ROOM
    )  # layers, keys and values, heads, width, bytes, tokens
    monkeypatch.setattr(sessions, "CACHE_BYTES", 3 * a_session)
    for seed in range(6):
        decoder.generate(prompt(seed), max_new_tokens=8, stop_ids=NOTHING, session=str(seed))

    def reused(seed: int) -> int:
        ids = prompt(seed)
        return decoder.generate(ids, max_new_tokens=8, stop_ids=NOTHING, session=str(seed)).reused

    assert [reused(seed) for seed in (5, 4, 3)] == [39, 39, 39]
    assert reused(0) == 0


def test_a_forgotten_session_starts_again(starter: PreTrainedModel) -> None:
    decoder = Decoder(engine_for(starter))
    for expected in (0, 39):
        first = decoder.generate(prompt(0), max_new_tokens=4, stop_ids=NOTHING, session="a")
        assert first.reused == expected
    decoder.forget("a")
    again = decoder.generate(prompt(0), max_new_tokens=4, stop_ids=NOTHING, session="a")
    assert (again.reused, again.ids) == (0, first.ids)


def test_a_stop_id_ends_and_is_left_out(starter: PreTrainedModel) -> None:
    free = Decoder(engine_for(starter)).generate(prompt(2), max_new_tokens=10, stop_ids=NOTHING)
    stop = next(i for i in range(2, 10) if free.ids[i] not in free.ids[:i])
    ended = Decoder(engine_for(starter)).generate(
        prompt(2), max_new_tokens=10, stop_ids=frozenset({free.ids[stop]})
    )
    assert (ended.ids, ended.stopped) == (free.ids[:stop], "end")
    assert ended.logprobs == free.logprobs[:stop]


def test_an_end_that_may_not_be_is_passed_over(starter: PreTrainedModel) -> None:
    """The next likeliest comes, with the probability that it has beside the end."""
    with torch.inference_mode():
        expected = starter(torch.tensor([prompt(2)])).logits[0, -1].log_softmax(-1)
    first, second = expected.topk(2).indices.tolist()
    decoder, ends = Decoder(engine_for(starter)), frozenset({first})
    assert decoder.generate(prompt(2), max_new_tokens=1, stop_ids=ends).stopped == "end"
    found = decoder.generate(prompt(2), max_new_tokens=1, stop_ids=ends, may_end=bool)
    assert found.ids == [second]
    assert found.logprobs == pytest.approx([float(expected[second])], abs=1e-4)
    drafted = decoder.generate(
        prompt(2), max_new_tokens=3, stop_ids=ends, may_end=bool, guess=[first, first]
    )
    assert drafted.ids[0] == second


def test_keep_going_halts(starter: PreTrainedModel) -> None:
    seen = []

    def until_three(ids: list[int], logprobs: list[float]) -> bool:
        assert len(logprobs) == len(ids)
        seen.append(list(ids))
        return len(ids) < 3

    decoded = Decoder(engine_for(starter)).generate(
        prompt(2), max_new_tokens=10, stop_ids=NOTHING, keep_going=until_three
    )
    assert decoded.stopped == "halted"
    assert seen == [decoded.ids[:1], decoded.ids[:2], decoded.ids]


@pytest.mark.parametrize("after", [0, 1, 2, 5])
def test_cancelling_stops_between_passes_and_spoils_nothing(
    starter: PreTrainedModel, after: int
) -> None:
    decoder, ids, calls = Decoder(engine_for(starter)), prompt(4, decode.CHUNK + 20), []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > after

    with pytest.raises(Cancelled):
        decoder.generate(ids, max_new_tokens=9, stop_ids=NOTHING, session="a", cancelled=cancelled)
    assert len(calls) == after + 1
    again = decoder.generate(ids, max_new_tokens=9, stop_ids=NOTHING, session="a")
    assert again.ids == plain(starter, ids, 9)
    assert again.reused == min(after * decode.CHUNK, len(ids) - 1)


def once_asked(times: int) -> Callable[[], bool]:
    """A ``cancelled`` that says yes after so many times."""
    asked = count()
    return lambda: next(asked) >= times


def given_up(decoder: Decoder, ids: list[int], passes: int) -> None:
    cancelled = once_asked(passes)
    with pytest.raises(Cancelled):
        decoder.generate(ids, max_new_tokens=40, stop_ids=NOTHING, session="a", cancelled=cancelled)


def reading_given_up(decoder: Decoder, ids: list[int]) -> None:
    with pytest.raises(Cancelled):
        decoder.warm(ids, session="a", cancelled=once_asked(0))


def asked_what_else_costs(decoder: Decoder, ids: list[int]) -> None:
    decoder.logprobs(Question(ids, [7, 8, 9]), session="a")


@pytest.mark.parametrize("typed", [0, 1, 3])
@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda _decoder, _ids: None,
        lambda decoder, ids: decoder.warm(ids, session="a"),
        reading_given_up,
        lambda decoder, ids: given_up(decoder, ids, 0),
        lambda decoder, ids: given_up(decoder, ids, 1),
        asked_what_else_costs,
    ],
)
def test_what_was_given_up_half_way_is_taken_up_where_it_was(
    starter: PreTrainedModel, typed: int, meanwhile: Callable[[Decoder, list[int]], None]
) -> None:
    """``typed`` tokens of it were written by somebody meanwhile; the rest comes in fewer passes."""
    decoder, ids = Decoder(engine_for(starter)), prompt(4)
    whole = plain(starter, ids, 40)
    given_up(decoder, ids, 28)
    ids += whole[:typed]
    meanwhile(decoder, ids)
    again = decoder.generate(ids, max_new_tokens=40 - typed, stop_ids=NOTHING, session="a")
    afresh = Decoder(engine_for(starter))
    expected = afresh.generate(ids, max_new_tokens=40 - typed, stop_ids=NOTHING)
    assert again.ids == expected.ids == whole[typed:]
    assert again.passes < expected.passes - 10


def test_what_was_given_up_is_taken_up_with_copies_blended_in(starter: PreTrainedModel) -> None:
    index = NgramIndex()
    index.update({"a.py": prompt(4)[10:] + prompt(9)})
    asked: dict[str, Any] = {"max_new_tokens": 20, "stop_ids": NOTHING, "ngrams": index.without("")}
    decoder, ids = Decoder(engine_for(starter)), prompt(4)
    whole = Decoder(engine_for(starter)).generate(ids, **asked).ids
    with pytest.raises(Cancelled):
        decoder.generate(ids, session="a", cancelled=once_asked(1), **asked)
    assert decoder.generate([*ids, *whole[:1]], session="a", **asked).ids[:19] == whole[1:]


def test_what_was_given_up_is_no_guess_where_something_else_was_typed(
    starter: PreTrainedModel,
) -> None:
    decoder, ids = Decoder(engine_for(starter)), prompt(4)
    first = decoder.generate(ids, max_new_tokens=9, stop_ids=NOTHING, session="a").ids
    ids = [*ids, (first[0] + 1) % 300]
    again = decoder.generate(ids, max_new_tokens=9, stop_ids=NOTHING, session="a")
    afresh = Decoder(engine_for(starter)).generate(ids, max_new_tokens=9, stop_ids=NOTHING)
    assert (again.ids, again.passes) == (afresh.ids, afresh.passes)


def test_a_pass_that_fails_leaves_no_half_cache(
    model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, ids = Decoder(engine_for(model)), prompt(5)
    decoder.generate(ids, max_new_tokens=4, stop_ids=NOTHING, session="a")
    attend, calls = torch.nn.functional.scaled_dot_product_attention, []

    def failing_in_the_second_layer(*args: Any, **options: Any) -> torch.Tensor:
        calls.append(1)
        return attend(*args, **options) if len(calls) < 2 else 1 / 0

    with monkeypatch.context() as broken:
        broken.setattr(
            torch.nn.functional, "scaled_dot_product_attention", failing_in_the_second_layer
        )
        with pytest.raises(ZeroDivisionError):
            decoder.generate([*ids, 7], max_new_tokens=4, stop_ids=NOTHING, session="a")
    decoded = decoder.generate([*ids, 7], max_new_tokens=4, stop_ids=NOTHING, session="a")
    assert decoded.ids == plain(model, [*ids, 7], 4)


def test_logprobs_are_those_of_decoding(model: PreTrainedModel) -> None:
    decoder, ids = Decoder(engine_for(model)), prompt(6)
    decoded = decoder.generate(ids, max_new_tokens=12, stop_ids=NOTHING)
    scored = decoder.logprobs(Question(ids, decoded.ids))
    assert scored.tolist() == pytest.approx(decoded.logprobs, abs=1e-4)


@pytest.mark.parametrize("limits", [{"SCORED_TOKENS": 300}, {"SCORED_LOGITS": 420 * 40}])
def test_scoring_together_is_scoring_one_by_one(
    model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    rng = random.Random(0)
    pairs = [(prompt(s, rng.randrange(1, 60)), prompt(-s, rng.randrange(0, 30))) for s in range(20)]
    for name, limit in limits.items():
        monkeypatch.setattr(score, name, limit)
    together = Decoder(engine_for(model)).logprobs_many([Question(*pair) for pair in pairs])
    for (before, middle), scored in zip(pairs, together, strict=True):
        ids = torch.tensor([[*before, *middle]])
        with torch.inference_mode():
            logprobs = model(ids).logits.log_softmax(-1)[0, len(before) - 1 : -1]
        truth = logprobs.gather(-1, torch.tensor(middle, dtype=torch.long)[:, None])[:, 0]
        assert scored.shape == (len(middle),)
        torch.testing.assert_close(scored, truth, atol=1e-4, rtol=0)


def test_a_prompt_read_once_scores_and_completes_as_read_anew(model: PreTrainedModel) -> None:
    """Answers short and long, prompts that share a beginning, completions between them."""
    rng, decoder = random.Random(2), Decoder(engine_for(model))
    assert decoder.logprobs(Question(prompt(0), []), session="exam").shape == (0,)
    for number in range(1, 12):
        ids = [*prompt(1, 30), *prompt(number, rng.randrange(1, 12))]
        question = Question(ids, prompt(-number, 5 * number))
        [anew] = Decoder(engine_for(model)).logprobs_many([question])
        torch.testing.assert_close(
            decoder.logprobs(question, session="exam"), anew, atol=1e-4, rtol=0
        )
        found = decoder.generate(ids, max_new_tokens=8, stop_ids=NOTHING, session="exam")
        assert (found.ids, found.reused) == (plain(model, ids, 8), len(ids) - 1)


def test_an_answer_longer_than_a_chunk_is_scored(
    starter: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "UNCANCELLED", 16)
    decoder, ids, answer = Decoder(engine_for(starter)), prompt(1), prompt(2)
    decoder.warm(ids, session="a")
    [anew] = decoder.logprobs_many([Question(ids, answer)])
    scored = decoder.logprobs(Question(ids, answer), session="a")
    torch.testing.assert_close(scored, anew, atol=1e-4, rtol=0)


@pytest.mark.parametrize("right", [0, 1, 5, 9])
def test_a_guess_changes_nothing_but_the_passes(model: PreTrainedModel, right: int) -> None:
    """Right from its beginning on, or for so many tokens; longer than what is wanted."""
    ids = prompt(8)
    truth = Decoder(engine_for(model)).generate(ids, max_new_tokens=9, stop_ids=NOTHING)
    wrong = [(token + 1) % 300 for token in truth.ids[right : right + 1]]
    guess = [*truth.ids[:right], *wrong, *prompt(3, 20)]
    found = Decoder(engine_for(model)).generate(
        ids, max_new_tokens=9, stop_ids=NOTHING, guess=guess
    )
    assert found.ids == truth.ids
    assert found.logprobs == pytest.approx(truth.logprobs, abs=1e-4)
    assert found.passes == 9 - right + (right == 9)


def test_an_empty_prompt_is_refused(starter: PreTrainedModel) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        Decoder(engine_for(starter)).generate([], max_new_tokens=4, stop_ids=NOTHING)
    with pytest.raises(ValueError, match="at least one token"):
        Decoder(engine_for(starter)).logprobs(Question([], [1]))
