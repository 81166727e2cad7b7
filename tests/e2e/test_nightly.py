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
from homespun_model.store import AdapterStore
from scratch_repositories import add_commit, git, make_repository
from tiny_models import tiny_base

WORKFLOW = Path(__file__).parents[2] / "docs" / "nightly" / "homespun-nightly.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    loaded = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow["jobs"]["fine-tune"]["steps"]
    return found


def using(workflow: dict[str, Any], action: str) -> dict[str, Any]:
    """The one step that uses an action."""
    (step,) = (step for step in steps(workflow) if step.get("uses", "").startswith(action))
    return step


def test_reads_the_whole_history_and_nothing_more_than_it_needs(workflow: dict[str, Any]) -> None:
    assert using(workflow, "actions/checkout@")["with"]["fetch-depth"] == 0
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_the_source_is_pinned_to_a_commit(workflow: dict[str, Any]) -> None:
    commit = workflow["jobs"]["fine-tune"]["env"]["HOMESPUN"].rpartition("@")[2]
    assert len(commit) == 40
    assert int(commit, 16)


def test_the_adapter_is_brought_back_before_and_kept_after(workflow: dict[str, Any]) -> None:
    restore, save = (using(workflow, f"actions/cache/{what}@") for what in ("restore", "save"))
    order = [steps(workflow).index(step) for step in (restore, _fine_tune(workflow), save)]
    assert order == sorted(order)
    store = workflow["jobs"]["fine-tune"]["env"]["STORE"]
    assert restore["with"]["path"] == save["with"]["path"] == store
    # A key of this run's own is always saved; the prefix finds the newest of all runs before.
    assert restore["with"]["key"] == save["with"]["key"]
    assert "github.run_id" in save["with"]["key"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])


def test_two_nights(workflow: dict[str, Any], tmp_path: Path) -> None:
    """The first publishes; the second finds the adapter of the first and measures against it."""
    base = tiny_base(tmp_path / "tiny")
    origin, cache = make_repository(tmp_path / "origin"), tmp_path / "cache"
    first = _night(workflow, origin, cache, base, tmp_path / "first")
    assert first["decision"] == "published"
    add_commit(origin, random.Random(1), day=20, functions=6)
    second = _night(workflow, origin, cache, base, tmp_path / "second")
    assert second["metrics"]["incumbent"] is not None
    served = AdapterStore(cache).current(second["repository"])
    assert served is not None
    expected = second if second["decision"] == "published" else first
    assert served.name == expected["revision"]


def test_a_quiet_night_is_no_failure_and_a_broken_one_is(
    workflow: dict[str, Any], tmp_path: Path
) -> None:
    script = _fine_tune(workflow)["run"]
    for code, expected in ((0, 0), (3, 0), (1, 1), (2, 2), (130, 130)):
        command = tmp_path / "bin" / "finetune-repo"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\necho '{{}}'\nexit {code}\n")
        command.chmod(0o755)
        environment = _environment(workflow, tmp_path) | {
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"
        }
        assert _shell(script, tmp_path, environment).returncode == expected, code


def _night(
    workflow: dict[str, Any], origin: Path, cache: Path, base: Path, machine: Path
) -> dict[str, Any]:
    """All steps on a machine that has nothing: shell steps run, actions are acted out."""
    machine.mkdir()
    work, environment = machine / "work", _environment(workflow, machine)
    environment |= {"BASE": str(base), "MINUTES": "1", "HOMESPUN": "homespun"}
    for step in steps(workflow):
        action = step.get("uses", "").partition("@")[0]
        if action == "actions/checkout":
            # The origin's address, and with it the repository's id, is the same every night.
            git(machine, "clone", "-q", origin.as_uri(), "work")
        elif action == "actions/cache/restore" and cache.exists():
            shutil.copytree(cache, work / step["with"]["path"])
        elif action == "actions/cache/save":
            shutil.rmtree(cache, ignore_errors=True)
            shutil.copytree(work / step["with"]["path"], cache)
        elif "run" in step:
            done = _shell(step["run"], work, environment)
            assert done.returncode == 0, done.stderr
    report = json.loads((work / "homespun.json").read_text())
    assert report["decision"] in (machine / "summary.md").read_text()
    assert isinstance(report, dict)
    return report


def _fine_tune(workflow: dict[str, Any]) -> dict[str, Any]:
    (step,) = (step for step in steps(workflow) if step.get("id") == "finetune")
    return step


def _environment(workflow: dict[str, Any], machine: Path) -> dict[str, str]:
    """The job's own variables over this process's; the installed homespun is found first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "GITHUB_STEP_SUMMARY": str(machine / "summary.md"), "OMP_NUM_THREADS": "1"}
    return os.environ | workflow["jobs"]["fine-tune"]["env"] | own


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
