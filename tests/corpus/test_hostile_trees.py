"""Trees that are odd or mean to harm are mined all the same, and every part has its verdict."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from git_repositories import commit
from git_repositories import make_repository as commits_of
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.repo.repository import Repository
from scratch_repositories import git, make_repository, module_text

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"
FILE_BYTES = 100 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "team", commits=12, functions=8)


def mined(folder: Path) -> Mined:
    return mine(Repository.open(folder), MineSettings())


def test_pointers_submodules_and_links_are_no_code(folder: Path, tmp_path: Path) -> None:
    other = commits_of(tmp_path / "other", {"sub.py": module_text(random.Random(8), 5)})
    git(folder, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    (folder / "link.py").symlink_to(other / "sub.py")
    (folder / "loop").symlink_to(folder)
    commit(folder, {"weights.py": POINTER.format("0" * 64)})
    for day in range(8):
        commit(folder, {f"src/late_{day}.py": module_text(random.Random(20 + day), 10)})

    found = mined(folder)

    assert found.manifest["counts"]["files_left_out"] == {"lfs-pointer": 1}
    assert {e.path.split("/")[0] for e in found.ledger} == {"src", ".gitmodules"}


def test_a_renamed_file_holds_nothing_out_and_is_learnt_under_its_old_name(folder: Path) -> None:
    moved = sorted((folder / "src").iterdir())[0].name
    git(folder, "mv", f"src/{moved}", "src/renamed.py")
    commit(folder, {})
    verdicts = {(e.path, e.part) for e in mined(folder).ledger}
    assert (f"src/{moved}", "train") in verdicts
    assert not any(path == "src/renamed.py" for path, _ in verdicts)


def test_a_rewritten_history_is_mined_as_it_is_now(folder: Path) -> None:
    before = mined(folder).manifest
    commits = git(folder, "rev-list", "HEAD").split()
    git(folder, "commit", "-q", "--amend", "-m", "said otherwise", "--allow-empty")
    git(folder, "reflog", "expire", "--expire=now", "--all")
    git(folder, "gc", "-q", "--prune=now")
    after = mined(folder).manifest
    assert after["commit"] not in commits
    assert (after["split"], after["counts"]) == (before["split"], before["counts"])


def test_collecting_objects_meanwhile_loses_nothing(folder: Path) -> None:
    expected = mined(folder).manifest
    repository = Repository.open(folder)
    repository.files()
    git(folder, "gc", "-q", "--aggressive", "--prune=now")
    assert mine(repository, MineSettings()).manifest == expected


def test_a_huge_file_costs_no_more_than_reading_it(folder: Path) -> None:
    line = b"def f(a): return a + 1\n"
    (folder / "huge.py").write_bytes(line * (FILE_BYTES // len(line)))
    (folder / ".git").rename(folder.parent / "git")  # compressing it is git's time, not ours
    begun = time.process_time()
    counts = mined(folder).manifest["counts"]
    assert counts["files_unread"] == {"oversized": 1}
    assert time.process_time() - begun < 20


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("name", ["config", "HEAD", "packed-refs", "refs/heads/main", "commondir"])
def test_a_pipe_among_gits_files_is_said_and_waited_for_by_nobody(folder: Path, name: str) -> None:
    branch = git(folder, "symbolic-ref", "HEAD").strip()
    file = folder / ".git" / name.replace("refs/heads/main", branch)
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    ask = """import sys; from pathlib import Path
from homespun_corpus.errors import RepositoryError
from homespun_corpus.repo.identity import identity_of
from homespun_corpus.repo.repository import Repository
print(identity_of(Path(sys.argv[1])))
try:
    Repository.open(Path(sys.argv[1]))
except RepositoryError as error:
    print(error)"""
    # A process of its own: who waits inside libgit2 cannot be interrupted.
    told = subprocess.run(
        [sys.executable, "-c", ask, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    identity, refusal = told.stdout.splitlines()
    assert identity.startswith("team-")
    assert "is no file" in refusal


def test_a_linked_work_tree_opens_as_ever(folder: Path, tmp_path: Path) -> None:
    git(folder, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert Repository.open(tmp_path / "linked").files() == Repository.open(folder).files()
