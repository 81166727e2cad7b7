"""Which files' text is sent to no server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from homespun_corpus.repo.identity import identity_of
from homespun_server.document_home import Homes, home_of
from homespun_server.stays_here import StaysHere, stays_here
from scratch_repositories import git


def new_repository(top: Path) -> Path:
    top.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "-C", str(top), "init", "-q"], check=True)
    return top


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = new_repository(tmp_path / "team")
    (top / ".gitignore").write_text("notes/\n*.local.py\n")
    return top


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "deploy/.env.production", "prod.env", ".npmrc", "keys/server.pem", "id_rsa"),
        *("infra/main.tfvars", "infra/main.tfvars.json", "terraform.tfstate.backup", "login.ppk"),
        *("credentials.json", ".git/COMMIT_EDITMSG", ".ssh/config", "notes/today.md"),
        *(".ENV", "Server.PEM", "CERT.KEY", "ID_RSA", ".Env.local", "settings.local.py"),
    ],
)
def test_what_git_ignores_or_holds_keys_by_its_name_stays(top: Path, path: str) -> None:
    assert stays_here(top / path)
    assert StaysHere(top).of(path)
    assert home_of(top / path, known=lambda _: False).stays_here


@pytest.mark.parametrize(
    "path", ["app.py", "src/env.py", "environment.ts", "keyboard.rs", "new/file.go"]
)
def test_code_of_the_repository_does_not(top: Path, path: str) -> None:
    assert not stays_here(top / path)
    assert not StaysHere(top).of(path)
    assert not home_of(top / path, known=lambda _: False).stays_here


def test_what_is_in_no_repository_stays(tmp_path: Path) -> None:
    assert home_of(tmp_path / "scratch.py", known=lambda _: False).stays_here


def test_a_plain_folder_is_none_though_the_store_knows_it(tmp_path: Path) -> None:
    home = home_of(tmp_path / "app.py", known=lambda name: name == identity_of(tmp_path))
    assert home.root is not None
    assert home.stays_here
    assert StaysHere(tmp_path).of("app.py")


def test_where_git_cannot_be_asked_it_stays(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert stays_here(tmp_path / "app.py")
    assert StaysHere(tmp_path).of("app.py")


@pytest.mark.parametrize(
    ("patterns", "path"),
    [
        (("/private", "!private/docs*"), "private/docs/x.md"),
        (("local/", "!local/**"), "local/a/b.py"),
        (("secrets/", "!secrets/shared/"), "secrets/shared/keys.py"),
        (("*", "!src/"), "src/a.py"),
        (("config/*", "!config/public"), "config/public/a.py"),
        (("a/*", "!a/b/", "a/b/*", "!a/b/c.py"), "a/b/c.py"),
    ],
)
def test_patterns_that_take_some_back_mean_what_they_mean_to_git(
    top: Path, patterns: tuple[str, ...], path: str
) -> None:
    (top / ".gitignore").write_text("\n".join(patterns))
    command = ["git", "-C", str(top), "check-ignore", "-q", "--no-index", path]
    ignores = subprocess.run(command, check=False).returncode == 0
    assert stays_here(top / path) == ignores
    assert StaysHere(top).of(path) == ignores


def test_patterns_of_a_folder_and_of_the_clone_alone_count(top: Path) -> None:
    (top / "lib").mkdir()
    (top / "lib" / ".gitignore").write_text("mine.py\n")
    (top / ".git" / "info" / "exclude").write_text("own.py\n")
    assert [stays_here(top / name) for name in ("lib/mine.py", "own.py", "mine.py")] == [
        True,
        True,
        False,
    ]


def test_a_link_with_such_a_name_stays_wherever_it_leads(top: Path) -> None:
    (top / "config").mkdir()
    (top / "config" / "dev.py").touch()
    (top / ".env").symlink_to("config/dev.py")
    (top / "notes").symlink_to("config")
    (top.parent / ".env").symlink_to(top / "config" / "dev.py")
    assert not stays_here(top / "config" / "dev.py")
    for called in (".env", "notes/dev.py", "config/../.env", "../.env"):
        assert home_of(top / called, known=lambda _: False).stays_here, called


def test_a_link_stays_if_what_it_leads_to_does(top: Path) -> None:
    (top.parent / "elsewhere.py").touch()
    (top / "link.py").symlink_to(top.parent / "elsewhere.py")
    (top / "code.py").symlink_to(".env")
    (top.parent / "way").symlink_to(top)
    assert stays_here(top / "link.py")
    assert stays_here(top / "code.py")
    assert not stays_here(top.parent / "way" / "app.py")


def test_a_repository_in_a_folder_that_another_ignores_stays(top: Path) -> None:
    for folder in ("notes/diary", "vendor/lib"):
        new_repository(top / folder)
    assert home_of(top / "notes/diary/a.py", known=lambda _: False).stays_here
    assert StaysHere(top / "notes/diary").of("a.py")
    assert not stays_here(top / "vendor/lib/a.py")


def test_a_linked_work_tree_in_such_a_folder_does_not(top: Path) -> None:
    git(top, "commit", "-q", "--allow-empty", "-m", "first")
    git(top, "worktree", "add", "-q", "notes/tree", "-b", "other")
    assert not stays_here(top / "notes" / "tree" / "app.py")


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there alone")
def test_a_name_that_is_not_utf_8_stays(top: Path) -> None:
    name = os.fsdecode(b"geheim\xe4.py")
    (top / name).touch()
    (top / ".gitignore").write_bytes(b"geheim\xe4.py\n")
    assert stays_here(top / name)
    assert StaysHere(top).of(name)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes, and links are a privilege")
def test_patterns_that_are_no_file_are_not_waited_for(top: Path) -> None:
    (top / "lib").mkdir()
    os.mkfifo(top / "lib" / ".gitignore")
    assert stays_here(top / "lib" / "a.py")
    assert not stays_here(top / "a.py")


@pytest.mark.parametrize("named", [".gitignore", ".git/info/exclude"])
async def test_what_is_ignored_while_it_is_open_stays_from_then_on(top: Path, named: str) -> None:
    homes, uri = Homes(lambda _: False, pytest.fail, for_server=True), (top / "app.py").as_uri()
    assert not (await homes.of(uri)).stays_here
    assert homes.found(uri) is not None, "not at every key"
    (top / named).write_text("app.py\n")
    homes.files_changed()
    assert homes.found(uri) is None
    assert (await homes.of(uri)).stays_here


async def test_nobody_has_to_say_so(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homespun_server.document_home.JUDGED", 0.0)
    homes, uri = Homes(lambda _: False, pytest.fail, for_server=True), (top / "app.py").as_uri()
    assert not (await homes.of(uri)).stays_here
    (top / ".gitignore").write_text("app.py\n")
    assert homes.found(uri) is None
    assert (await homes.of(uri)).stays_here
    (top / ".gitignore").unlink()
    assert not (await homes.of(uri)).stays_here
