"""A clone of the user's cache follows its origin, whatever became of either."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from homespun_corpus.repo.identity import file_system_name
from homespun_finetune.nightly import clones as module
from homespun_finetune.nightly.clones import CloneError, Clones
from scratch_repositories import add_commit, git, make_repository

BRINGS = """
import sys
from pathlib import Path
from homespun_finetune.nightly.clones import Clones
with open(sys.argv[1] + "/log", "wb") as log:
    Clones(Path(sys.argv[1]) / "clones", log).bring(sys.argv[2])
"""


@pytest.fixture
def clones(tmp_path: Path) -> Iterator[Clones]:
    with (tmp_path / "log").open("wb") as log:
        yield Clones(tmp_path / "clones", log)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", commits=2)


@contextlib.contextmanager
def asking_server() -> Iterator[str]:
    """One that lets nobody in without a password."""

    class Asks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="team"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Asks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/shop.git"
        server.shutdown()


def commit(origin: Path, day: int = 9) -> str:
    add_commit(origin, random.Random(day), day, 2)
    return head(origin)


def head(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD")


def is_tidy(clones: Clones) -> bool:
    return [*clones.folder.glob("*.coming")] == []


def test_a_clone_follows_its_origin(origin: Path, clones: Clones, tmp_path: Path) -> None:
    clone = clones.bring(origin.as_uri())
    assert clone.name == "shop"
    assert head(clone) == head(origin)
    git(origin, "checkout", "-q", "-b", "trunk")
    commit(origin)
    git(origin, "branch", "-q", "-D", "main")
    assert clones.bring(origin.as_uri()) == clone
    assert head(clone) == head(origin)
    assert git(clone, "branch", "--format=%(refname:short)") == "trunk"
    with pytest.raises(CloneError, match=r"^git could not fetch file://.*gone'? does not"):
        clones.bring((tmp_path / "gone").as_uri())
    assert is_tidy(clones)


def test_an_origin_that_is_away_costs_no_clone(origin: Path, clones: Clones) -> None:
    clone = clones.bring(origin.as_uri())
    was = head(clone)
    origin.rename(origin.with_name("away"))
    with pytest.raises(CloneError, match="git could not fetch"):
        clones.bring(origin.as_uri())
    assert head(clone) == was


def test_a_mere_commit_is_followed_and_a_branch_again(origin: Path, clones: Clones) -> None:
    git(origin, "checkout", "-q", "--detach")
    clone = clones.bring(origin.as_uri())
    assert head(clone) == head(origin)
    assert commit(origin) == head(clones.bring(origin.as_uri())), "no branch leads there"
    git(origin, "checkout", "-q", "main")
    assert commit(origin, 10) == head(clones.bring(origin.as_uri()))


def test_a_name_that_a_user_gives_to_origins_breaks_no_clone(
    origin: Path, clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in (
        ("COUNT", "1"),
        ("KEY_0", "clone.defaultRemoteName"),
        ("VALUE_0", "upstream"),
    ):
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    clone = clones.bring(origin.as_uri())
    assert git(clone, "config", "remote.origin.url") == origin.as_uri()
    commit(origin)
    assert head(clones.bring(origin.as_uri())) == head(origin)


@pytest.mark.parametrize("damage", ["lock", "head", "emptied", "file"])
def test_a_clone_that_is_broken_is_made_anew(origin: Path, clones: Clones, damage: str) -> None:
    clone = clones.bring(origin.as_uri())
    if damage == "lock":
        (clone / "refs/heads").mkdir(parents=True, exist_ok=True)
        (clone / "refs/heads/main.lock").touch()
    elif damage == "head":
        (clone / "HEAD").write_text("")
    else:
        shutil.rmtree(clone)
        clone.mkdir() if damage == "emptied" else clone.touch()
    commit(origin)
    assert clones.bring(origin.as_uri()) == clone
    assert head(clone) == head(origin)
    assert is_tidy(clones)


def test_an_origin_that_was_shallow_is_whole_one_day(
    origin: Path, clones: Clones, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", origin.as_uri(), "thin")
    thin = tmp_path / "thin"
    assert git(clones.bring(thin.as_uri()), "rev-list", "--count", "HEAD") == "1"
    assert git(clones.bring(thin.as_uri()), "rev-list", "--count", "HEAD") == "1"
    git(thin, "fetch", "-q", "--unshallow")
    assert int(git(clones.bring(thin.as_uri()), "rev-list", "--count", "HEAD")) > 1


def test_what_a_killed_night_left_is_gone_with_the_next(origin: Path, clones: Clones) -> None:
    left = clones.folder / f"{file_system_name(origin.as_uri())}.coming" / "new"
    left.mkdir(parents=True)
    clones.bring(origin.as_uri())
    assert is_tidy(clones)


def test_two_nights_fetch_one_after_the_other(
    origin: Path, clones: Clones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = origin.as_uri()
    both = [subprocess.Popen([sys.executable, "-c", BRINGS, str(tmp_path), url]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    monkeypatch.setattr(module, "SECONDS", 0.0)
    lock = module.try_lock(clones.folder / f"{file_system_name(url)}.lock")
    assert lock is not None
    with lock, pytest.raises(CloneError, match="another run is still fetching file://"):
        clones.bring(url)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")
def test_git_ends_with_the_night(tmp_path: Path) -> None:
    """ssh is a program that never answers."""
    (slow := tmp_path / "slow").write_text("#!/bin/sh\nsleep 600\n")
    slow.chmod(0o755)
    night = subprocess.Popen(
        [sys.executable, "-c", BRINGS, str(tmp_path), "nobody@host.invalid:shop.git"],
        env=os.environ | {"GIT_SSH_COMMAND": str(slow)},
    )
    end = time.monotonic() + 20
    running: list[psutil.Process] = []
    while not any("sleep" in one.name() for one in running):
        assert time.monotonic() < end
        time.sleep(0.1)
        running = psutil.Process(night.pid).children(recursive=True)
    night.kill()
    night.wait()
    assert psutil.wait_procs(running, timeout=20)[1] == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX programs")
def test_nobody_is_asked_for_credentials(
    clones: Clones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asks := tmp_path / "asks").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho x\n")
    (ssh := tmp_path / "ssh").write_text(
        f"#!/bin/sh\necho $SSH_ASKPASS_REQUIRE > {tmp_path}/said\n"
    )
    for program in (asks, ssh):
        program.chmod(0o755)
    settings = tmp_path / "settings"
    settings.write_text(f"[core]\naskPass = {asks}\nsshCommand = {ssh}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(asks))
    with pytest.raises(CloneError):
        clones.bring("nobody@host.invalid:shop.git")
    assert (tmp_path / "said").read_text() == "never\n", "the user's own ssh was called"
    with asking_server() as url, pytest.raises(CloneError, match="could not read Username"):
        clones.bring(url)
    assert not (tmp_path / "asked").exists()
