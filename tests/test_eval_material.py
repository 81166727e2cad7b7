"""What an evaluation reads of a repository: lines about to be typed, and learnt functions."""

from __future__ import annotations

import pytest
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.eval_material import EvalMaterial, in_turn
from homespun_corpus.repo.repository import Repository
from scratch_repositories import git, make_repository


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = make_repository(tmp_path_factory.mktemp("repositories") / "team")
    return mine(Repository.open(folder), MineSettings())


@pytest.fixture(scope="module")
def material(mined: Mined) -> EvalMaterial:
    assert mined.material is not None
    return mined.material


def test_a_line_stands_where_its_author_began_it(material: EvalMaterial) -> None:
    lines = material.lines(0, 500)
    assert len(lines) > 50
    for line in lines:
        held = next(h for h in material.held if line.id.startswith(h.function.path))
        source = material.repository.read(held.function.blob_id).decode()
        lead = line.place.prefix.rpartition("\n")[2]
        assert not lead.strip()
        assert f"{line.place.prefix}{line.text}\n" in source
        assert line.text == line.text.strip()


def test_nothing_of_the_function_stands_below_the_cursor(material: EvalMaterial) -> None:
    functions = {h.function.qualified_name for h in material.held}
    for line in material.lines(0, 500):
        above = line.place.prefix.rpartition("def ")[2].partition("(")[0]
        assert above in functions or line.text.startswith("def ")
        body = line.place.suffix.partition("def ")[0]
        assert line.text not in body


def test_lines_go_round_the_files_in_a_seeded_order(material: EvalMaterial) -> None:
    lines = material.lines(0, 500)
    files = {line.place.path for line in lines}
    assert len({line.place.path for line in lines[: len(files)]}) == len(files)
    assert material.lines(0, 500) == lines
    assert material.lines(0, 7) == lines[:7]
    assert material.lines(1, 500) != lines


def test_related_code_and_the_tree_are_those_of_the_split(
    mined: Mined, material: EvalMaterial
) -> None:
    commit = mined.manifest["split"]["train_commit"]
    listed = git(material.repository.root, "ls-tree", "-r", "--name-only", commit).splitlines()
    assert any(line.place.related for line in material.lines(0, 50))
    for line in material.lines(0, 50):
        assert {piece.path for piece in line.place.related} <= set(listed)
    assert len(list(material.tree())) == len(listed)


def test_learnt_functions_are_those_that_training_saw(mined: Mined, material: EvalMaterial) -> None:
    learnt = material.learnt_functions(0, 10_000)
    assert len(learnt) == mined.manifest["counts"]["kept"]
    assert material.learnt_functions(0, 5) == learnt[:5]
    assert all(function.text.startswith("def ") for function in learnt)


def test_in_turn_does_not_depend_on_the_order_given() -> None:
    items = ["a1", "a2", "a3", "b1", "c1"]
    order = in_turn(items, lambda item: item[0], str, 0)
    assert {item[0] for item in order[:3]} == {"a", "b", "c"}
    assert order == in_turn(items[::-1], lambda item: item[0], str, 0)
