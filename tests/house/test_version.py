"""One version, wherever it is written."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from homespun_server import cli

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_extension_has_the_packages_version() -> None:
    assert json.loads((ROOT / "vscode-client/package.json").read_text())["version"] == VERSION


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)[:2] == ["Unreleased", VERSION]


def test_the_readme_installs_this_version_of_the_extension() -> None:
    assert f"homespun-{VERSION}.vsix" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_command_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"homespun {VERSION}\n"
