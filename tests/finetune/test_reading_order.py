"""Training reads what changed last first, and one sample of each file in turn."""

from __future__ import annotations

import random
from pathlib import Path

from git_repositories import make_repository as commits_of
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_finetune.reading_order import last_changed_first
from scratch_repositories import module_text


def mined(folder: Path) -> Mined:
    return mine(Repository.open(folder), MineSettings(since="2"))


def paths(of: Mined, seed: int = 0) -> list[str]:
    rows = of.dataset["train"]
    order = last_changed_first(of, seed)
    assert sorted(order) == list(range(len(rows)))
    return [rows[i]["path"] for i in order]


def test_what_changed_last_comes_first_and_texts_last(tmp_path: Path) -> None:
    rng = random.Random(3)
    days = [{f"part_{day}.py": module_text(rng, 4)} for day in range(6)]
    days[5]["notes.md"] = "\n\n".join(f"## Part {n}\n\nAbout the {n}th of them." for n in range(30))
    again = {"part_1.py": days[1]["part_1.py"] + module_text(rng, 2)}
    new = [{f"new_{n}.py": module_text(rng, 30)} for n in range(2)]
    now = mined(commits_of(tmp_path / "team", *days, again, *new))
    found = paths(now)
    assert found[:7] == [*(f"part_{n}.py" for n in (1, 5, 4, 3, 2, 0)), "notes.md"]
    assert found == paths(now) and last_changed_first(now, 0) != last_changed_first(now, 1)


def test_without_a_history_every_row_is_read(tmp_path: Path) -> None:
    rng = random.Random(4)
    for number in range(6):
        (tmp_path / f"part_{number}.py").write_text(module_text(rng, 12))
    now = mine(Repository.open(tmp_path), MineSettings())
    assert {path.partition("_")[0] for path in paths(now)} == {"part"}
