"""A document belongs to the git top level that holds it, whatever folder an editor has open."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from homespun_corpus.repo.identity import identity_of
from homespun_server.document_home import Homes, home_of


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


async def test_bad_settings_are_said_once_and_again_only_when_saved(team: Path) -> None:
    said: list[str] = []
    homes = Homes(nothing_known, said.append)
    (team / "homespun.toml").write_text("base = 'evil'\n")
    for name in ("a.py", "b.py"):
        home = await homes.of((team / name).as_uri())
        assert home.root is not None
    assert len(said) == 1
    assert "'base'" in said[0]
    (team / "homespun.toml").write_text("exclude = ['a.py']\n")
    homes.saved((team / "homespun.toml").as_uri())
    assert (await homes.of((team / "a.py").as_uri())).excluded
    assert len(said) == 1


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "git:/a/b.py", "file:///no/such/place.py"])
async def test_documents_that_belong_nowhere(uri: str) -> None:
    homes = Homes(nothing_known, pytest.fail)
    home = await homes.of(uri)
    assert home.root is None
    assert home.path
