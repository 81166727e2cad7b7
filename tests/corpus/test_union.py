"""Several repositories in one dataset: each named, and none teaches what another holds out."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from git_repositories import commit
from homespun_corpus.errors import RepositoryError
from homespun_corpus.mining.dataset import Mined, MineSettings, mine, mine_together
from homespun_corpus.mining.dataset_files import load, save
from homespun_corpus.repo.repository import Repository
from scratch_repositories import git, make_repository, module_text


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two teams; the second began with what the first wrote last, and with what it wrote first."""
    root = tmp_path_factory.mktemp("teams")
    one = make_repository(root / "one", commits=14, functions=10)
    two = root / "two"
    two.mkdir()
    git(two, "init", "-q", "-b", "main")
    files = sorted((one / "src").iterdir(), key=lambda path: int(path.stem.rpartition("_")[2]))
    oldest, newest = files[0].read_text(), files[-1].read_text()
    commit(
        two, {"old.py": oldest, "copied.py": newest, "own.py": module_text(random.Random(9), 30)}
    )
    for day in range(12):
        commit(two, {f"later_{day}.py": module_text(random.Random(100 + day), 10)})
    return [one, two]


def opened(folders: list[Path], *excluded: str) -> list[tuple[Repository, MineSettings]]:
    excludes = [excluded, ()]
    return [
        (Repository.open(folder), MineSettings(exclude=exclude))
        for folder, exclude in zip(folders, excludes, strict=True)
    ]


@pytest.fixture(scope="module")
def mined(folders: list[Path]) -> Mined:
    return mine_together(opened(folders))


def test_every_row_and_every_entry_names_its_repository(folders: list[Path], mined: Mined) -> None:
    first, second = (Repository.open(folder) for folder in folders)
    names = {first.identity, second.identity}
    for part in mined.dataset:
        for sample in mined.samples(part):
            source = next(r for r in (first, second) if r.identity == sample.repository)
            blob = source.read(sample.blob_id)
            assert blob[sample.start : sample.end].decode() == sample.middle
        assert {sample.repository for sample in mined.samples(part)} == names
    assert {entry.repository for entry in mined.ledger} == names


def test_each_is_split_by_its_own_history(folders: list[Path], mined: Mined) -> None:
    alone = [mine(*one).manifest for one in opened(folders)]
    found = mined.manifest["repositories"]
    assert [one["split"] for one in found] == [one["split"] for one in alone]
    assert [one["commit"] for one in found] == [one["commit"] for one in alone]
    assert mined.manifest["split"]["kind"] == "time"
    assert mined.manifest["split"]["train_commit"] is None


def test_none_teaches_what_another_has_or_holds_out(folders: list[Path], mined: Mined) -> None:
    second = Repository.open(folders[1]).identity
    verdicts = {
        path: Counter(e.verdict for e in mined.ledger if (e.repository, e.path) == (second, path))
        for path in ("old.py", "copied.py", "own.py")
    }
    assert set(verdicts["copied.py"]) <= {"held-out-duplicate", "too-short"}
    assert verdicts["copied.py"]["held-out-duplicate"] > 0
    assert set(verdicts["old.py"]) <= {"duplicate", "too-short"}
    assert verdicts["own.py"]["kept"] > 0
    taught = {s.path for s in mined.samples("train") if s.repository == second}
    assert not taught & {"old.py", "copied.py"}
    counts = mined.manifest["counts"]
    assert counts["functions"] == counts["kept"] + sum(counts["rejected"].values())
    assert counts["samples"] == len(mined.dataset["train"])


def test_related_code_is_a_repository_s_own(mined: Mined) -> None:
    paths: dict[str, set[str]] = {}
    for entry in mined.ledger:
        paths.setdefault(entry.repository, set()).add(entry.path)
    assert mined.material is not None
    shown = [
        (sample.repository, piece.path)
        for part in mined.dataset
        for sample in mined.samples(part)
        for piece in sample.place.related
    ]
    assert shown
    assert all(path in paths[repository] for repository, path in shown)
    for sample in mined.samples("test"):
        of = {piece.path for piece in mined.material.related(sample)}
        assert of <= paths[sample.repository]
    assert mined.material.learnt_functions(0, 50)


def test_what_one_team_excludes_is_its_own_affair(folders: list[Path]) -> None:
    found = mine_together(opened(folders, "src/"))
    names = [one["repository"] for one in found.manifest["repositories"]]
    kept = {entry.repository for entry in found.ledger if entry.verdict == "kept"}
    assert kept == {names[1]}
    assert found.manifest["settings"]["exclude"] == ["src/"]


def test_one_alone_is_what_mine_gives(folders: list[Path], tmp_path: Path) -> None:
    [one, _] = opened(folders)
    alone, found = mine(*one), mine_together([one])
    assert alone.manifest == found.manifest
    save(found, tmp_path / "data")
    assert load(tmp_path / "data").manifest["digest"] == alone.manifest["digest"]


def test_a_repository_counts_once(folders: list[Path]) -> None:
    with pytest.raises(RepositoryError, match="given twice"):
        mine_together(opened([folders[0], folders[0]]))
