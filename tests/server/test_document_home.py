"""A document belongs to the git top level that holds it, whatever folder an editor has open."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from homespun_corpus.repo.identity import identity_of
from homespun_server.document_home import Homes, home_of
from scratch_repositories import git


def nothing_known(_identity: str) -> bool:
    return False


def git_init(folder: Path, origin: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    if origin:
        command = ["git", "-C", str(folder), "remote", "add", "origin", origin]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture
def team(tmp_path: Path) -> Path:
    return git_init(tmp_path / "team", "ssh://me@example.org/team/app.git")


def test_the_nearest_repository_is_home(team: Path) -> None:
    vendored = git_init(team / "vendor" / "lib", "https://example.org/other/lib")
    outer = home_of(team / "src" / "new.py", known=nothing_known)
    inner = home_of(vendored / "lib.py", known=nothing_known)
    assert outer.root is not None
    assert inner.root is not None
    assert (outer.root.identity, outer.path) == ("example.org/team/app", "src/new.py")
    assert (inner.root.identity, inner.path) == ("example.org/other/lib", "lib.py")


def test_an_id_that_is_given_stands_for_every_repositorys_own(team: Path, tmp_path: Path) -> None:
    home = home_of(team / "a.py", known=nothing_known, identity="example.org/team/shop")
    assert home.root is not None and home.root.identity == "example.org/team/shop"
    alone = home_of(tmp_path / "a.py", known=nothing_known, identity="example.org/team/shop")
    assert alone.root is None


def test_a_link_to_the_repository_leads_home(team: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(team)
    home = home_of(tmp_path / "link" / "a.py", known=nothing_known)
    assert home.root is not None
    assert (home.root.identity, home.path) == ("example.org/team/app", "a.py")


def test_outside_of_git_the_nearest_folder_with_an_adapter_is_home(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "deep").mkdir(parents=True)
    file = folder / "deep" / "a.py"
    assert home_of(file, known=nothing_known).root is None
    assert home_of(file, known=nothing_known).path == "a.py"
    home = home_of(file, known=lambda identity: identity == identity_of(folder))
    assert home.root is not None
    assert (home.root.path, home.path) == (folder, "deep/a.py")


def test_what_settings_exclude(team: Path) -> None:
    (team / "homespun.toml").write_text('exclude = ["generated/", "*.min.js"]\n')
    assert home_of(team / "generated" / "a.py", known=nothing_known).excluded
    assert home_of(team / "web" / "a.min.js", known=nothing_known).excluded
    assert not home_of(team / "src" / "a.py", known=nothing_known).excluded


@pytest.mark.parametrize("is_saved_here", [True, False])
async def test_settings_that_cannot_be_read_exclude_all_and_are_said_once(
    team: Path, is_saved_here: bool
) -> None:
    said: list[str] = []
    homes, settings = Homes(nothing_known, said.append), team / "homespun.toml"

    async def excluded() -> list[bool]:
        return [(await homes.of((team / name).as_uri())).excluded for name in ("a.py", "b.py")]

    async def write(text: str) -> None:
        settings.write_text(text)
        if is_saved_here:
            homes.saved(settings.as_uri())

    await write("base = 'evil'\n")
    assert await excluded() == [True, True]
    assert await excluded() == [True, True]
    assert len(said) == 1
    assert "'base'" in said[0]
    assert "nothing is suggested" in said[0]
    await write("base = 'evil'\n# saved, and not mended\n")
    assert await excluded() == [True, True]
    assert len(said) == 1
    await write("exclude = ['a.py']\n")
    assert await excluded() == [True, False]
    homes.saved(settings.as_uri())
    settings.write_text("base = 'evil'\n")
    assert await excluded() == [True, True]
    assert len(said) == 2


@pytest.mark.parametrize(
    "content",
    [b"exclude = [", b"exclude = 1", b"unknown = 1", b"\xff\xfea", b"a = " + b"1" * 5000, None],
)
def test_nothing_is_suggested_where_settings_cannot_be_read(
    team: Path, content: bytes | None
) -> None:
    if content is None:
        (team / "homespun.toml").symlink_to(team.parent / "elsewhere.toml")
        (team.parent / "elsewhere.toml").touch()
    else:
        (team / "homespun.toml").write_bytes(content)
    home = home_of(team / "a.py", known=nothing_known)
    assert home.excluded
    assert home.root is not None
    assert home.root.problem is not None


UNREADABLE: dict[str, bytes | None] = {  # None: a folder
    ".homespunignore": "old.py\n".encode("utf-16"),
    ".homespunignore ": b"caf\xe9.py\n",
    ".homespunignore  ": b"a\n" * 200_000,
    ".homespunignore   ": None,
    ".gitattributes": None,
    ".gitattributes ": "a.py linguist-generated\n".encode("utf-16"),
    "src/.gitattributes": b"a.py linguist-generated\n" * 20_000,
    "src/.gitattributes ": None,
}


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("name", UNREADABLE)
def test_nothing_is_suggested_where_marks_cannot_be_read(
    team: Path, name: str, is_committed: bool
) -> None:
    path, data = team / name.strip(), UNREADABLE[name]
    path.parent.mkdir(exist_ok=True)
    git(team, "commit", "-q", "--allow-empty", "-m", "first")
    if not is_committed and path.parent != team:
        path.touch()
        git(team, "add", ".")
        path.unlink()
    if data is None:
        path.mkdir()
        (path / "a.py").touch()
    else:
        path.write_bytes(data)
    if is_committed:
        git(team, "add", ".")
        git(team, "commit", "-q", "-m", "marks")
    home = home_of(team / "a.py", known=nothing_known)
    assert home.excluded
    assert home.root is not None
    assert home.root.problem is not None
    assert name.strip() in home.root.problem
    assert "\n" not in home.root.problem


@pytest.mark.parametrize("data", ["a\n".encode("utf-16"), b"a\n" * 200_000, None])
def test_outside_of_git_a_gitignore_counts_too(tmp_path: Path, data: bytes | None) -> None:
    if data is None:
        (tmp_path / ".gitignore").mkdir()
    else:
        (tmp_path / ".gitignore").write_bytes(data)
    home = home_of(tmp_path / "a.py", known=lambda identity: identity == identity_of(tmp_path))
    assert home.excluded
    assert home.root is not None
    assert ".gitignore" in str(home.root.problem)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_marks_that_may_not_be_read_count_too(team: Path) -> None:
    (team / ".homespunignore").touch(mode=0)
    assert home_of(team / "a.py", known=nothing_known).excluded


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "git:/a/b.py", "file:///no/such/place.py"])
async def test_documents_that_belong_nowhere(uri: str) -> None:
    homes = Homes(nothing_known, pytest.fail)
    home = await homes.of(uri)
    assert home.root is None
    assert home.path
