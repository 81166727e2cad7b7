"""``homespun models outline``: enough of a base to ask another machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.place import place_at
from homespun_model.bases.base import load_base
from homespun_server.cli import run
from tiny_models import tiny_base


def test_what_it_writes_is_the_same_base_for_prompts_and_for_stores(tmp_path: Path) -> None:
    assert run(["models", "outline", "starter", str(tmp_path / "light")]) == 0
    light, whole = load_base(str(tmp_path / "light"), weightless=True), load_base("starter")
    assert light.record.is_same(whole.record)
    assert light.record.key == whole.record.key
    place = place_at("def area(a):\n    ", 16, path="a.py", language="python")
    assert light.prompts().ask(place) == whole.prompts().ask(place)
    assert light.found_generic.adapter == whole.found_generic.adapter
    assert sum(file.stat().st_size for file in (tmp_path / "light").iterdir()) < 2 << 20


def test_where_something_lies_already_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note").write_text("mine")
    assert run(["models", "outline", "starter", str(tmp_path)]) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["note"]
    assert "new or empty" in capsys.readouterr().err


def test_a_base_of_nobody_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tiny_base(tmp_path / "base")
    assert run(["models", "outline", str(base), str(tmp_path / "light")]) == 2
    assert "nobody knows" in capsys.readouterr().err
    assert not (tmp_path / "light").exists()
