"""Every stretch that nearly repeats held-out code is found, whatever holds it, and nothing else."""

from __future__ import annotations

import random

from homespun_corpus.dedup.contamination import CONTAMINATED, ContaminationIndex, gram_trace
from homespun_corpus.dedup.near_duplicates import grams, shingles, tokens
from homespun_corpus.syntax import lexical
from homespun_corpus.syntax.spans import Span

HELD = b"""def settle(invoices, limit):
    total = sum(invoice.amount for invoice in invoices if invoice.due < limit)
    for invoice in invoices:
        invoice.settled = invoice.amount <= total
        ledger.append((invoice.number, total, limit))
    return total
"""
OTHER = b"""def route(parcels, depot):
    nearest = min(parcels, key=lambda parcel: parcel.distance(depot))
    while nearest.stops:
        nearest = nearest.stops.pop()
    return depot.routes[nearest.name]
"""


def echoes(*held: bytes) -> ContaminationIndex:
    return ContaminationIndex([tokens(text, lexical.PYTHON) for text in held])


def cut(text: bytes, spans: list[Span]) -> list[bytes]:
    """What is left of a text, in pieces."""
    ends = [0, *(span.end for span in spans)]
    starts = [*(span.start for span in spans), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


def test_a_copy_is_found_and_its_neighbours_are_left() -> None:
    text = OTHER + b"\n\n" + HELD.replace(b"settle", b"pay") + b"\n\n" + OTHER
    spans = echoes(HELD).spans(text, lexical.PYTHON)
    assert [piece.strip() for piece in cut(text, spans)] == [OTHER.strip(), OTHER.strip()]


def test_code_that_is_no_function_can_be_a_copy() -> None:
    script = b"\n".join(HELD.splitlines()[1:-1]) + b"\n"
    [span] = echoes(HELD).spans(OTHER + script + OTHER, lexical.PYTHON)
    assert (OTHER + script + OTHER)[span.start : span.end] == script[:-1]


def test_half_of_a_larger_function_can_be_a_copy() -> None:
    inner = b"".join(b"    " + line + b"\n" for line in HELD.splitlines()[1:-1])
    text = b"def all_of_it(invoices, limit):\n    x = open_it(1)\n" * 3 + inner + OTHER
    [span] = echoes(HELD).spans(text, lexical.PYTHON)
    assert inner[:-1] in text[span.start : span.end]


def test_what_is_not_near_is_no_echo() -> None:
    less = b"\n".join(HELD.splitlines()[:2])
    assert echoes(HELD).spans(OTHER + less + OTHER, lexical.PYTHON) == []
    assert echoes().spans(HELD, lexical.PYTHON) == []
    assert echoes(HELD).spans(b"", lexical.PYTHON) == []
    assert echoes(b"", HELD).spans(b"x = 1\n", lexical.PYTHON) == []


def test_what_a_text_may_echo_is_named_by_that_alone() -> None:
    held, none = gram_trace([grams(tokens(HELD, lexical.PYTHON))]), gram_trace([])
    assert echoes(HELD).likely(held) == echoes(OTHER, HELD).likely(held) is not None
    assert echoes(HELD, HELD.replace(b"total", b"sum_of")).likely(held) != echoes(HELD).likely(held)
    assert echoes(OTHER).likely(held) is echoes(HELD).likely(none) is echoes().likely(none) is None


def test_after_cutting_no_stretch_of_the_rest_is_near() -> None:
    """Against brute force: all stretches of texts with repetitions, pieces and changes."""
    rng = random.Random(4)
    found = 0
    for _ in range(60):
        words = [b"w%d" % rng.randrange(12) for _ in range(rng.randrange(8, 24))]
        held = [words, [b"v%d" % rng.randrange(6) for _ in range(15)]]
        text = b"\n".join(_noisy(rng, words + held[1]) for _ in range(3))
        spans = ContaminationIndex(held).spans(text, lexical.PYTHON)
        found += bool(spans)
        assert bool(spans) == _is_near(text, held)
        trace = gram_trace([grams(tokens(text, lexical.PYTHON))])
        assert ContaminationIndex(held).likely(trace) or not spans
        assert not any(_is_near(piece, held) for piece in cut(text, spans))
    assert 10 < found < 60


def _noisy(rng: random.Random, words: list[bytes]) -> bytes:
    start = rng.randrange(len(words))
    some = words[start : start + rng.randrange(24)]
    changed = [b"n%d" % rng.randrange(30) if rng.random() < 0.1 else word for word in some]
    return b"\n".join(changed)


def _is_near(text: bytes, held: list[list[bytes]]) -> bool:
    code = [int(gram) for gram in grams(tokens(text, lexical.PYTHON))]
    sets = [{int(gram) for gram in shingles(words)} for words in held]
    stretches = (set(code[i:j]) for i in range(len(code)) for j in range(i + 1, len(code) + 1))
    return any(
        len(some & one) >= CONTAMINATED * len(some | one) for some in stretches for one in sets
    )
