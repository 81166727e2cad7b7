"""What an installation brings: both commands, in a team's own environment too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {"finetune-repo": "homespun_finetune.cli", "homespun": "homespun_server.cli"}


@pytest.mark.parametrize("module", COMMANDS.values())
def test_a_teams_own_folders_do_not_get_in_the_way(tmp_path: Path, module: str) -> None:
    """A team may have server/, model/, tests/ … of its own on PYTHONPATH, as packages."""
    for name in ("server", "model", "corpus", "finetune", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the team is imported')")
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_installed(command: str) -> None:
    path = shutil.which(command, path=str(Path(sys.executable).parent))
    assert path, f"{command} is not beside {sys.executable}"
    assert subprocess.run([path, "--help"], capture_output=True, check=False).returncode == 0
