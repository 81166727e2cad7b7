"""--since says which commits are held out, in three ways, and every history has an answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.errors import RepositoryError
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.repo.since import commits_since
from scratch_repositories import git, make_repository


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit on each day from 1 March 2025 to 16 March 2025."""
    return make_repository(tmp_path_factory.mktemp("since") / "team", commits=16, functions=8)


def mined(folder: Path, since: str) -> Mined:
    return mine(Repository.open(folder), MineSettings(since=since))


@pytest.mark.parametrize(
    "since", ["6", "2025-03-11", "2025-03-11T00:00:00+00:00", "HEAD~6", "main~6", "old"]
)
def test_what_came_since_is_held_out_and_nothing_else(folder: Path, since: str) -> None:
    git(folder, "tag", "-f", "old", "HEAD~6")
    held = git(folder, "rev-list", "HEAD~6..HEAD").split()

    found = mined(folder, since)

    assert [commit.id for commit in commits_since(Repository.open(folder), since)] == held
    assert found.manifest["split"]["train_commit"] == git(folder, "rev-parse", "HEAD~6")
    assert found.manifest["settings"]["since"] == since
    examined = {s.commit for part in ("validation", "test") for s in found.samples(part)}
    assert examined == set(held)
    assert {s.commit for s in found.samples("train")} == {git(folder, "rev-parse", "HEAD~6")}


@pytest.mark.parametrize(
    ("since", "says"),
    [
        ("0", "no commit since"),
        ("HEAD", "no commit since"),
        ("2031-01-01", "no commit since"),
        ("16", "nothing is older than"),
        ("2020-01-01", "nothing is older than"),
        ("nowhere", "no number of commits, no date and no revision"),
        ("--all", "no number of commits, no date and no revision"),
        ("", "no number of commits, no date and no revision"),
        ("1", "8 functions first appeared since 1, and a test needs 20"),
    ],
)
def test_what_cannot_be_meant_says_why(folder: Path, since: str, says: str) -> None:
    with pytest.raises(RepositoryError, match=says):
        mined(folder, since)


def test_a_revision_on_a_merged_branch_means_what_it_lacks(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team", commits=6)
    git(folder, "checkout", "-q", "-b", "side", "HEAD~2")
    git(folder, "commit", "-q", "--allow-empty", "-m", "side")
    side = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "side")
    expected = git(folder, "rev-list", "--first-parent", "HEAD", "^HEAD~3").split()
    assert [c.id for c in commits_since(Repository.open(folder), side)] == expected


def test_half_a_history_and_none_say_so(folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "4", f"file://{folder}", "shallow")
    with pytest.raises(RepositoryError, match="only a part of its history"):
        mined(tmp_path / "shallow", "2")
    (tmp_path / "plain").mkdir()
    with pytest.raises(RepositoryError, match="has no history"):
        mined(tmp_path / "plain", "2")
    assert mine(Repository.open(tmp_path / "shallow"), MineSettings()).manifest["split"] == {
        "kind": "file",
        "train_commit": git(folder, "rev-parse", "HEAD"),
        "validation_commit": git(folder, "rev-parse", "HEAD"),
    }
