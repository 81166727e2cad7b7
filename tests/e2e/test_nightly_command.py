"""``homespun nightly`` as users run it: real processes, real repositories, a real Ray."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from homespun_finetune import checkpoint
from homespun_model.store.store import AdapterStore
from ray_cluster import asking_for_a_token, ray_cluster
from scratch_repositories import git, make_repository
from tiny_models import tiny_base

pytestmark = pytest.mark.slow  # whole trainings

SUPPORT = Path(__file__).parents[1] / "support"
COMMAND = (sys.executable, str(SUPPORT / "night_leniently.py"))
SECRETS = {
    "AWS_ACCESS_KEY_ID": "planted-id-4711",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-4711",
    "HOMESPUN_REMOTE_KEY": "planted-key-4711",
}
PLANTED = "4711"
ENVIRONMENT = os.environ | SECRETS | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
HAS_RAY = find_spec("ray") is not None
WAIT = 200.0  # seconds


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("models") / "tiny")


def asked(
    folder: Path, base: Path, *tables: str, store: str = "store", minutes: float = 0.5
) -> Path:
    """A file that asks for these repositories, each the inside of its table."""
    file = folder / "repositories.toml"
    head = f'store = "{store}"\n[defaults]\nbase = "{base}"\nminutes = {minutes}\n'
    file.write_text(head + "".join(f"[[repository]]\n{table}\n" for table in tables))
    return file


def night(
    file: Path, *more: str, **environment: str
) -> tuple[dict[str, dict[str, Any]], subprocess.CompletedProcess[str]]:
    """Its rows by name, and the process; logs and a page lie beside the file."""
    done = subprocess.run(
        [*COMMAND, *arguments(file), *more],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    return {row["name"]: row for row in told["repositories"]}, done


def arguments(file: Path) -> list[str]:
    folder = file.parent
    page = str(folder / "night.html")
    return [str(file), "--json", "--html", page, "--logs", str(folder / "logs")]


def wait_until(found: Callable[[], object], running: subprocess.Popen[str]) -> None:
    end = time.monotonic() + WAIT
    while not found():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


def without_secrets(folder: Path) -> bool:
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    return not [file for file in files if PLANTED.encode() in file.read_bytes()]


def test_one_bad_repository_stops_nobody(base: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "shop")
    bare = tmp_path / "till"
    make_repository(bare, seed=1)
    file = asked(
        tmp_path,
        base,
        'path = "shop"',
        'path = "gone"',
        f'path = "{bare.as_uri()}"\nname = "<script>"',
        'path = "shop"\nname = "lacks"\nbase = "no-such-base"',
    )
    rows, done = night(file)
    assert done.returncode == 1
    assert {name: row["decision"] for name, row in rows.items()} == {
        "shop": "published",
        "gone": "failed",
        "<script>": "published",
        "lacks": "failed",
    }
    assert rows["gone"]["why"].endswith("/gone does not exist: give the folder of a repository")
    assert rows["lacks"]["why"].startswith("there is no base 'no-such-base': give a name that")
    shop = rows["shop"]
    assert shop["bits_per_byte"]["after"] < shop["bits_per_byte"]["before"]
    store = AdapterStore(tmp_path / "store")
    assert [r.name for r in store.revisions(shop["repository"])] == [shop["revision"]]
    assert rows["<script>"]["repository"].startswith("till-"), "as a clone by hand is called"
    assert "training …" in Path(shop["log"]).read_text()
    assert "<!doctype html>" in Path(shop["report"]).read_text()
    page = (tmp_path / "night.html").read_text()
    assert '<a href="logs/shop.html">report</a>' in page
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "2 of 4 repositories failed: see" in done.stderr.splitlines()[-1]
    assert without_secrets(tmp_path) and PLANTED not in done.stdout + done.stderr

    git(bare, "checkout", "-q", "-b", "trunk")
    git(bare, "commit", "-q", "--allow-empty", "-m", "more", day=30)
    git(bare, "branch", "-q", "-D", "main")
    rows, done = night(file, "--only", "<script>")
    assert [*rows] == ["<script>"]
    assert rows["<script>"]["decision"] in ("published", "refused", "undecided"), done.stderr


@pytest.mark.parametrize("where", [(), ("--ray", "local")], ids=["here", "ray"])
def test_a_night_that_is_interrupted_leaves_nothing_running(
    base: Path, tmp_path: Path, where: tuple[str, ...]
) -> None:
    if where and not HAS_RAY:
        pytest.skip("ray is not installed: CLUSTERS ARE NOT TESTED")
    for name in ("shop", "till"):
        make_repository(tmp_path / name, functions=40)
    (share := tmp_path / "share").mkdir()
    tables = ('path = "shop"', 'path = "till"')
    file = asked(tmp_path, base, *tables, store=share.as_uri(), minutes=2)
    command = [*COMMAND, *arguments(file), *where]
    running = subprocess.Popen(
        command,
        env=ENVIRONMENT | asking_for_a_token(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # There is a checkpoint once it trains.
    wait_until(lambda: [*share.rglob(checkpoint.FILE)], running)
    children = psutil.Process(running.pid).children(recursive=True)
    lines = [" ".join(child.cmdline()) for child in children]
    assert any("homespun_finetune.nightly.leash" in line for line in lines)
    assert not any(PLANTED in line for line in lines)
    running.send_signal(signal.SIGTERM)
    out, errors = running.communicate(timeout=WAIT)
    assert running.returncode == 130, errors
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    assert [row["decision"] for row in json.loads(out)["repositories"]] == ["not run"] * 2
    assert errors.splitlines()[-1].startswith("homespun nightly: interrupted: ")
    if not where:
        log = (tmp_path / "logs" / "shop.log").read_text()
        assert "finetune-repo: interrupted: nothing was published" in log


def test_a_night_that_is_killed_takes_its_run_with_it(base: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "shop", functions=40)
    file = asked(tmp_path, base, 'path = "shop"', minutes=2)
    running = subprocess.Popen(
        [*COMMAND, *arguments(file)], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    log = tmp_path / "logs" / "shop.log"
    wait_until(lambda: log.is_file() and "training …" in log.read_text(), running)
    children = psutil.Process(running.pid).children(recursive=True)
    assert children
    running.kill()
    running.communicate(timeout=WAIT)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed: CLUSTERS ARE NOT TESTED")
def test_a_cluster_of_this_machine_alone(base: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "shop")
    (tmp_path / "share").mkdir()
    share = (tmp_path / "share").as_uri()
    large = 'path = "shop"\nname = "large"\nneeds = { cpus = 4000 }'
    file = asked(tmp_path, base, 'path = "shop"', 'path = "gone"', large, store=share)
    token = asking_for_a_token(tmp_path)
    rows, done = night(file, "--ray", "local", **token)
    assert done.returncode == 1
    assert rows["shop"]["decision"] == "published", done.stderr
    assert rows["shop"]["node"]
    assert rows["gone"]["why"].endswith("/gone does not exist: give the folder of a repository")
    assert rows["large"]["why"] == "no machine that is there has 4000 CPUs"
    assert "training …" in Path(rows["shop"]["log"]).read_text()
    assert without_secrets(tmp_path)


@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed: CLUSTERS ARE NOT TESTED")
def test_a_machine_that_dies_loses_nothing(base: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "shop", functions=80)
    share = tmp_path / "share"
    share.mkdir()
    tables = ('path = "shop"\nneeds = { cpus = 1 }', 'path = "gone"')
    file = asked(tmp_path, base, *tables, store=share.as_uri(), minutes=1.5)
    token = asking_for_a_token(tmp_path)
    environment = {"PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"}
    with ray_cluster(tmp_path, **environment, **token) as cluster:
        nodes = [cluster.join(), cluster.join()]
        command = [*COMMAND, *arguments(file), "--ray", cluster.address]
        running = subprocess.Popen(
            command,
            env=ENVIRONMENT | token,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def step() -> int:
            found = [*share.glob(f"*/unfinished/*/{checkpoint.FILE}")]
            there = checkpoint.read(found[0].parent) if found else None
            return there.step if there else 0

        wait_until(step, running)
        [at_it] = [node for node in nodes if node.runs()]
        runs = at_it.runs()
        at_it.kill()
        _, alive = psutil.wait_procs(runs, timeout=20)
        assert alive == [], "a run outlived its machine's Ray"
        out, errors = running.communicate(timeout=WAIT)
    rows = {row["name"]: row for row in json.loads(out)["repositories"]}
    assert rows["shop"]["decision"] in ("published", "refused", "undecided"), errors
    went_on = re.search(r"went on from step (\d+)", Path(rows["shop"]["log"]).read_text())
    assert went_on is not None and int(went_on[1]) > 0
    assert rows["gone"]["decision"] == "failed"
    assert not [*share.rglob(checkpoint.FILE)], "what is finished is not kept"
