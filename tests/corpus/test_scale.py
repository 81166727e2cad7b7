"""A repository may be larger than memory: what is held is bounded, and changes no row."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from pathlib import Path

import pytest
from homespun_corpus.dedup import near_duplicates
from homespun_corpus.dedup.dedup import Reasons
from homespun_corpus.dedup.format_key import KEY_BYTES, Known
from homespun_corpus.dedup.near_duplicates import NearIndex, repeated, shingles, sketches
from homespun_corpus.mining import sampling
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.holdout_size import TEST_MAX, VALIDATION_MAX, whole_files
from homespun_corpus.mining.sampling import thinned
from homespun_corpus.reading import sources
from homespun_corpus.reading.parsed_file import read_blob
from homespun_corpus.repo.repository import Repository
from homespun_corpus.retrieval import context_index
from homespun_corpus.retrieval.context_index import as_many_as_shown
from scratch_repositories import make_repository


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("scale") / "team", commits=14, functions=8)


def mined(folder: Path, cache: Path | None = None) -> Mined:
    return mine(Repository.open(folder), MineSettings(), cache=cache)


@pytest.mark.parametrize("cached", [True, False])
def test_files_that_were_forgotten_are_not_parsed_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, cached: bool
) -> None:
    expected, read = mined(folder), list[bytes]()

    def counting(blob: bytes, *rest: object, **named: object) -> object:
        read.append(blob)
        return read_blob(blob, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sources, "RECENT_FUNCTIONS", 20)
    monkeypatch.setattr(sources, "read_blob", counting)
    found = mined(folder, tmp_path / "cache.sqlite" if cached else None)
    assert found.manifest == expected.manifest
    assert found.ledger == expected.ledger
    assert len(read) == 14
    assert found.material is not None
    assert expected.material is not None
    assert list(found.material.kept) == list(expected.material.kept)
    assert found.material.learnt_functions(0, 9) == expected.material.learnt_functions(0, 9)
    assert len(read) == 14


def test_of_many_holes_a_sample_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mined(folder).manifest["counts"]["samples"]
    monkeypatch.setattr(sampling, "MOST_CUT", 30)
    monkeypatch.setattr(sampling, "DRAWN", 20)
    found = mined(folder)
    assert 10 < found.manifest["counts"]["samples"] <= 20 < whole
    assert mined(folder).manifest == found.manifest
    places = [(s.blob_id, s.start, s.end) for s in found.samples("train")]
    assert len({blob for blob, *_ in places}) > 3


def test_no_function_is_given_more_holes_than_it_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampling, "MOST_CUT", 99)
    monkeypatch.setattr(sampling, "DRAWN", 50)
    room = [array("B", [1, 8, 0, 3] * 10), array("B"), array("B", [2] * 40)]
    counts = thinned(room, 0)
    assert [len(some) for some in counts] == [40, 0, 40]
    assert sum(map(sum, counts)) == 50
    for some, most in zip(counts, room, strict=True):
        assert all(count <= limit for count, limit in zip(some, most, strict=True))


def test_a_large_repository_shows_its_first_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_index, "SHOWN_CHARS", 25)
    files = [("a.py", "x" * 10), ("b.py", "x" * 15), ("c.py", "x"), ("d.py", "")]
    assert list(as_many_as_shown(files)) == files[:2]


def test_known_keys_are_those_and_no_others() -> None:
    rng = random.Random(3)
    keys = [rng.randbytes(KEY_BYTES - 3) + bytes(rng.choices([0, 1], k=3)) for _ in range(2000)]
    known = Known(keys[:1000] + keys[:100])
    assert all(key in known for key in keys[:1000])
    assert not any(key in known for key in keys[1000:])
    assert bytes(KEY_BYTES) not in known
    assert bytes(KEY_BYTES) in Known([bytes(KEY_BYTES)])
    assert keys[0] not in Known([])


def test_sets_that_were_forgotten_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(4)
    code = [[b"%d" % rng.randrange(99) for _ in range(40)] for _ in range(20)]
    every = [line for item in code for line in (item, [*item[:38], b"other", b"end"])]
    packed = b"".join(sketches(every))
    for room in (near_duplicates.SETS_BYTES, 0):
        monkeypatch.setattr(near_duplicates, "SETS_BYTES", room)
        index, found = NearIndex(packed, lambda i: shingles(every[i]), 0.7), []
        for number in range(len(every)):
            found.append(index.has_near(number))
            index.add(number)
        assert found == [False, True] * 20


def test_only_the_later_ones_of_the_same_are_repeated() -> None:
    code = [[b"a"] * 9, [b"b"] * 9, [b"a"] * 9, [b"a"] * 9, [b"c"] * 9, [b"b"] * 9]
    found = repeated(b"".join(sketches(code)))
    assert found.tolist() == [False, False, True, True, False, True]
    assert repeated(b"").tolist() == []


def test_reasons_come_back_as_they_were_given() -> None:
    given = ["secret", None, "duplicate", None, "secret"]
    reasons = Reasons()
    for reason in given:
        reasons.append(reason)
    reasons[1] = "near-duplicate"
    assert list(reasons) == ["secret", "near-duplicate", "duplicate", None, "secret"]
    assert list(reasons.between(1, 4)) == ["near-duplicate", "duplicate", None]
    assert (reasons.count_of("secret"), reasons.count_of(None), reasons.count_of("x")) == (2, 1, 0)


def test_of_many_files_as_many_are_held_out_as_an_exam_needs() -> None:
    few = whole_files({f"m{i}.py": 20 for i in range(100)}, 0)
    assert Counter(few.values()) == {"test": 10, "validation": 5}
    many = whole_files({f"m{i}.py": 20 for i in range(5000)}, 0)
    assert Counter(many.values()) == {"test": TEST_MAX // 20, "validation": VALIDATION_MAX // 20}
    assert whole_files({"a.py": 900, "b.py": 900}, 0) == {}
    assert Counter(whole_files({f"m{i}.py": 900 for i in range(90)}, 0).values()) == {
        "test": 1,
        "validation": 1,
    }
