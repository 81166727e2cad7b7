"""``homespun adapters export all``: what a team's server is fed with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from homespun_model.bases.base import load_base
from homespun_model.remote.names import adapter_name, generic_name
from homespun_model.store.store import AdapterStore
from homespun_server.cli import run
from taught_models import Taught

TEAMS = ("example.org/team/app", "example.org/team/shop")


def exported(store: str, taught: Taught, folder: Path, *more: str) -> int:
    flags = ["--store", store, "--base", str(taught.base), *more]
    return run(["adapters", "export", "all", str(folder), *flags])


def test_each_repositorys_current_adapter_is_there_under_the_name_it_is_asked_for_by(
    taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = AdapterStore(tmp_path / "store"), tmp_path / "out"
    old = {team: adapter_name(team, taught.publish(store, team).name) for team in TEAMS}
    assert exported(str(store.root), taught, out, "--called", "/models/tiny") == 0
    assert {folder.name for folder in out.iterdir()} == set(old.values())
    config = json.loads((out / old[TEAMS[0]] / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "/models/tiny"
    assert "2 new, 0 taken away" in capsys.readouterr().out

    new = adapter_name(TEAMS[0], taught.publish(store, TEAMS[0]).name)
    (out / "somebody's own").mkdir()
    assert exported(str(store.root), taught, out) == 0  # an editor may still ask for the old one
    assert {new, *old.values(), "somebody's own"} == {folder.name for folder in out.iterdir()}
    yesterday = time.time() - 25 * 3600
    for folder in out.iterdir():
        os.utime(folder, (yesterday, yesterday))
    assert exported(str(store.root), taught, out) == 0
    assert {new, old[TEAMS[1]], "somebody's own"} == {folder.name for folder in out.iterdir()}
    assert "0 new, 1 taken away" in capsys.readouterr().out


def test_one_repository_that_is_damaged_stops_no_other_and_nothing_is_taken_away(
    taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = AdapterStore(tmp_path / "store"), tmp_path / "out"
    whole, damaged = (taught.publish(store, team) for team in TEAMS)
    shutil.rmtree(damaged.path)
    gone = out / adapter_name(TEAMS[1], damaged.name)
    gone.mkdir(parents=True)
    os.utime(gone, (0, 0))
    assert exported(str(store.root), taught, out) == 1
    names = {folder.name for folder in out.iterdir()}
    assert names == {adapter_name(TEAMS[0], whole.name), gone.name}
    assert TEAMS[1] in capsys.readouterr().err


def test_from_a_url_and_the_generic_adapter_with_them(
    taught: Taught,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store, shared, out = AdapterStore(tmp_path / "store"), tmp_path / "shared", tmp_path / "out"
    shared.mkdir()
    (shared / "usage").mkdir()
    (shared / "a note").write_text("of a person's")
    names = set()
    for team in TEAMS:
        names.add(adapter_name(team, taught.publish(store, team).name))
        pushed = ["adapters", "push", shared.as_uri(), "--id", team, "--store", str(store.root)]
        assert run(pushed) == 0
    taught.give_generic()
    found = load_base(str(taught.base)).found_generic.adapter
    assert found is not None
    names.add(generic_name(found.sha256))
    assert exported(shared.as_uri(), taught, out) == 0
    assert {folder.name for folder in out.iterdir()} == names
    assert capsys.readouterr().err == ""


def test_merged_models_are_made_one_by_one(taught: Taught, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "homespun_server.cli", "adapters", "export", "all"]
    flags = [str(tmp_path / "out"), "--to", "merged", "--base", str(taught.base)]
    ended = subprocess.run([*command, *flags], check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "name one revision" in ended.stderr
