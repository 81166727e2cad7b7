"""Copies are found by what they say, and only those."""

from __future__ import annotations

import random

import numpy as np
import pytest
from homespun_corpus.dedup.near_duplicates import (
    NearIndex,
    exact_key,
    shingles,
    similarity,
    sketches,
    tokens,
)
from homespun_corpus.syntax import lexical

MISSED = {0.7: 0.05, 0.85: 0.0}  # of the near ones: those at the threshold itself, now and then
PYTHON = b'''def f(a, b):
    """Doc # not a comment."""
    total = a + b  # a comment
    return "x # y" if total else 'z'
'''


def test_tokens_are_words_signs_and_whole_strings_without_comments() -> None:
    found = tokens(PYTHON, lexical.PYTHON)
    assert b'"""Doc # not a comment."""' in found
    assert b'"x # y"' in found
    assert b"comment" not in found
    assert found[:6] == [b"def", b"f", b"(", b"a", b",", b"b"]


def test_comments_of_both_styles() -> None:
    code = b"let a = 1; // one\n/* two\nlines */ let b = `//` + '/*' + \"*/\";"
    assert b" ".join(tokens(code, lexical.SCRIPT)) == b"let a = 1 ; let b = `//` + '/*' + \"*/\" ;"


def test_white_space_and_comments_make_no_difference_and_strings_do() -> None:
    reformatted = PYTHON.replace(b"    ", b"  ").replace(b"  # a comment", b"\n\n  # other")
    texts = PYTHON, reformatted, PYTHON.replace(b"x #", b"y #")
    one, same, other = map(exact_key, sketches([tokens(text, lexical.PYTHON) for text in texts]))
    assert one == same != other


def random_code(rng: random.Random, count: int) -> list[bytes]:
    return [str(rng.randrange(1000)).encode() for _ in range(count)]


def test_shingles_are_a_set_of_five_tokens_each() -> None:
    code = random_code(random.Random(1), 100)
    assert shingles(code).size == 96
    assert shingles(code + code).size == 100
    assert shingles(code[:3]).size == 1
    assert shingles([]).size == 0
    assert similarity(shingles(code), shingles(code)) == 1.0
    assert similarity(shingles(code), shingles(code[::-1])) == 0.0
    assert similarity(shingles([]), shingles([])) == 0.0


def test_similarity_counts_as_sets_do() -> None:
    one, other = np.array([1, 2, 3, 4], np.uint32), np.array([3, 4, 5], np.uint32)
    assert similarity(one, other) == pytest.approx(2 / 5)


@pytest.mark.parametrize("threshold", [0.7, 0.85])
def test_near_ones_are_found_and_far_ones_are_not(threshold: float) -> None:
    rng = random.Random(2)
    originals = [random_code(rng, 120) for _ in range(100)]
    changed = [list(code) for code in originals]
    for code in changed:
        for _ in range(rng.randrange(30)):
            code[rng.randrange(120)] = b"other"
    sets = [shingles(code) for code in originals + changed]
    index = NearIndex(b"".join(sketches(originals + changed)), sets.__getitem__, threshold)
    for number in range(100):
        index.add(number)
    found = []
    for number in range(100):
        is_near = similarity(sets[number], sets[100 + number]) >= threshold
        found.append((is_near, index.has_near(100 + number)))

    assert all(is_near for is_near, was_found in found if was_found)
    missed = sum(is_near and not was_found for is_near, was_found in found)
    assert missed <= MISSED[threshold] * sum(is_near for is_near, _ in found)
    assert not all(is_near for is_near, _ in found)
