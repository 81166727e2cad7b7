"""Which files' text is sent to no server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from homespun_server.document_home import home_of
from homespun_server.stays_here import stays_here


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "team"
    top.mkdir()
    subprocess.run(["git", "-C", str(top), "init", "-q"], check=True)
    (top / ".gitignore").write_text("notes/\n*.local.py\n")
    return top


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/.env.production",
        "prod.env",
        ".npmrc",
        "keys/server.pem",
        "id_rsa",
        "infra/main.tfvars",
        ".git/COMMIT_EDITMSG",
        ".ssh/config",
        "notes/today.md",
        "settings.local.py",
    ],
)
def test_what_git_ignores_or_holds_keys_by_its_name_stays(top: Path, path: str) -> None:
    assert stays_here(top, path)
    assert home_of(top / path, known=lambda _: False).stays_here


@pytest.mark.parametrize(
    "path", ["app.py", "src/env.py", "environment.ts", "keyboard.rs", "new/file.go"]
)
def test_code_of_the_repository_does_not(top: Path, path: str) -> None:
    assert not stays_here(top, path)
    assert not home_of(top / path, known=lambda _: False).stays_here


def test_what_is_in_no_repository_stays(tmp_path: Path) -> None:
    assert home_of(tmp_path / "scratch.py", known=lambda _: False).stays_here


def test_where_git_cannot_be_asked_it_stays(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert stays_here(tmp_path, "app.py")
