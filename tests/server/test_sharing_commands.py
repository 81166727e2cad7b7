"""`homespun adapters push` and `pull`, `--store URL`, and a mirror that is kept up to date."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from git_repositories import make_repository
from homespun_model.bases.base import load_base
from homespun_model.errors import StoreError
from homespun_model.sharing.store_place import StorePlace
from homespun_model.store.store import AdapterStore
from homespun_server import shared_watch
from homespun_server.cli import run
from homespun_server.shared_watch import SharedWatch, how_old

if TYPE_CHECKING:
    from taught_models import Taught

REPOSITORY = "example.org/team/app"


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that two machines mount; this process has user folders of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    share = tmp_path / "share"
    share.mkdir()
    return share


def adapters(*words: str | Path) -> int:
    return run(["adapters", *map(str, words)])


def test_pushed_by_one_and_pulled_by_another(
    taught: Taught, tmp_path: Path, share: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    revision = taught.publish(AdapterStore(one), REPOSITORY)
    of = ("--id", REPOSITORY)
    assert adapters("push", share.as_uri(), *of, "--store", one) == 0
    assert adapters("push", share.as_uri(), *of, "--store", one) == 0
    assert adapters("pull", share.as_uri(), *of, "--store", two) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{REPOSITORY}: {share.as_uri()} serves {revision.name} on {taught.base} now",
        f"{REPOSITORY}: {share.as_uri()} serves {revision.name} on {taught.base} already",
        f"{REPOSITORY}: {two} serves {revision.name} on {taught.base} now",
    ]
    base = load_base(str(taught.base)).record
    assert AdapterStore(two).current(REPOSITORY, base) is not None


def test_what_is_pulled_for_a_base_that_is_not_here_is_said(
    taught: Taught, tmp_path: Path, share: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taught.publish(AdapterStore(tmp_path / "one"), REPOSITORY)
    adapters("push", share.as_uri(), "--id", REPOSITORY, "--store", tmp_path / "one")
    hidden = taught.base.rename(tmp_path / "hidden")
    try:
        assert adapters("pull", share.as_uri(), "--id", REPOSITORY, "--base", taught.base) == 0
    finally:
        hidden.rename(taught.base)
    assert capsys.readouterr().out.splitlines()[-1].endswith("is not here: see homespun models")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("push", "somewhere"), "'somewhere' is no URL"),
        (("pull", "ftp://host/x"), "is no store's URL"),
        (("push", "file:///nowhere/at/all"), "has no adapter in"),
        (("pull", "file:///nowhere/at/all"), "there is no store at file:///nowhere/at/all"),
        (("pull", "s3://key:secret@bucket"), "carries a user, a password"),
        (("pull", "file:///x", "--store", "file:///y"), "--store takes a folder here"),
        (("prune", "--store", "file://{share}"), "prune deletes from a folder"),
        (("list", "--store", "file:///nowhere/at/all"), "there is no store at"),
    ],
)
def test_what_cannot_be_is_one_line(
    share: Path, words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tuple(word.format(share=share) for word in words)
    assert adapters(*words, "--id", REPOSITORY) in (1, 2)
    told = capsys.readouterr()
    assert why in told.err and len(told.err.splitlines()) == 1 and "secret" not in told.err


def test_taken_back_for_everybody(
    taught: Taught, tmp_path: Path, share: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By somebody who has only what is served now."""
    one = AdapterStore(tmp_path / "one")
    first = taught.publish(one, REPOSITORY)
    adapters("push", share.as_uri(), "--id", REPOSITORY, "--store", one.root)
    taught.publish(one, REPOSITORY)
    adapters("push", share.as_uri(), "--id", REPOSITORY, "--store", one.root)
    where = ("--id", REPOSITORY, "--store", share.as_uri())
    assert adapters("rollback", *where) == 0
    assert adapters("pull", share.as_uri(), "--id", REPOSITORY, "--store", one.root) == 0
    base = load_base(str(taught.base)).record
    assert one.current(REPOSITORY, base) == first
    assert adapters("rollback", *where, "--to-base") == 0
    assert adapters("pull", share.as_uri(), "--id", REPOSITORY, "--store", one.root) == 0
    assert one.current(REPOSITORY, base) is None
    assert adapters("list", *where) == 0
    listed = capsys.readouterr().out.splitlines()[-2:]
    assert all(line.startswith("  ") for line in listed), "both are there, none is served"


def test_a_completion_comes_from_what_the_url_serves(
    taught: Taught, tmp_path: Path, share: Path
) -> None:
    team = make_repository(tmp_path / "app", {"a.py": "def area(width, height):\n    \n"})
    remote = f"https://{REPOSITORY}"
    subprocess.run(["git", "-C", str(team), "remote", "add", "origin", remote], check=True)
    one = AdapterStore(tmp_path / "one")
    revision = taught.publish(one, REPOSITORY)
    StorePlace.of(share.as_uri()).shared().push(one, REPOSITORY)
    command = [sys.executable, "-m", "homespun_server.cli", "complete", str(team / "a.py")]
    place = ["--line", "2", "--column", "5", "--base", str(taught.base), "--json"]

    def complete() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *place, "--store", share.as_uri()],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    first = complete()
    assert revision.name in first.stdout and first.stderr == "", first
    share.rename(tmp_path / "away")
    offline = complete()
    assert revision.name in offline.stdout and offline.returncode == 0
    assert "there is no store at" in offline.stderr
    assert "as of 1 minutes ago" in offline.stderr


class Slow:
    """A place whose URL takes its time."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = threading.Event()
        self.error: Exception | None = None

    def pull(self, repository: str, _base: object) -> None:
        self.asked.append(repository)
        assert self.answer.wait(10)
        if self.error is not None:
            raise self.error

    def age(self, _repository: str) -> float:
        return 7200.0


def until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_network_that_hangs_keeps_nobody_waiting(taught: Taught) -> None:
    base, slow, now = load_base(str(taught.base)).record, Slow(), [0.0]
    place: Any = slow
    watch = SharedWatch(place, clock=lambda: now[0])
    began = time.monotonic()
    for _ in range(100):
        watch.touch(REPOSITORY, base)
    assert time.monotonic() - began < 1 and watch.problem(REPOSITORY) is None
    slow.error = StoreError("the network is away")
    slow.answer.set()
    until(lambda: watch.problem(REPOSITORY))
    assert watch.problem(REPOSITORY) == (
        *("the network is away", "what is here is served, as of 2 hours ago"),
    )
    assert slow.asked == [REPOSITORY]
    now[0] = shared_watch.EVERY
    slow.error = None
    watch.touch(REPOSITORY, base)
    until(lambda: watch.problem(REPOSITORY) is None)
    assert slow.asked == [REPOSITORY] * 2
    watch.close()
    watch.touch("another", base)
    assert slow.asked == [REPOSITORY] * 2


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (None, "nothing of it is here yet, so the base serves"),
        (5.0, "what is here is served, as of 1 minutes ago"),
        (5 * 3600.0, "what is here is served, as of 5 hours ago"),
        (5 * 86400.0, "what is here is served, as of 5 days ago"),
    ],
)
def test_how_old_what_is_served_is(age: float | None, said: str) -> None:
    assert how_old(age) == said
