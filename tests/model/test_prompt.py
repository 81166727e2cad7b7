"""The prompt, format v1: its bytes are frozen, its budget holds, typing changes only its end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from homespun_corpus.place import Place, Related, place_at
from homespun_model.bases.families import by_name
from homespun_model.bases.prompt import Budget, PromptBuilder
from hypothesis import given
from hypothesis import strategies as st
from readable_prompts import BUDGET, CODE, NAMES, Bytes, builder

GOLDEN = Path(__file__).parents[1] / "fixtures" / "prompt_v1.json"


def readable(ids: list[int]) -> str:
    """The prompt as text, sentinels by name."""
    parts = (NAMES[token].encode() if token in NAMES else bytes([token]) for token in ids)
    return b"".join(parts).decode(errors="replace")


def places() -> dict[str, Place]:
    related = (
        Related("src/shapes.py", "class Square:\n    side: float\n"),
        Related("b.py", "B = 1"),
    )
    middle = CODE.index("f60(a")
    short = "x = 1\ny = "
    return {
        "short": place_at(short, len(short), path="src/a.py", language="python"),
        "related": place_at(CODE, middle, path="src/a.py", language="python", related=related),
        "bare": place_at(CODE, middle, path="", language="python"),
        "crlf": place_at("a\r\nb = \r\nc\r\n", 6, path="a.py", language="python"),
        "empty": place_at("", 0, path="new.py", language="python"),
        "hole": place_at(CODE, middle, middle + 30, path="src/a.py", language="python"),
        "long path": place_at("x", 1, path="a/very/deep/folder/tree/file.py", language="python"),
    }


def rendered() -> dict[str, str]:
    every: dict[str, str] = {}
    for name, place in places().items():
        for order in ("spm", "psm", "spm1"):
            every[f"{order}: {name}"] = readable(builder(order).build(place))
        every[f"plain: {name}"] = readable(builder().build(place, plain=True))
    return every


def test_version_1_is_frozen() -> None:
    """A difference here is another version: every adapter and the starter learnt version 1."""
    assert rendered() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_starter_reads_header_related_suffix_prefix() -> None:
    ids = builder().build(places()["related"])
    order = [NAMES[token] for token in ids if token in NAMES]
    assert order == ["<repo>", "<file_sep>", "<file_sep>", "<prefix>", "<suffix>", "<middle>"]
    assert readable(ids).endswith("return a + b * 59\n\ndef ")


@given(
    st.integers(0, len(CODE)),
    st.integers(60, 900),
    st.sampled_from(["spm", "psm", "spm1"]),
)
def test_a_prompt_never_exceeds_its_budget(cursor: int, total: int, order: str) -> None:
    related = tuple(Related(f"m{i}.py", CODE[i * 50 : i * 50 + 90]) for i in range(5))
    place = place_at(CODE, cursor, path="src/deep/a.py", language="python", related=related)
    assert len(builder(order, Budget.of(total)).build(place)) <= total * 3 // 4


def test_typing_changes_only_the_end() -> None:
    """Over two screens of typing, nearly every token of a prompt stands in the one before it."""
    start = CODE.index("f60(a")
    text, typed, after = CODE[:start], CODE[start : start + 900], CODE[start + 900 :]
    shares = []
    previous: list[int] = []
    for n in range(len(typed)):
        place = place_at(
            text + typed[:n] + after, len(text) + n, path="src/a.py", language="python"
        )
        ids = builder(budget=Budget.of(2400)).build(place)
        same = next((i for i, (a, b) in enumerate(zip(ids, previous, strict=False)) if a != b), -1)
        shares.append((same if same >= 0 else min(len(ids), len(previous))) / len(ids))
        previous = ids
    assert sorted(shares)[len(shares) // 2] > 0.99
    assert sum(shares) / len(shares) > 0.95


def test_line_ends_are_the_documents_business() -> None:
    text = "def f():\r\n    return 1\r\n"
    crlf = place_at(text, 20, path="a.py", language="python")
    lf = place_at(text.replace("\r\n", "\n"), 19, path="a.py", language="python")
    assert builder().build(crlf) == builder().build(lf)
    assert builder().encode_middle("a\r\nb") == builder().encode_middle("a\nb")


def test_a_bare_place_has_neither_header_nor_related_code() -> None:
    ids = builder().build(places()["bare"])
    assert ids[0] == 300 and 305 not in ids and 306 not in ids


def test_the_last_stretch_is_kept_even_if_it_alone_is_too_long() -> None:
    place = place_at("x" * 5000, 5000, path="a.py", language="python")
    ids = builder().build(place)
    assert len(ids) <= BUDGET.total
    assert ids.count(ord("x")) > 300


@pytest.mark.parametrize("family", ["qwen2.5-coder", "starcoder", "codestral"])
def test_other_families_keep_their_own_order(family: str) -> None:
    form = by_name(family)
    names = {name: 1000 + i for i, name in enumerate(form.sentinels())}
    built = PromptBuilder(Bytes(), form.resolve(names.get), BUDGET).build(places()["related"])
    lexical = [token for token in built if token >= 1000]
    suffix_at, prefix_at = lexical.index(names[form.suffix]), lexical.index(names[form.prefix])
    assert (prefix_at < suffix_at) == (form.order in ("psm", "spm"))
    assert form.middle is None or lexical[-1] == names[form.middle]


def test_related_code_that_does_not_fit_is_left_out_whole() -> None:
    big = Related("big.py", "y" * 500)
    small = Related("small.py", "z = 1")
    place = replace(places()["short"], related=(big, small))
    text = readable(builder().build(place))
    assert "y" * 20 not in text and "small.py\nz = 1\n" in text
