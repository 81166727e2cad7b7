"""``homespun finetune`` is ``finetune-repo``, found by its entry point; both as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from homespun_server import cli
from homespun_server.other_commands import GROUP
from scratch_repositories import make_repository

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
ALONE = (sys.executable, "-m", "homespun_finetune.cli")
OURS = (sys.executable, "-m", "homespun_server.cli")
ECHO = "import json, sys\ndef main(given):\n    print(json.dumps(given))\n    sys.exit(7)\n"

Run = Callable[..., subprocess.CompletedProcess[str]]


def installed(folder: Path, commands: dict[str, str]) -> dict[str, str]:
    """An environment in which ``homespun`` is a distribution with these commands, and no others."""
    info = folder / f"homespun-{PROJECT['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: homespun\nVersion: {PROJECT['version']}\n")
    lines = [f"{name} = {where}" for name, where in commands.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]) if lines else "")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One with what this project installs."""
    return installed(tmp_path, PROJECT["entry-points"][GROUP])


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def call(command: tuple[str, ...], *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "team")


def test_help_is_its_own(run: Run) -> None:
    ours, alone = run(OURS, "finetune", "--help"), run(ALONE, "--help")
    assert "Usage: finetune-repo" in ours.stdout and "--evaluate-only" in ours.stdout
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, alone.stdout, alone.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dry-run", "--evaluate-only"],
        ["--no-such-flag"],
        ["no-such-folder"],
        ["--version"],
        ["--", "--no-such-folder"],
        ["--minutes", "nan"],
    ],
)
def test_it_fails_as_it_does_alone(run: Run, arguments: list[str]) -> None:
    ours, alone = run(OURS, "finetune", *arguments), run(ALONE, *arguments)
    assert ours.stderr.splitlines()[-1].startswith("finetune-repo: ")
    assert "Traceback" not in ours.stderr
    assert (ours.returncode, ours.stdout, ours.stderr) == (2, "", alone.stderr)


def test_debug_is_read_before_it_and_behind_it(run: Run) -> None:
    for arguments in (["--debug", "finetune", "nowhere"], ["finetune", "nowhere", "--debug"]):
        done = run(OURS, *arguments)
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("finetune-repo: nowhere ")


def test_json_is_all_of_standard_output(run: Run, repository: Path) -> None:
    arguments = (repository, "--dry-run", "--json")
    ours, alone = run(OURS, "finetune", *arguments), run(ALONE, *arguments)
    assert (ours.returncode, alone.returncode) == (0, 0), ours.stderr
    said, expected = json.loads(ours.stdout), json.loads(alone.stdout)
    assert said.pop("seconds").keys() == expected.pop("seconds").keys()
    assert said == expected
    assert said["counts"]["kept"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_it_as_it_does_alone(
    environment: dict[str, str], repository: Path, number: signal.Signals
) -> None:
    for command in ((*OURS, "finetune"), ALONE):
        begun = subprocess.Popen(
            [*command, str(repository), "--dry-run", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert begun.stderr is not None
        assert begun.stderr.readline().startswith("mining")
        begun.send_signal(number)
        out, err = begun.communicate(timeout=60)
        assert (begun.returncode, out) == (130, "")
        assert err.splitlines()[-1].startswith("finetune-repo: interrupted: nothing was published")
        assert "homespun: " not in err and "Traceback" not in err


@pytest.mark.parametrize("command", [["finetune"], ["models", "adapt"]])
def test_every_argument_arrives_as_it_was_given(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "echo.py").write_text(ECHO)
    environment = installed(tmp_path, {command[-1]: "echo:main"})
    arguments = ["-x", "--", "a b", "--", "--debug", "", "--help", "finetune", "ü", "--id=", "-h"]
    for before, expected in (([], arguments), (["--debug"], ["--debug", *arguments])):
        done = subprocess.run(
            [*OURS, *before, *command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, json.loads(done.stdout), done.stderr) == (7, expected, "")


def test_where_it_is_not_installed_one_line_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [*OURS, "finetune", "--help"],
        env=installed(tmp_path, {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("homespun: finetune is not installed: install all of homespun")
    assert done.stderr.count("\n") == 1


def test_it_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    assert "\n  finetune  " in capsys.readouterr().out
