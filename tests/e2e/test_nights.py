"""``--refresh`` and a killed run, as users meet them: real processes, a real repository."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from homespun_finetune import provenance
from homespun_model.sharing.store_place import StorePlace
from homespun_model.store.store import AdapterStore, Revision
from scratch_repositories import add_commit, make_repository
from tiny_models import tiny_base

pytestmark = pytest.mark.slow  # whole trainings

HAS_GLOO = torch.distributed.is_available() and torch.distributed.is_gloo_available()
COMMAND = (sys.executable, str(Path(__file__).parents[1] / "support" / "finetune_leniently.py"))
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("models") / "tiny")


def command(repository: Path, base: Path, store: Path | str, *more: str) -> list[str]:
    chosen = ("--base", str(base), "--store", str(store), "--id", "team", "--json", *more)
    return [*COMMAND, str(repository), *chosen]


def finetune(
    repository: Path, base: Path, store: Path | str, *more: str, user: Path | None = None
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """``user``: the data folder of one who is not the tests' own."""
    done = subprocess.run(
        command(repository, base, store, *more),
        env=ENVIRONMENT | ({"XDG_DATA_HOME": str(user)} if user else {}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout), done


def served(store: AdapterStore, name: str) -> Revision:
    """The revision, published again if it was not: whether it was better is not asked here."""
    revision = store.open("team", name)
    if [current.name for current in store.currents("team")] == [name]:
        return revision
    staged = store.stage("team")
    for file in revision.manifest["files"]:
        shutil.copyfile(revision.path / file, staged / file)
    return store.publish("team", staged, revision.manifest)


def test_nights_go_on_from_each_other(base: Path, tmp_path: Path) -> None:
    store, repository = tmp_path / "store", make_repository(tmp_path / "team", functions=8)
    first, _ = finetune(repository, base, store, "--refresh", "--minutes", "2")
    shelf = AdapterStore(store)
    published = served(shelf, first["revision"])
    assert published.manifest["course"]["from"] is None
    assert "no adapter yet" in published.manifest["course"]["reason"]

    quiet, done = finetune(repository, base, store, "--refresh", "--minutes", "2")
    assert (done.returncode, quiet["decision"]) == (3, "undecided")
    assert "nothing has changed" in quiet["reasons"][0]

    rng = random.Random(99)
    for day in range(20, 24):
        add_commit(repository, rng, day, 8)
    second, done = finetune(repository, base, store, "--refresh", "--minutes", "2")
    assert "going on from" in done.stderr
    newest = shelf.revisions("team")[-1]
    assert newest.name == second["revision"]
    assert newest.manifest["course"]["from"] == published.name
    assert newest.manifest["course"]["changed"] > 0
    was, now = provenance.read(published.path), provenance.read(newest.path)
    assert was is not None and now is not None and was.texts < now.texts
    assert shelf.verify("team", newest.name) == []


def test_a_night_on_another_machine_goes_on_from_what_the_url_serves(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two users' folders, one URL; and where that cannot be reached nothing is learnt in vain."""
    repository, share = make_repository(tmp_path / "team", functions=8), tmp_path / "share"
    url, one, two = share.as_uri(), tmp_path / "one", tmp_path / "two"
    arguments = command(repository, base, url, "--refresh", "--minutes", "2")
    away = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.splitlines()[-1].startswith("finetune-repo: there is no store at file://")

    share.mkdir()
    first, _ = finetune(repository, base, url, "--refresh", "--minutes", "2", user=one)
    monkeypatch.setenv("XDG_DATA_HOME", str(one))
    mirror = StorePlace.of(url)
    if first["decision"] == "published":
        assert list((share / "team").glob("current=*.json"))
    published = served(mirror.store, first["revision"])
    mirror.shared().push(mirror.store, "team")

    rng = random.Random(99)
    for day in range(20, 24):
        add_commit(repository, rng, day, 8)
    second, done = finetune(repository, base, url, "--refresh", "--minutes", "2", user=two)
    assert f"serves {published.name}" in done.stderr
    assert "going on from" in done.stderr and second["metrics"]["incumbent"] is not None
    mirror.pull("team")
    [current] = mirror.store.currents("team")
    expected = second["revision"] if second["decision"] == "published" else published.name
    assert current.name == expected


def test_a_killed_run_is_finished_when_it_is_repeated(base: Path, tmp_path: Path) -> None:
    store, repository = tmp_path / "store", make_repository(tmp_path / "team")
    arguments = command(repository, base, store, "--minutes", "1")
    run = subprocess.Popen(arguments, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    checkpoint = "unfinished/*/training.safetensors"
    while not list((store / "team").glob(checkpoint)) and run.poll() is None:
        try:
            run.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL
    assert AdapterStore(store).currents("team") == []
    said, done = finetune(repository, base, store, "--minutes", "1")
    assert said["revision"], done.stderr
    assert "went on from step" in done.stderr
    assert not (store / "team" / "unfinished").exists()


@pytest.mark.skipif(not HAS_GLOO, reason="torch has no gloo here: PROCESSES ARE NOT TESTED")
def test_two_processes_make_one_revision(base: Path, tmp_path: Path) -> None:
    store, repository = tmp_path / "store", make_repository(tmp_path / "team")
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    arguments = command(repository, base, store, "--minutes", "1.5")
    done = subprocess.run(
        [sys.executable, *launch, *arguments[1:]],
        env=ENVIRONMENT | {"ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = json.loads(done.stdout)  # of one process: two objects would be no JSON
    revisions = AdapterStore(store).revisions("team")
    assert [revision.name for revision in revisions] == [said["revision"]], done.stderr


def test_canaries_are_reported_and_nothing_is_kept(base: Path, tmp_path: Path) -> None:
    store, repository = tmp_path / "store", make_repository(tmp_path / "team")
    said, done = finetune(repository, base, store, "--canaries", "--minutes", "1.5")
    assert (done.returncode, said["decision"], said["revision"]) == (0, "evaluated", None)
    found = said["canaries"]
    assert 0 <= found["trained"]["mean_bits"] <= found["most_bits"]
    assert "canaries:" in done.stderr
    assert not store.exists()
