"""The README's commands exist and take the flags it shows; the quick ones are run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from scratch_repositories import make_repository

ROOT = Path(__file__).parents[2]
MODULES = {
    "finetune-repo": "homespun_finetune.cli",
    "homespun": "homespun_server.cli",
}
PAGES = [
    "README.md",
    "docs/bases.md",
    "docs/nightly/README.md",
    "docs/nights.md",
    "CONTRIBUTING.md",
]


def commands(page: str) -> list[list[str]]:
    """Every shell command in the page's fenced blocks, comments cut off."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [
        shlex.split(line.split(" && ")[0], comments=True)
        for line in lines
        if line.startswith((*MODULES, "make"))
    ]


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@cache
def help_text(program: str, *subcommands: str) -> str:
    done = run(MODULES[program], *subcommands, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_command_takes_the_flags_that_are_shown(page: str) -> None:
    shown = commands(page)
    assert shown
    for program, *arguments in shown:
        if program == "make":
            assert (
                subprocess.run(
                    ["make", "-n", *arguments], cwd=ROOT, capture_output=True, check=False
                ).returncode
                == 0
            )
            continue
        named = arguments[:1] if program == "homespun" else []
        named += arguments[1:2] if named in (["adapters"], ["models"]) else []
        text = help_text(program, *named)
        for flag in (a for a in arguments if a.startswith("--")):
            assert flag in text, f"{program} {' '.join(named)} has no {flag}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not ((ROOT / page).parent / target).exists()] == []


def test_a_dry_run_shows_counts(tmp_path: Path) -> None:
    team = make_repository(tmp_path / "team", commits=4)
    done = run(MODULES["finetune-repo"], str(team), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "kept" in done.stderr


def test_an_empty_store_lists_nothing(tmp_path: Path) -> None:
    done = run(MODULES["homespun"], "adapters", "list", "--store", str(tmp_path / "store"))
    assert done.returncode == 0, done.stderr
