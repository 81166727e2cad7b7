"""A window ends at the nearest secrets, and mining and serving cut it alike."""

from __future__ import annotations

from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.place import BEFORE_CHARS, place_at
from homespun_corpus.retrieval.secret_window import clear_of_secrets, clipped
from hypothesis import given
from hypothesis import strategies as st

SECRET = 'key = "' + "".join(("AKIA", "Q3EGRTXWBN", "5LZ7HP")) + '"\n'
KEY = "".join(("-----BEGIN RSA ", "PRIVATE KEY-----\n")) + "MIIEowIBAAKCAQEAr0n2\n" * 40
KEY += "".join(("-----END RSA ", "PRIVATE KEY-----\n"))
PARTS = ("x = compute(1)\n", "é = 'ß'\n", "def f():\n    return 1\n", "\n", SECRET, KEY, "# " * 900)


@given(st.lists(st.sampled_from(PARTS), max_size=30), st.randoms())
def test_mining_and_serving_cut_alike(parts: list[str], random: object) -> None:
    text = "".join(parts)
    cursor = random.randint(0, len(text))  # type: ignore[attr-defined]
    secrets = find_secrets(text.encode())
    spans = [
        (len(text.encode()[: s.start].decode()), len(text.encode()[: s.end].decode()))
        for s in secrets
    ]
    line_start = text.rfind("\n", 0, cursor) + 1
    line_end = text.find("\n", cursor)
    line_end = len(text) if line_end < 0 else line_end
    if any(start < line_end and line_start < end for start, end in spans):
        return  # a hole in a secret is never cut
    place = place_at(text, cursor, path="a.py", language="python")
    first = max((end for _, end in spans if end <= cursor), default=0)
    last = min((start for start, _ in spans if start >= cursor), default=len(text))
    mined = clipped(place, first, len(text) - last)
    assert clear_of_secrets(text, place) == mined
    assert text[mined.before : cursor] == mined.prefix
    assert text[cursor : len(text) - mined.after] == mined.suffix
    assert not find_secrets((mined.prefix + mined.suffix).encode())


def test_a_secret_behind_the_window_counts_where_its_line_begins_inside() -> None:
    text = "x = compute(1)\n" * 10 + "# " * 1800 + SECRET
    cursor = 5
    place = place_at(text, cursor, path="a.py", language="python")
    (secret,) = find_secrets(text.encode())
    assert len(text) - place.after > secret.start  # and the secret itself is not in the window
    assert clear_of_secrets(text, place) == clipped(place, 0, len(text) - secret.start)


def test_a_key_that_begins_before_the_window_is_still_one() -> None:
    text = KEY + "x = 1\n" * 10
    cursor = len(text)
    place = place_at(text, cursor, path="a.py", language="python")
    late = clipped(place, len(KEY) - 200, 0)
    assert clear_of_secrets(text, late).prefix == "\n" + "x = 1\n" * 10


def test_a_clean_window_is_left_as_it_is() -> None:
    text = "x = compute(1)\n" * (BEFORE_CHARS // 4)
    place = place_at(text, len(text) // 2, path="a.py", language="python")
    assert clear_of_secrets(text, place) == place
