"""The package as somebody installs it: a wheel, an empty environment, no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from scratch_repositories import make_repository

ROOT = Path(__file__).parents[2]
EXTRAS = {"accelerate", "datasets", "matplotlib", "peft", "transformers"}

pytestmark = pytest.mark.slow


def pip(python: Path | str, *arguments: str) -> None:
    subprocess.run([str(python), "-m", "pip", "--quiet", *arguments], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (found,) = folder.glob("homespun-*.whl")
    return found


def test_it_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        *("homespun_corpus", "homespun_model", "homespun_finetune", "homespun_server"),
    }
    assert any(name.endswith("bases/starter/model.safetensors") for name in names)
    assert not [name for name in names if "__pycache__" in name]


def test_alone_it_serves_and_with_its_extra_it_trains(wheel: Path, tmp_path: Path) -> None:
    home, team = tmp_path / "home", make_repository(tmp_path / "team", commits=4)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    programs = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python, given = programs / "python", ("--constraint", str(ROOT / "constraints.txt"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs / name), *arguments]
        return subprocess.run(
            command, cwd=team, env=environment, capture_output=True, text=True, check=False
        )

    pip(python, "install", *given, str(wheel))
    installed = run("python", "-m", "pip", "list", "--format=freeze").stdout.splitlines()
    assert not {line.partition("==")[0].lower() for line in installed} & EXTRAS

    (team / "shapes.py").write_text("def area(width, height):\n    return width * height\n\n\ndef ")
    served = run("homespun", "complete", "shapes.py", "--line", "5", "--column", "5", "--json")
    assert served.returncode == 0, served.stderr
    assert '"base": "starter"' in served.stdout
    refused = run("finetune-repo", ".", "--dry-run")
    assert refused.returncode == 1
    assert refused.stderr.endswith("pip install 'homespun[train]'\n")

    pip(python, "install", *given, f"{wheel}[train]")
    learnt = run("finetune-repo", ".", "--dry-run", "--base", "starter")
    assert learnt.returncode == 0, learnt.stderr
    assert "kept" in learnt.stderr
