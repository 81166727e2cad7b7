"""In which order training reads: recent files first, one sample of each in turn, all once."""

from __future__ import annotations

import pytest
from git_repositories import make_repository
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_finetune.reading_order import last_changed_first


def module(name: str, *, more: int = 0) -> str:
    functions = []
    for number in range(4 + more):
        lines = "\n".join(f"    total += {name}_{number} * side + {line * 7}" for line in range(5))
        functions.append(
            f"def {name}_{number}_area({name}_{number}, side, total):\n{lines}\n    return side\n"
        )
    return "\n\n".join(functions)


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    """Twelve modules, a text, the third module changed again, and then enough that is held out."""
    names = [f"shape{chr(97 + number)}" for number in range(12)]
    later = {f"late{n}.py": module(f"late{chr(97 + n)}", more=20) for n in range(2)}
    root = make_repository(
        tmp_path_factory.mktemp("repositories") / "team",
        *({f"{name}.py": module(name)} for name in names),
        {"notes.md": "# Areas\n\nThe area of a shape is never below zero.\n" * 20},
        {"shapec.py": module("shapec", more=2)},
        later,
    )
    return mine(Repository.open(root), MineSettings())


def paths(mined: Mined, seed: int = 0) -> list[str]:
    rows = mined.dataset["train"]
    return [rows[i]["path"] for i in last_changed_first(mined, seed)]


def test_every_row_is_read_once(mined: Mined) -> None:
    assert sorted(last_changed_first(mined, 0)) == list(range(len(mined.dataset["train"])))


def test_one_sample_of_each_file_in_turn_those_changed_last_first(mined: Mined) -> None:
    assert mined.manifest["split"]["kind"] == "time"
    found = paths(mined)
    code = [path for path in dict.fromkeys(found) if path.endswith(".py")]
    first = found[: len(code)]
    assert first == code and first[0] == "shapec.py"
    assert first[1:] == sorted(set(code) - {"shapec.py"}, reverse=True)
    if "notes.md" in found:
        assert found.index("notes.md") >= len(code)


def test_what_came_after_the_training_tree_decides_nothing(mined: Mined) -> None:
    assert not any(path.startswith("late") for path in paths(mined))


def test_the_seed_decides_which_sample_of_a_file_comes_first(mined: Mined) -> None:
    assert paths(mined, 1)[:3] == paths(mined, 0)[:3]
    assert last_changed_first(mined, 1) != last_changed_first(mined, 0)
    assert last_changed_first(mined, 0) == last_changed_first(mined, 0)
