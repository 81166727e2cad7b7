"""Copying from the repository: honest probabilities, and completions that were seen before."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from homespun_corpus.place import Place
from homespun_finetune.ngram_baseline import (
    ORDERS,
    NgramBaseline,
    NgramCounts,
    likeliest,
    probability,
)
from homespun_model.bases.base import Base, load_base
from homespun_model.decoding.callbacks import unsettled
from tiny_models import CODE, tiny_base

VOCABULARY = 7


def slow_share(documents: list[list[int]], context: list[int], token: int) -> float:
    """The same by counting in plain Python."""
    share = 1 / VOCABULARY
    for order in (0, *ORDERS):
        end = context[len(context) - order :]
        follows = [
            document[at]
            for document in documents
            for at in range(order, len(document))
            if document[at - order : at] == end and len(end) == order
        ]
        if order and not follows:
            break
        kinds, times = len(set(follows)), Counter(follows)[token]
        if follows:
            share = (times + kinds * share) / (len(follows) + kinds)
    return share


@pytest.fixture(scope="module")
def documents() -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 4, size=n).tolist() for n in (40, 1, 0, 25)]


def test_shares_are_those_of_a_slow_count(documents: list[list[int]]) -> None:
    counts = NgramCounts(documents)
    for context in ([], [3], [1, 2], documents[0][:20], [6, 6, 1]):
        for token in range(VOCABULARY):
            ids = np.asarray(context, dtype=np.int64)
            share = probability([counts], ids, token, VOCABULARY)
            assert share == pytest.approx(slow_share(documents, context, token))


def test_shares_sum_to_one_over_several_counts(documents: list[list[int]]) -> None:
    seen = [NgramCounts(documents[:1]), NgramCounts(documents[1:])]
    for context in ([], [2, 1], documents[0][5:30]):
        ids = np.asarray(context, dtype=np.int64)
        shares = [probability(seen, ids, token, VOCABULARY) for token in range(VOCABULARY)]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) > 0


def test_the_longest_context_decides() -> None:
    counts = NgramCounts([[1, 2, 3], [2, 4], [2, 4], [2, 4]])
    assert likeliest([counts], np.asarray([9, 2]), None) == 4
    assert likeliest([counts], np.asarray([1, 2]), None) == 3
    assert likeliest([counts], np.asarray([1, 2]), np.asarray([4])) == 4
    assert likeliest([counts], np.asarray([9]), None) is None


def test_no_context_reaches_over_two_documents() -> None:
    assert likeliest([NgramCounts([[1], [2]])], np.asarray([1]), None) is None


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("models") / "tiny")))


def test_what_stands_in_the_tree_is_completed(base: Base) -> None:
    copier = NgramBaseline(base, [CODE])
    place = Place("new.py", "python", "def room(width, height):\n    return wid", "\n")
    found = copier.complete(place, guess="never", settled=unsettled)
    assert found.text == "th * height"
    ended = copier.complete(place, guess="", settled=lambda text, _: len(text) > 2)
    assert found.text.startswith(ended.text) and len(ended.text) < len(found.text)


def test_what_was_read_costs_less(base: Base) -> None:
    hole = (Place("new.py", "python", "    return ", "\n"), "width * height")
    known, unknown = (NgramBaseline(base, tree).score(*hole) for tree in ([CODE], []))
    assert known.nats < 0.7 * unknown.nats
    assert known.bytes == unknown.bytes == len(hole[1])
    uniform = known.tokens * math.log(base.tokenizer.size)
    assert unknown.nats < 2 * uniform


def test_without_a_tree_nothing_is_completed(base: Base) -> None:
    place = Place("new.py", "python", "", "")
    assert NgramBaseline(base, []).complete(place, guess="", settled=unsettled).text == ""


def test_a_middle_with_foreign_line_ends(base: Base) -> None:
    place = Place("new.py", "python", "a = 1\r\n", "\r\n")
    score = NgramBaseline(base, [CODE]).score(place, "b = 2\r\nc = 3")
    assert score.bytes == len("b = 2\nc = 3")
