"""BM25 that forgets as exactly as it learns."""

from __future__ import annotations

import math
import random

import pytest
from homespun_corpus.retrieval import bm25
from homespun_corpus.retrieval.bm25 import Bm25, Postings

Documents = dict[int, frozenset[str]]


def _random_documents(rng: random.Random, count: int) -> Documents:
    vocabulary = [f"word{i}" for i in range(40)]
    return {
        number: frozenset(rng.choices(vocabulary, weights=range(1, 41), k=rng.randint(1, 12)))
        for number in range(count)
    }


def _index(documents: Documents) -> Bm25:
    index = Bm25()
    for number, terms in documents.items():
        index.add(number, terms)
    return index


def _by_the_book(documents: Documents, weights: dict[str, float]) -> dict[int, float]:
    average = sum(map(len, documents.values())) / len(documents)
    scores = {}
    for number, terms in documents.items():
        norm = 1 + bm25.K1 * (1 - bm25.B + bm25.B * len(terms) / average)
        total = 0.0
        for term, weight in weights.items():
            holding = sum(term in other for other in documents.values())
            rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            total += weight * rarity * (term in terms)
        scores[number] = total / norm
    return scores


def test_scores_are_those_of_the_formula() -> None:
    documents = _random_documents(random.Random(1), 60)
    weights = {"word39": 1.0, "word3": 0.5, "word20": 0.25, "nowhere": 1.0}
    expected = _by_the_book(documents, weights)
    found = _index(documents).best(weights, without=(), count=5)
    best = sorted(expected.values(), reverse=True)[:5]
    assert sorted((score for score, _ in found), reverse=True) == pytest.approx(best)
    assert all(score == pytest.approx(expected[number]) for score, number in found)


def test_common_terms_decide_among_what_rare_ones_found(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = _random_documents(random.Random(2), 300)
    weights = {"word0": 1.0, "word1": 1.0, "word39": 0.3, "word38": 0.3}
    expected = _by_the_book(documents, weights)
    monkeypatch.setattr(bm25, "SUMMED", 1)  # all but the rarest term are common
    found = _index(documents).best(weights, without=(), count=3)
    assert found
    assert all(score == pytest.approx(expected[number]) for score, number in found)


@pytest.mark.parametrize("seed", range(5))
def test_documents_that_came_and_went_leave_no_trace(seed: int) -> None:
    rng = random.Random(seed)
    documents, passing = _random_documents(rng, 50), _random_documents(rng, 50)
    index = _index(passing)
    order = list(documents)
    rng.shuffle(order)
    for number in order:
        index.remove(number, passing[number])
        index.add(number, documents[number])
    weights = {f"word{i}": 1 / (i + 1) for i in range(40)}
    fresh = _index(documents).best(weights, without=(), count=10)
    assert sorted(index.best(weights, without=(), count=10)) == sorted(fresh)


def test_documents_left_out_are_not_found() -> None:
    index = _index({0: frozenset({"one", "two"}), 1: frozenset({"one"})})
    assert [n for _, n in index.best({"one": 1.0, "two": 1.0}, without=[0], count=5)] == [1]


def test_equals_of_the_last_place_are_all_found() -> None:
    index = _index({number: frozenset({"same"}) for number in range(9)} | {9: frozenset({"x"})})
    assert len(index.best({"same": 1.0}, without=(), count=2)) == 9


def test_an_empty_index_finds_nothing() -> None:
    assert Bm25().best({"word": 1.0}, without=(), count=5) == []


def test_postings_stay_sorted_and_shrink() -> None:
    postings = Postings()
    for document in (5, 1, 3):
        postings.add(document, {"term"})
    assert list(postings["term"]) == [1, 3, 5]
    postings.remove(3, {"term"})
    assert list(postings["term"]) == [1, 5]
    assert list(postings["other"]) == []
