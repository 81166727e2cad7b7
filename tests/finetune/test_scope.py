"""Of a repository that is too large for the time, what changed last is mined, and it is said."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

import pytest
from git_repositories import commit
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.reading.blob_cache import default_cache
from homespun_corpus.repo.repository import Repository
from homespun_finetune.budget import Deadline
from homespun_finetune.errors import RunUsageError
from homespun_finetune.gate import GateRules
from homespun_finetune.mining_step import MINED_A_MINUTE
from homespun_finetune.mining_step import mine as mine_as_a_run
from homespun_finetune.progress import Reporter, console_for_people
from homespun_finetune.request import RunRequest
from homespun_finetune.run_context import RunContext, RunProgress
from scratch_repositories import add_commit, git, make_repository, module_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty old modules, then fourteen commits of one each."""
    folder, rng = make_repository(tmp_path / "team", commits=1), random.Random(5)
    commit(folder, {f"old/m{i}.py": module_text(rng, 6) for i in range(60)})
    for day in range(14):
        add_commit(folder, rng, day + 10, 8)
    return folder


def mined(folder: Path, most_bytes: int | None) -> Mined:
    return mine(Repository.open(folder), MineSettings(most_bytes=most_bytes))


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.py"))


def paths(found: Mined) -> set[str]:
    return {entry.path for entry in found.ledger}


def test_what_changed_last_is_mined_and_no_more_than_the_bound(folder: Path) -> None:
    most = size(folder) // 2
    found = mined(folder, most)
    newest = {f"src/{file.name}" for file in (folder / "src").iterdir()} - {git_first(folder)}
    assert newest <= paths(found)
    assert 0 < sum(path.startswith("old/") for path in paths(found)) < 60
    scope = found.manifest["repositories"][0]["scope"]
    assert scope["bytes"] <= most < scope["of_bytes"] == size(folder)
    assert (scope["files"], scope["of_files"]) == (len(paths(found)), 75)
    assert found.manifest["counts"]["held_out"]


def git_first(folder: Path) -> str:
    """The module of the first commit, which no other has touched."""
    first = git(folder, "rev-list", "--max-parents=0", "HEAD").strip()
    return git(folder, "show", "--format=", "--name-only", first).strip()


def test_the_same_bound_gives_the_same_part(folder: Path) -> None:
    most = size(folder) // 3
    one, other = mined(folder, most), mined(folder, most)
    assert one.manifest == other.manifest
    assert one.ledger == other.ledger


def test_a_bound_that_is_not_reached_changes_no_row(folder: Path) -> None:
    whole, bounded = mined(folder, None), mined(folder, size(folder))
    assert bounded.manifest["digest"] == whole.manifest["digest"]
    assert bounded.manifest["repositories"][0]["scope"] is None


def test_an_older_file_that_was_touched_again_comes_before_others(folder: Path) -> None:
    text = (folder / "old/m7.py").read_text()
    commit(folder, {"old/m7.py": text + "\n\nLATER = 1\n"})
    assert "old/m7.py" in paths(mined(folder, size(folder) // 4))


def test_the_rules_of_a_team_are_read_whatever_the_bound(folder: Path) -> None:
    commit(folder, {".homespunignore": "old/\n" + "# why\n" * 9_000})
    whole = size(folder) - sum(file.stat().st_size for file in (folder / "old").iterdir())
    found = mined(folder, whole // 2)
    scope = found.manifest["repositories"][0]["scope"]
    assert scope["of_bytes"] == whole
    assert {e.verdict for e in found.ledger if e.path.startswith("old/")} <= {"excluded"}
    assert not any(e.verdict == "kept" for e in found.ledger if e.path.startswith("old/"))


def test_a_plain_folder_is_bounded_too(folder: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (folder / "old").rename(plain)
    found = mined(plain, size(plain) // 2)
    assert 20 < len(paths(found)) < 40


def mined_by_a_run(folder: Path, deadline: Deadline, *, only_counts: bool = False) -> Mined:
    context = RunContext.of(RunRequest((folder,)), deadline.seconds / 60, GateRules())
    progress = RunProgress(deadline, Reporter(console_for_people()))
    return mine_as_a_run(context, progress, since=None, only_counts=only_counts)


def test_a_run_mines_as_much_as_its_minutes_allow_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = size(folder) / 2 / MINED_A_MINUTE
    found = mined_by_a_run(folder, Deadline(60 * minutes), only_counts=True)
    scope = found.manifest["repositories"][0]["scope"]
    assert scope["bytes"] <= size(folder) / 2
    said = capsys.readouterr().err
    assert f"the {scope['files']} files that changed last were mined" in said


def test_mining_that_takes_too_long_is_stopped_and_what_was_read_is_kept(folder: Path) -> None:
    over = Deadline(600.0, time.monotonic() - 500.0)
    with pytest.raises(RunUsageError, match=r"80% of --minutes 10: run the same command again"):
        mined_by_a_run(folder, over)
    cache = default_cache(Repository.open(folder).identity)
    with sqlite3.connect(cache) as database:
        assert database.execute("SELECT count(*) FROM readings").fetchone()[0] > 0
    counted = mined_by_a_run(folder, over, only_counts=True)
    assert counted.manifest["counts"]["kept"] > 0
