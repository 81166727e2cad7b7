"""What an evaluation reads of a repository: related code, and learnt functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.eval_material import EvalMaterial, in_turn
from homespun_corpus.place import Place, Related
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


def test_related_code_and_the_tree_are_those_of_the_split(
    mined: Mined, material: EvalMaterial
) -> None:
    commit = mined.manifest["split"]["train_commit"]
    listed = git(material.repository.root, "ls-tree", "-r", "--name-only", commit).splitlines()
    related = [material.related(hole) for hole in mined.samples("test")]
    assert sum(map(bool, related)) > len(related) / 2
    assert {piece.path for pieces in related for piece in pieces} <= set(listed)
    assert len(list(material.tree())) == len(listed)


def test_related_code_is_looked_for_without_the_rest_of_the_function(
    mined: Mined, material: EvalMaterial
) -> None:
    """Else what is to be written would choose what the model is shown."""
    asked: list[Place] = []

    class Watched:
        def related(self, place: Place) -> tuple[Related, ...]:
            asked.append(place)
            return ()

    watched: Any = Watched()
    hidden = replace(material, indexes=dict.fromkeys(material.indexes, watched))
    for hole in mined.samples("test"):
        assert hidden.related(hole) == ()
        assert asked[-1].prefix.endswith(hole.place.prefix[-80:])
        body = asked[-1].suffix.partition("def ")[0]
        assert hole.middle.strip() not in body or len(hole.middle.strip()) < 8
    assert hidden.related(replace(hole, function="nowhere")) == ()


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
