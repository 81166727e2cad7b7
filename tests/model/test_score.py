"""What a text costs, however its end is cut into tokens."""

from __future__ import annotations

import math

import pytest
import torch
from homespun_model.bases.base import load_base
from homespun_model.decoding.score import Question, costs

BRACE, BREAK, BOTH, OTHER = range(4)
EXPECTED = torch.tensor([[0.1, 0.2, 0.6, 0.1], [0.25, 0.5, 0.125, 0.125]]).log()


def nats(question: Question) -> float:
    return -float(costs(question, EXPECTED[: len(question.answer)], None).sum())


def test_an_end_that_begins_what_stands_behind_is_the_same_text() -> None:
    """``{`` with a break behind it costs what ``{`` and ``{`` with the break in one token have."""
    assert nats(Question([7], [BRACE])) == pytest.approx(-math.log(0.1))
    both = Question([7], [BRACE], other_ends=[torch.tensor([BOTH]).numpy()])
    assert nats(both) == pytest.approx(-math.log(0.1 + 0.6))


def test_each_place_may_end_the_text() -> None:
    ends = [torch.tensor(tokens).numpy() for tokens in ([BOTH], [BREAK, OTHER])]
    found = nats(Question([7], [BRACE, BRACE], other_ends=ends))
    assert found == pytest.approx(-math.log(0.6 + 0.1 * (0.25 + 0.5 + 0.125)))


def test_only_what_decoding_would_choose_among_is_expected() -> None:
    some = torch.tensor([BRACE, BOTH]).numpy()
    question = Question(
        [7],
        [BRACE],
        allowed=lambda ids: None if ids else some,
        other_ends=[torch.tensor([BOTH]).numpy()],
    )
    assert nats(question) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("middle", "behind"), [("re", "turn x"), ("x = se", "lf.a"), ("a.b", "")])
def test_other_ends_are_all_tokens_that_write_the_same(middle: str, behind: str) -> None:
    base = load_base("starter")
    ids = base.tokenizer.encode(middle)
    texts = base.tokenizer.texts()
    found = base.lexicon.other_ends(ids, behind)
    assert len(found) == len(ids)
    for i, tokens in enumerate(found):
        rest = base.tokenizer.decode(ids[i:])
        same = {
            n
            for n, text in enumerate(texts)
            if len(text) > len(rest) and (rest + behind).startswith(text)
        }
        assert set(tokens.tolist()) == same - set(base.tokenizer.special_ids)
    assert any(map(len, found)) == bool(behind)
