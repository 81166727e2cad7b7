"""Repositories as they come: git at any state, plain folders, and what must not be read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from homespun_corpus.errors import RepositoryError
from homespun_corpus.identity import find_root, identity_of, normal_origin
from homespun_corpus.repository import Repository


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit(folder: Path, message: str = "change", **files: str) -> str:
    write(folder, **files)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message, "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "team"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, a_py="a = 1\n", src__b_py="b = 1\n")
    return folder


def paths(repository: Repository, at: str | None = None) -> list[str]:
    return [file.path for file in repository.files(at)]


def test_files_are_those_of_head_not_of_the_work_tree(repo: Path) -> None:
    (repo / "a.py").write_text("a = 'uncommitted'\n")
    (repo / "new.py").write_text("")
    repository = Repository.open(repo)
    assert paths(repository) == ["a.py", "src/b.py"]
    [first, _] = repository.files()
    assert repository.read(first.blob_id) == b"a = 1\n"
    assert first.blob_id == git(repo, "rev-parse", "HEAD:a.py")


def test_a_folder_inside_opens_the_top_level(repo: Path) -> None:
    assert Repository.open(repo / "src").root == repo
    assert find_root(repo / "src" / "b.py") == repo


def test_an_untracked_folder_inside_is_a_plain_folder(repo: Path) -> None:
    write(repo, scratch__c_py="c = 1\n")
    repository = Repository.open(repo / "scratch")
    assert not repository.is_git and paths(repository) == ["c.py"]


def test_links_and_submodules_are_left_out(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("password = 1\n")
    (repo / "link.py").symlink_to(tmp_path / "secret.py")
    (repo / "loop").symlink_to(repo)
    git(repo, "add", "-A")
    head = git(repo, "rev-parse", "HEAD")
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{head},module")
    git(repo, "commit", "-qm", "links")
    assert paths(Repository.open(repo)) == ["a.py", "src/b.py"]


def test_history_and_changes(repo: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    second = commit(repo, a_py="a = 2\n", c_py="c = 1\n")
    git(repo, "rm", "-q", "src/b.py")
    third = commit(repo)
    repository = Repository.open(repo)
    assert [(c.id, c.parent) for c in repository.history(9)] == [
        (third, second),
        (second, first),
        (first, None),
    ]
    changes = {c.path: (c.old, c.new) for c in repository.changes(first, third)}
    assert set(changes) == {"a.py", "c.py", "src/b.py"}
    assert changes["c.py"][0] is None and changes["src/b.py"][1] is None
    assert paths(repository, first) == ["a.py", "src/b.py"]


def test_a_detached_head_is_read_where_it_is(repo: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    commit(repo, c_py="c = 1\n")
    git(repo, "checkout", "-q", first)
    assert Repository.open(repo).commit == first


def test_a_shallow_clone_says_so_and_its_history_ends(repo: Path, tmp_path: Path) -> None:
    commit(repo, c_py="c = 1\n")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "shallow")
    repository = Repository.open(tmp_path / "shallow")
    assert repository.is_shallow
    assert [c.parent for c in repository.history(9)] == [None]


def test_a_bare_repository_and_a_work_tree(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    assert paths(Repository.open(tmp_path / "bare.git")) == ["a.py", "src/b.py"]
    git(repo, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    tree = Repository.open(tmp_path / "tree")
    assert tree.root == tmp_path / "tree" and find_root(tree.root / "a.py") == tree.root


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "missing", "does not exist"),
        (lambda p: _file(p), "is a file"),
        (lambda p: _unborn(p), "has no commit yet"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, make, says: str) -> None:
    with pytest.raises(RepositoryError, match=says) as raised:
        Repository.open(make(tmp_path))
    assert "\n" not in str(raised.value)


def _file(folder: Path) -> Path:
    (folder / "x").write_text("")
    return folder / "x"


def _unborn(folder: Path) -> Path:
    git(folder, "init", "-q", "empty")
    return folder / "empty"


def test_a_plain_folder_honours_nested_gitignores_and_follows_no_link(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    write(folder, a_py="", build__x_py="", src__b_py="", src__gen__c_py="", src__gen__keep_py="")
    (folder / ".gitignore").write_text("build/\n*.log\n")
    (folder / "src" / ".gitignore").write_text("gen/*\n!gen/keep.py\n")
    (tmp_path / "outside.py").write_text("")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    (folder / "round").symlink_to(folder)
    repository = Repository.open(folder)
    assert [p for p in paths(repository) if p.endswith(".py")] == [
        "a.py",
        "src/b.py",
        "src/gen/keep.py",
    ]
    assert list(repository.history(3)) == [] and repository.commit is None


def test_odd_file_names_survive(repo: Path) -> None:
    (repo / "new\nline.py").write_text("x = 1\n")
    Path(os.fsdecode(os.fsencode(repo) + b"/l\xe9gacy.py")).write_text("y = 1\n")
    commit(repo)
    found = paths(Repository.open(repo))
    assert "new\nline.py" in found and "l\\xe9gacy.py" in found
    "".join(found).encode()


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://github.com/Org/name.git", "github.com/Org/name"),
        ("https://user:token@GitHub.com/Org/name/", "github.com/Org/name"),
        ("git@github.com:Org/name.git", "github.com/Org/name"),
        ("ssh://git@github.com:22/Org/name", "github.com/Org/name"),
        ("https://host/../../etc/passwd", "host/etc/passwd"),
        ("/srv/git/name.git", None),
        ("file:///srv/git/name.git", None),
        ("C:\\repos\\name", None),
    ],
)
def test_one_origin_has_one_name(url: str, normal: str | None) -> None:
    assert normal_origin(url) == normal


def test_identities(repo: Path, tmp_path: Path) -> None:
    own = identity_of(repo)
    assert own.startswith("team-")
    git(tmp_path, "clone", "-q", str(repo), "team2")
    assert identity_of(tmp_path / "team2").removeprefix("team2-") == own.removeprefix("team-")
    git(repo, "remote", "add", "origin", "git@example.com:a/b.git")
    assert identity_of(repo) == "example.com/a/b" == Repository.open(repo).identity
    plain = tmp_path / "some folder"
    plain.mkdir()
    assert identity_of(plain).startswith("some-folder-")
