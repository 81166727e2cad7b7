"""Scripts without an ending: their first line says what they are, wherever they are read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from git_repositories import commit, make_repository
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.place import place_at
from homespun_corpus.repo.repository import Repository
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.syntax.languages import language_in, may_be_script
from scratch_repositories import module_text

FUNCTION = """
def {name}(orders, rates):
    total = 0
    for order in orders:
        if order.country in rates:
            total += order.amount * rates[order.country] * {number}
    return total
"""


def script(*numbers: int, first: str = "#!/usr/bin/env python3") -> str:
    made = (FUNCTION.format(name=f"sum_{n}", number=n) for n in numbers)
    return f"{first}\n" + "\n".join(made)


@pytest.mark.parametrize(
    ("first", "language"),
    [
        ("#!/usr/bin/python", "python"),
        ("#! /usr/bin/env python3.11 -u", "python"),
        ("#!/usr/bin/env -S uv run --script", "python"),
        ("#!/usr/bin/env -S LC_ALL=C node --no-warnings", "javascript"),
        ("#!/bin/sh -e", "bash"),
        ("#!/bin/zsh", "bash"),
        ("#!/usr/local/bin/ruby2.7", "ruby"),
        ("#!/usr/bin/perl", None),
        ("#!", None),
        ("#!/usr/bin/env", None),
        ("# python", None),
        ("", None),
    ],
)
def test_the_first_line_names_an_interpreter(first: str, language: str | None) -> None:
    found = language_in("bin/tool", f"{first}\nx = 1\n".encode())
    assert (found and found.name) == language


def test_an_ending_or_a_known_name_says_more() -> None:
    source = b"#!/bin/sh\n"
    assert not may_be_script("tool.py") and not may_be_script("Rakefile")
    assert [language.name for p in ("tool.py", "Rakefile") if (language := language_in(p, source))]
    assert language_in("tool.txt", source) is None


def test_they_are_mined_held_out_and_asked_as_what_they_are(tmp_path: Path) -> None:
    """One after the other, so that the newest are held out."""
    root = make_repository(tmp_path / "repo", {"LICENSE": "Do as you like.\n"})
    rng = random.Random(0)
    for number in range(30):
        text = f"#!/usr/bin/env python3\n{module_text(rng, 4)}"
        commit(root, {f"bin/tool{number}": text})
    mined = mine(Repository.open(root), MineSettings())
    assert mined.manifest["split"]["kind"] == "time"
    for part in ("train", "test"):
        rows = mined.dataset[part]
        assert len(rows) > 0
        assert {row["place_language"] for row in rows} == {"python"}, part


def test_a_script_is_related_to_files_of_its_language_and_they_to_it() -> None:
    helper = "def total_of(orders, rates):\n    return sum(o.amount * rates[o] for o in orders)\n"
    index = ContextIndex.from_files([("shop/money.py", helper), ("bin/sums", script(1, 2))])
    text = script(7) + "\n\ndef main(orders, rates):\n    return total_of(\n"
    place = place_at(text, len(text) - 1, path="bin/report", language="python")
    assert "shop/money.py" in {piece.path for piece in index.related(place)}
    place = place_at(text, len(text) - 1, path="shop/report.py", language="python")
    assert "bin/sums" in {piece.path for piece in index.related(place)}
    shell = place_at(text, len(text) - 1, path="bin/report", language="bash")
    assert index.related(shell) == ()


def test_a_script_that_changes_its_language_or_goes_is_forgotten() -> None:
    index = ContextIndex.from_files([("bin/sums", script(1, 2))])
    index.update("bin/sums", script(1, 2, first="#!/bin/sh"))
    assert [path for path, _ in index.files()] == ["bin/sums"]
    index.update("bin/sums", None)
    assert list(index.files()) == []
