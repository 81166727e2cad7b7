"""How a night ends that something went wrong with: as processes, with runs that learn nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ray_cluster import asking_for_a_token

NIGHT = (sys.executable, str(Path(__file__).parents[1] / "support" / "night_of_stubs.py"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and files")


def asked(folder: Path, *names: str) -> list[str]:
    """The command of a night for folders of these names."""
    for name in names:
        (folder / name).mkdir(exist_ok=True)
    file = folder / "repositories.toml"
    file.write_text("".join(f'[[repository]]\npath = "{name}"\n' for name in names))
    return [*NIGHT, str(file), "--json", "--logs", str(folder / "logs")]


def started(
    command: list[str], cwd: Path | None = None, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(out: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(out)["repositories"]}


def decisions(out: str) -> dict[str, str]:
    return {name: row["decision"] for name, row in rows(out).items()}


def wait_for(file: Path, running: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert running.poll() is None and time.monotonic() < end, running.communicate()
        time.sleep(0.05)


def test_what_is_published_while_the_night_is_interrupted_is_said(tmp_path: Path) -> None:
    running = started(asked(tmp_path, "publishes", "till"))
    wait_for(tmp_path / "publishes" / "begun", running)
    running.send_signal(signal.SIGTERM)
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert decisions(out) == {"publishes": "published", "till": "not run"}
    assert rows(out)["publishes"]["revision"] == "r1"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="CLUSTERS ARE NOT TESTED")
def test_what_a_cluster_publishes_while_the_night_is_interrupted_is_said(tmp_path: Path) -> None:
    (share := tmp_path / "share").mkdir()
    command = asked(tmp_path, "publishes", "till")
    command += ["--ray", "local", "--store", share.as_uri()]
    for name in ("typer.py", "platformdirs.py", "homespun_finetune.py"):
        (tmp_path / name).write_text("raise SystemExit('hijacked')\n")  # modules of nobody's
    running = started(command, tmp_path, **asking_for_a_token(tmp_path))
    wait_for(tmp_path / "publishes" / "begun", running)
    running.send_signal(signal.SIGTERM)
    out, errors = running.communicate(timeout=120)
    assert running.returncode == 130, errors
    assert decisions(out)["publishes"] == "published"
    assert Path(rows(out)["publishes"]["log"]).read_text().startswith("training: ")


def test_an_interruption_that_python_forgot_ends_the_night(tmp_path: Path) -> None:
    running = started(asked(tmp_path, "shop", "till"), UNLUCKY="yes")
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert decisions(out) == {"shop": "not run", "till": "not run"}


@pytest.mark.parametrize("to", ["/dev/full", "a closed pipe"])
def test_what_cannot_be_said_stops_nobody(tmp_path: Path, to: str) -> None:
    if to.startswith("/") and not Path(to).exists():
        pytest.skip("this system has no disk that is always full")
    unread, write = os.pipe()
    errors = os.open(to, os.O_WRONLY) if to.startswith("/") else write
    os.close(unread)
    command = asked(tmp_path, "chatters", "till")
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=60, check=False
    )
    assert decisions(done.stdout) == {"chatters": "published", "till": "published"}
    assert done.returncode == 0
    assert "training: " in (tmp_path / "logs" / "chatters.log").read_text()


def test_two_nights_do_not_write_to_one_folder(tmp_path: Path) -> None:
    first = started(asked(tmp_path, "publishes"))
    wait_for(tmp_path / "publishes" / "begun", first)
    second = started(asked(tmp_path, "publishes"))
    out, errors = second.communicate(timeout=60)
    assert (second.returncode, out) == (2, "")
    assert errors == (
        f"homespun nightly: another night is writing to {tmp_path / 'logs'}: wait for it, or name "
        "another folder with --logs\n"
    )
    out, _ = first.communicate(timeout=60)
    row = rows(out)["publishes"]
    assert row["decision"] == "published"
    assert "training: " in Path(row["log"]).read_text() and row["report"]


def test_what_the_night_before_wrote_is_not_shown_for_this_one(tmp_path: Path) -> None:
    running = started(asked(tmp_path, "publishes", "till"))
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("till.log", "till.html", "other.log"):
        (logs / name).touch()
    wait_for(tmp_path / "publishes" / "begun", running)
    running.send_signal(signal.SIGTERM)
    row = rows(running.communicate(timeout=60)[0])["till"]
    assert (row["decision"], row["log"], row["report"]) == ("not run", None, None)
    assert (logs / "other.log").exists(), "which nobody chose"


def test_a_page_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    (parent := tmp_path / "pages").mkdir()
    page = parent / "night.html"
    running = started([*asked(tmp_path, "publishes"), "--html", str(page)])
    wait_for(tmp_path / "publishes" / "begun", running)
    parent.rmdir()
    out, errors = running.communicate(timeout=60)
    assert decisions(out) == {"publishes": "published"}
    assert running.returncode == 0
    assert errors.splitlines()[-1] == f"page: {page} is not written: No such file or directory"


def test_a_folder_that_takes_no_logs_is_one_line(tmp_path: Path) -> None:
    command = asked(tmp_path, "shop")
    (tmp_path / "logs").touch()
    running = started(command)
    out, errors = running.communicate(timeout=60)
    assert (running.returncode, out) == (2, "")
    assert errors == (
        f"homespun nightly: {tmp_path / 'logs'}: File exists: name another folder with --logs\n"
    )
