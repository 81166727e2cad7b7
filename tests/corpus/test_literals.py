"""What is said to be absent from a text is absent."""

from __future__ import annotations

import pytest
from homespun_corpus.filters.literals import PIECE_BYTES, Literals
from hypothesis import given
from hypothesis import strategies as st

LETTERS = st.text("aAbB(_9é", min_size=0, max_size=60).map(str.encode)


@given(
    st.lists(
        st.lists(
            st.binary(min_size=3, max_size=6) | LETTERS.filter(lambda w: len(w) > 2), min_size=1
        ),
        min_size=1,
    ),
    LETTERS | st.binary(),
)
def test_no_group_is_lost(groups: list[list[bytes]], text: bytes) -> None:
    lower = text.lower()
    there = {n for n, words in enumerate(groups) if any(word.lower() in lower for word in words)}
    found = Literals(groups).maybe_in(text)
    assert there <= set(found)
    assert found == sorted(set(found))


def test_most_of_what_is_absent_is_left_out() -> None:
    groups = [[b"password"], [b"api_key", b"apikey"], [b"AKIA"], [b"return"]]
    assert Literals(groups).maybe_in(b"def f(x):\n    return x + 1\n") == [3]


def test_a_literal_across_two_pieces_is_seen() -> None:
    for before in range(PIECE_BYTES - 8, PIECE_BYTES + 2):
        assert Literals([[b"password"]]).maybe_in(b"x" * before + b"PassWord") == [0]


def test_two_letters_are_too_few() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        Literals([[b"pw"]])
