"""The VS Code extension as it is packaged: what it promises in package.json, and that it builds.

What it does in an editor is driven in tests/e2e/editors.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from homespun_server.settings import (
    BY_FLAG,
    MAX_NEW_TOKENS,
    MOST_IDLE_MINUTES,
    read_editor_settings,
)

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "vscode-client"
MANIFEST = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
SETTINGS: dict[str, dict[str, Any]] = MANIFEST["contributes"]["configuration"]["properties"]
MEGABYTE = 1_000_000
LOCKED = "package-lock.json"
NOT_SOURCES = ("node_modules", "dist", "server", "*.vsix")


def test_it_is_the_version_of_the_server_and_of_its_own_lock_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = json.loads((CLIENT / LOCKED).read_text(encoding="utf-8"))
    assert MANIFEST["version"] == project["version"] == locked["version"]
    assert MANIFEST["license"] == project["license"]
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_it_needs_no_newer_editor_than_its_client_library() -> None:
    locked = json.loads((CLIENT / LOCKED).read_text(encoding="utf-8"))["packages"]
    library = locked["node_modules/vscode-languageclient"]
    assert library["version"].startswith("11.")
    assert MANIFEST["engines"]["vscode"] == library["engines"]["vscode"] == "^1.91.0"


def test_the_lock_file_names_no_registry() -> None:
    locked = json.loads((CLIENT / LOCKED).read_text(encoding="utf-8"))
    assert [name for name, entry in locked["packages"].items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in locked["packages"].items() if name)
    assert "://" not in (CLIENT / ".npmrc").read_text(encoding="utf-8")


def test_a_workspace_sets_nothing_that_a_flag_sets() -> None:
    machine = {name for name, setting in SETTINGS.items() if setting["scope"] == "machine"}
    assert machine == {
        f"homespun.{name}"
        for name in (
            *("command", "base", "store", "device", "fimFormat", "usage"),
            *("remote", "remoteBase"),
        )
    }
    untrusted = MANIFEST["capabilities"]["untrustedWorkspaces"]
    assert untrusted["supported"] == "limited"
    assert set(untrusted["restrictedConfigurations"]) == machine - {"homespun.usage"}
    assert MANIFEST["capabilities"]["virtualWorkspaces"]["supported"] is False


def test_every_command_of_the_manifest_is_registered_and_no_other() -> None:
    source = (CLIENT / "src/menu.ts").read_text(encoding="utf-8")
    table = re.search(r"const commands: .*?\{(.*?)\n    \};", source, re.DOTALL)
    assert table is not None
    registered = {
        f"homespun.{name}" for name in re.findall(r"^ +(\w+): \(", table[1], re.MULTILINE)
    }
    declared = {command["command"] for command in MANIFEST["contributes"]["commands"]}
    assert registered == declared


@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("modelFlags", ["homespun_server.cli", "serve"]),
        ("modelFlags", ["homespun_server.cli", "doctor"]),
        ("storeFlags", ["homespun_server.cli", "adapters", "rollback"]),
        ("finetuneFlags", ["homespun_finetune.cli"]),
    ],
)
def test_the_flags_it_passes_exist(function: str, command: list[str]) -> None:
    source = (CLIENT / "src/settings.ts").read_text(encoding="utf-8")
    body = source.partition(f"export function {function}(")[2].partition("\n}")[0]
    flags = re.findall(r'flag\("(--[a-z-]+)"', body)
    words = [sys.executable, "-m", *command, "--help"]
    known = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert flags
    assert [flag for flag in flags if flag not in known] == []


def test_the_options_it_sends_are_ones_the_server_takes() -> None:
    source = (CLIENT / "src/settings.ts").read_text(encoding="utf-8")
    body = source.partition("export function initializationOptions(")[2].partition("\n}")[0]
    names = re.findall(r'options\["(\w+)"\]', body)
    values: dict[str, Any] = {"exclude": ["*.md"], "max_new_tokens": 8, "idle_minutes": 0}
    values["usage"] = False
    assert set(names) == set(values)
    assert set(names).isdisjoint(BY_FLAG)
    _, problem = read_editor_settings({"status": True} | values)
    assert problem is None
    properties = MANIFEST["contributes"]["configuration"]["properties"]
    assert properties["homespun.maxNewTokens"]["maximum"] == MAX_NEW_TOKENS
    assert properties["homespun.idleMinutes"]["maximum"] == MOST_IDLE_MINUTES


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client, its dependencies installed from the lock file."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("NOT TESTED: npm is not on PATH, so the VS Code extension was not built")
    copy = tmp_path_factory.mktemp("vscode") / "client"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    done = run_npm(copy, "ci", "--prefer-offline", "--loglevel=error")
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing")[-400:]
        pytest.skip(f"NOT TESTED: npm ci failed, so the VS Code extension was not built: {last}")
    return copy


def run_npm(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    npm = shutil.which("npm") or "npm"
    quiet = os.environ | {"NO_UPDATE_NOTIFIER": "1", "CI": "1"}
    return subprocess.run(
        [npm, *words],
        cwd=folder,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )


def test_the_unit_tests_pass(built: Path) -> None:
    done = run_npm(built, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE)


def test_types_are_right_and_the_package_is_small_and_whole(built: Path) -> None:
    assert MANIFEST["scripts"]["vscode:prepublish"].startswith("npm run check &&")
    done = run_npm(built, "run", "package")
    assert done.returncode == 0, done.stdout + done.stderr
    package = built / f"homespun-{MANIFEST['version']}.vsix"
    assert package.stat().st_size < MEGABYTE
    with ZipFile(package) as archive:
        assert archive.testzip() is None
        files = {name.lower(): archive.read(name) for name in archive.namelist()}
    inside = {name.removeprefix("extension/") for name in files if name.startswith("extension/")}
    assert inside == {
        "package.json",
        "readme.md",
        "license.txt",
        "images/icon.png",
        "dist/extension.js",
    }
    assert files["extension/images/icon.png"].startswith(b"\x89PNG")
    assert files["extension/license.txt"] == (ROOT / "LICENSE").read_bytes()
    assert str(built).encode() not in files["extension/dist/extension.js"]
