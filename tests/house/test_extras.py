"""What serving takes, and what is said where an extra is not installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from git_repositories import make_repository
from homespun_model.bases.extras import EXTRAS, lacking
from homespun_model.sharing.bucket_files import PACKAGES
from homespun_model.sharing.url import KINDS
from tiny_models import tiny_base

if TYPE_CHECKING:
    from taught_models import Taught

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = ("corpus", "model", "finetune", "server")
# A process in which packages are as good as not installed, and a command in it.
WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Without())
import importlib.util as util
whole, util.find_spec = util.find_spec, lambda n, p=None: None if n in {packages!r} else whole(n, p)
sys.argv = sys.argv[1:]
import {module} as command
command.main()
"""
NONE = {package for packages in EXTRAS.values() for package in packages}


def run_bare(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command's module as in an installation without any extra."""
    program = WITHOUT.format(packages=NONE, module=module)
    command = [sys.executable, "-c", program, "command", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", each)[0].replace("-", "_").lower() for each in requirements}


def imported() -> Iterator[tuple[str, str]]:
    """Every library that a room imports, at a file's top or inside a function."""
    for room in ROOMS:
        for path in (ROOT / room / f"homespun_{room}").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    found = [node.module or ""]
                yield from ((name.split(".")[0], path.name) for name in found)


def test_the_extras_are_pyprojects() -> None:
    listed = PROJECT["optional-dependencies"]
    assert {extra: names(listed[extra]) for extra in EXTRAS} == {
        extra: set(packages) for extra, packages in EXTRAS.items()
    }


def test_everything_that_is_imported_is_declared() -> None:
    declared = names(PROJECT["dependencies"]) | NONE | set(PACKAGES.values())
    ours = {f"homespun_{room}" for room in ROOMS}
    distributions = packages_distributions()
    undeclared = {
        (library, file)
        for library, file in imported()
        if library not in sys.stdlib_module_names | ours
        and not {d.replace("-", "_").lower() for d in distributions.get(library, [library])}
        & declared
    }
    assert undeclared == set()


def test_what_a_store_s_url_takes_is_an_extra_of_its_kind() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {kind: names(extras[kind]) for kind in PACKAGES} == {
        kind: {package} for kind, package in PACKAGES.items()
    }
    assert set(KINDS.values()) == {*PACKAGES, "file"}


def test_serving_takes_no_extra(taught: Taught, tmp_path: Path) -> None:
    file = tmp_path / "shapes.py"
    file.write_text("def area(width, height):\n    \n")
    flags = ("--base", str(taught.base), "--store", str(tmp_path / "store"))
    done = run_bare(
        "homespun_server.cli", "complete", str(file), "--line", "2", "--column", "5", *flags
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_training_without_its_extra_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    repository = make_repository(tmp_path / "repo", {"a.py": "def f():\n    return 1\n"})
    done = run_bare("homespun_finetune.cli", str(repository), "--base", "starter", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("finetune-repo: training takes more than serving: ")
    assert done.stderr.endswith("pip install 'homespun[train]'\n")
    assert done.stderr.count("\n") == 1


def test_a_base_without_an_engine_of_ours_is_one_line(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base", "starcoder2")
    (file := tmp_path / "a.py").write_text("def f():\n    \n")
    done = run_bare(
        "homespun_server.cli",
        *("complete", str(file), "--line", "2", "--column", "5", "--base", str(base)),
    )
    assert done.returncode == 2
    assert "runs only by transformers here" in done.stderr
    assert done.stderr.endswith("pip install 'homespun[transformers]'\n")
    assert done.stderr.count("\n") == 1


def test_nothing_lacks_where_everything_is_installed() -> None:
    assert [lacking(extra) for extra in EXTRAS] == [None] * len(EXTRAS)
