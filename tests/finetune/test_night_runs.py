"""The parts of a night that run something: a child on its leash, a clone, one after the other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly import child, cluster, command, one_machine
from homespun_finetune.nightly.clones import CloneError, Clones
from homespun_finetune.nightly.task import RepositoryTask
from homespun_model.errors import StoreInputError
from scratch_repositories import add_commit, git, make_repository

TALKS = "import sys; print('result'); print('one', file=sys.stderr); sys.exit('two')"
HANGS = """
import subprocess, sys, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(other.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""


def run(program: str, seconds: float = 60.0) -> tuple[child.Ended, list[str], bytes]:
    heard: list[str] = []
    with tempfile.TemporaryFile() as log:
        ended = child.run([sys.executable, "-c", program], log, heard.append, seconds=seconds)
        log.seek(0)
        return ended, heard, log.read()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_child_says_is_heard_and_kept() -> None:
    ended, heard, log = run(TALKS)
    assert (ended.code, ended.said, ended.last) == (1, b"result\n", "two")
    assert heard == ["one", "two"] and log == b"one\ntwo\n"


def test_a_child_that_hangs_ends_with_all_that_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "GRACE", 0.3)
    ended, heard, _ = run(HANGS, seconds=1.5)
    assert ended.code is None
    end = time.monotonic() + 20
    while is_alive(int(heard[0])):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_run_ends_with_whoever_holds_its_leash(tmp_path: Path) -> None:
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(600)\n")
    process = subprocess.Popen(
        child.on_leash("sleeps", []), stdin=subprocess.PIPE, cwd=tmp_path, start_new_session=True
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) != 0


def test_a_clone_follows_its_origin(tmp_path: Path) -> None:
    import random

    origin = make_repository(tmp_path / "shop", commits=2)
    with (tmp_path / "log").open("wb") as log:
        clones = Clones(tmp_path / "clones", log)
        clone = clones.bring(origin.as_uri())
        assert clone.name == "shop"
        assert git(clone, "rev-parse", "HEAD") == git(origin, "rev-parse", "HEAD")
        git(origin, "checkout", "-q", "-b", "trunk")
        add_commit(origin, random.Random(5), 9, 2)
        git(origin, "branch", "-q", "-D", "main")
        assert clones.bring(origin.as_uri()) == clone
        assert git(clone, "rev-parse", "HEAD") == git(origin, "rev-parse", "HEAD")
        with pytest.raises(CloneError, match=r"^git could not fetch file://.*gone'? does not"):
            clones.bring((tmp_path / "gone").as_uri())
    assert [*(tmp_path / "clones").rglob("coming-*")] == []


def test_a_disk_that_takes_no_log_is_a_row(tmp_path: Path) -> None:
    (file := tmp_path / "logs").touch()
    row = one_machine.run_one(RepositoryTask("shop", str(tmp_path)), file, print)
    assert (row.decision, row.why) == ("failed", f"{file}: File exists")


@pytest.mark.parametrize("store", [None, "folder", "/mnt/share"])
def test_a_cluster_takes_a_url_for_a_store(
    store: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "lacking", lambda _: None)
    with pytest.raises(RunUsageError, match="the store has to be a URL"):
        next(cluster.run("local", [RepositoryTask("shop", "/x", store)], tmp_path, print))


def test_a_cluster_without_ray_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "lacking", lambda extra: f"pip install 'homespun[{extra}]'")
    with pytest.raises(RunUsageError, match=r"pip install 'homespun\[ray\]'"):
        next(cluster.run("local", [], tmp_path, print))


def test_what_a_command_line_cannot_mean_is_said_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "repositories.toml"
    file.write_text('[[repository]]\npath = "shop"\n')

    def said(*arguments: str) -> str:
        with pytest.raises((RunUsageError, StoreInputError)) as raised:
            command.app([str(file), *arguments], standalone_mode=False)
        return str(raised.value)

    assert said("--only", "till").endswith("repositories.toml has shop")
    assert "a folder that is there" in said("--html", str(tmp_path / "gone" / "x.html"))
    assert "hunter2" not in said("--store", "s3://robot:hunter2@bucket/x")
    pytest.importorskip("ray")
    store = tmp_path.as_uri()
    assert "host:port" in said("--ray", "ray://x:1", "--store", store)
