"""The workflow that teams copy, run step by step: two nights on two fresh machines."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from homespun_model.store.store import AdapterStore
from scratch_repositories import add_commit, git, make_repository
from served_revision import served_revision
from tiny_models import tiny_base

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "docs" / "nightly" / "homespun-nightly.yml"
ACTION = ROOT / "action.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return _read(WORKFLOW)


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    return _read(ACTION)


def _read(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def using(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The one step that uses an action."""
    (step,) = (step for step in steps if step.get("uses", "").startswith(name))
    return step


def test_reads_the_whole_history_and_nothing_more_than_it_needs(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["fine-tune"]["steps"]
    assert using(steps, "actions/checkout@")["with"]["fetch-depth"] == 0
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_the_source_is_pinned_to_a_commit(workflow: dict[str, Any], action: dict[str, Any]) -> None:
    """What runs is the action's own checkout, with every dependency at a version of its list."""
    commit = workflow["jobs"]["fine-tune"]["steps"][-1]["uses"].rpartition("@")[2]
    assert len(commit) == 40
    assert int(commit, 16)
    (install,) = (step for step in _steps(action) if step["name"] == "Install")
    assert install["run"].split()[-2:] == [
        '"$GITHUB_ACTION_PATH/constraints.txt"',
        '"$GITHUB_ACTION_PATH[$extras]"',
    ]
    assert (ROOT / "constraints.txt").is_file()


@pytest.mark.parametrize(
    ("store", "extras"),
    [("homespun-store", "train"), ("s3://team/x", "train,s3"), ("sftp://h/x", "train,ssh")],
)
def test_what_a_url_takes_is_installed(
    action: dict[str, Any], tmp_path: Path, store: str, extras: str
) -> None:
    (install,) = (step for step in _steps(action) if step["name"] == "Install")
    said = tmp_path / "said"
    (tmp_path / "python").write_text(f'#!/bin/sh\necho "$@" > {said}\n')
    (tmp_path / "python").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STORE": store}
    done = _shell(install["run"], tmp_path, environment | {"GITHUB_ACTION_PATH": "/action"})
    assert done.returncode == 0, done.stderr
    assert said.read_text().split()[-1] == f"/action[{extras}]"


def test_the_workflow_gives_the_action_what_it_takes(
    workflow: dict[str, Any], action: dict[str, Any]
) -> None:
    given = workflow["jobs"]["fine-tune"]["steps"][-1]["with"]
    assert given.keys() <= action["inputs"].keys()
    assert all("default" in described for described in action["inputs"].values())


def test_the_adapter_is_brought_back_before_and_kept_after(action: dict[str, Any]) -> None:
    """And so is what was read of the repository."""
    steps = _steps(action)
    restored, saved = (
        [step for step in steps if step.get("uses", "").startswith(f"actions/cache/{what}@")]
        for what in ("restore", "save")
    )
    assert restored[0]["with"]["path"] == "${{ inputs.store }}"
    assert restored[0]["if"].endswith("!contains(inputs.store, '://')")  # a URL is no folder
    assert "~/.cache/homespun/readings" in restored[1]["with"]["path"].split()
    for restore, save in zip(restored, saved, strict=True):
        order = [steps.index(step) for step in (restore, _fine_tune(action), save)]
        assert order == sorted(order)
        assert restore["with"]["path"] == save["with"]["path"]
        assert restore["if"] == save["if"]
        assert restore["if"].startswith("inputs.keep == 'cache'")
        # A key of this run's own is always saved; the prefix finds the newest of all runs before.
        assert restore["with"]["key"] == save["with"]["key"]
        assert "github.run_id" in save["with"]["key"]
        assert save["with"]["key"].startswith(restore["with"]["restore-keys"])


@pytest.mark.slow
def test_two_nights(action: dict[str, Any], tmp_path: Path) -> None:
    """The first decides; the second finds the store of the first and measures against it."""
    base = tiny_base(tmp_path / "tiny")
    origin, cache = make_repository(tmp_path / "origin"), tmp_path / "cache"
    first = _night(action, origin, cache, base, tmp_path / "first")
    assert first["decision"] == "published"
    rng = random.Random(1)
    for day in range(20, 24):
        add_commit(origin, rng, day=day, functions=8)
    second = _night(action, origin, cache, base, tmp_path / "second")
    assert second["metrics"]["incumbent"] is not None
    store = AdapterStore(cache / "homespun-store")
    newest = store.revisions(second["repository"])[-1]
    assert newest.manifest["course"]["from"] == first["revision"]
    assert list((cache / "homespun-readings").rglob("*.sqlite"))
    served = served_revision(store, second["repository"])
    assert served is not None
    expected = second if second["decision"] == "published" else first
    assert served.name == expected["revision"]


def test_a_base_of_the_catalogue_is_cached_by_its_hash_and_got(
    action: dict[str, Any], tmp_path: Path
) -> None:
    steps = _steps(action)
    find = next(step for step in steps if step.get("id") == "base")
    cache, get = using(steps, "actions/cache@"), steps[steps.index(find) + 2]
    found = {}
    for name in ("qwen2.5-coder-0.5b-instruct", "starter", str(tmp_path)):
        environment = _environment(tmp_path) | {"BASE": name}
        done = _shell(find["run"], tmp_path, environment)
        assert done.returncode == 0, done.stderr
        outputs = tmp_path / "outputs"
        found[name] = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        outputs.unlink()
    of_catalogue = found.pop("qwen2.5-coder-0.5b-instruct")
    assert of_catalogue["path"].endswith("homespun/bases/qwen2.5-coder-0.5b-instruct")
    assert len(of_catalogue["key"]) == 16
    assert all(not outputs for outputs in found.values())
    assert cache["with"]["key"].endswith("${{ steps.base.outputs.key }}")
    assert cache["with"]["path"] == "${{ steps.base.outputs.path }}"
    assert get["run"].startswith('homespun models get "$BASE"')
    assert get["if"] == cache["if"] == "steps.base.outputs.key != ''"
    assert steps.index(get) < steps.index(_fine_tune(action))


@pytest.mark.slow
def test_a_quiet_night_is_no_failure_and_a_broken_one_is(
    action: dict[str, Any], tmp_path: Path
) -> None:
    script = _fine_tune(action)["run"]
    for code, expected in ((0, 0), (3, 0), (1, 1), (2, 2), (130, 130)):
        command = tmp_path / "bin" / "finetune-repo"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\nexit {code}\n")
        command.chmod(0o755)
        environment = _environment(tmp_path) | {
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"
        }
        assert _shell(script, tmp_path, environment).returncode == expected, code


def _night(
    action: dict[str, Any], origin: Path, cache: Path, base: Path, machine: Path
) -> dict[str, Any]:
    """A checkout, then the action's steps: shell steps run, actions are acted out.

    The installation is this one, and the gate lets a tiny base's gain pass.
    """
    command = machine / "bin" / "finetune-repo"
    command.parent.mkdir(parents=True)
    lenient = ROOT / "tests" / "support" / "finetune_leniently.py"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{lenient}" "$@"\n')
    command.chmod(0o755)
    # The origin's address, and with it the repository's id, is the same every night.
    git(machine, "clone", "-q", origin.as_uri(), "work")
    work, environment = machine / "work", _environment(machine)
    environment["PATH"] = f"{command.parent}{os.pathsep}{environment['PATH']}"
    environment |= {"BASE": str(base), "MINUTES": "2", "STORE": "store"}
    for step in _steps(action):
        what = step.get("uses", "").partition("@")[0].removeprefix("actions/cache/")
        if what in ("restore", "save"):
            _act_out(what, step["with"], cache, machine)
        elif step.get("id") == "finetune":
            done = _shell(step["run"], work, environment)
            assert done.returncode == 0, done.stderr
    report = json.loads((work / "homespun.json").read_text())
    assert isinstance(report, dict)
    assert f"decision={report['decision']}" in (machine / "outputs").read_text()
    assert report["reasons"][0][:20] in (machine / "summary.md").read_text()
    return report


def _act_out(what: str, given: dict[str, str], cache: Path, machine: Path) -> None:
    """The cache action, of the one of its paths that this system has."""
    path = given["path"].split("\n")[0].replace("${{ inputs.store }}", "work/store")
    here, kept = machine / path.removeprefix("~/"), cache / given["key"].partition("-${{")[0]
    if what == "restore" and kept.exists():
        shutil.copytree(kept, here)
    elif what == "save":
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(here, kept)


def _steps(action: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = action["runs"]["steps"]
    return found


def _fine_tune(action: dict[str, Any]) -> dict[str, Any]:
    (step,) = (step for step in _steps(action) if step.get("id") == "finetune")
    return step


def _environment(machine: Path) -> dict[str, str]:
    """What a runner sets, over this process's; the installed homespun is found first."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(machine),
        "XDG_CACHE_HOME": str(machine / ".cache"),
        "GITHUB_STEP_SUMMARY": str(machine / "summary.md"),
        "GITHUB_OUTPUT": str(machine / "outputs"),
        "OMP_NUM_THREADS": "1",
    }


def _shell(
    script: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """As a runner does for ``shell: bash``."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
