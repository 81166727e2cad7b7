"""The paths that an index names are those that git lists, in every version of the format."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import make_repository, write
from homespun_corpus.repo.git_index import tracked_paths
from hypothesis import given, settings
from hypothesis import strategies as st
from scratch_repositories import git

NAMES = ["a.py", "lib/b.py", "lib/deep/er/c.py", "x" * 200 + "/" + "y" * 200 + ".py", "é 漢.py"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shop = make_repository(tmp_path / "shop", dict.fromkeys(NAMES, "one\n"))
    (shop / "link.py").symlink_to("a.py")
    write(shop / "new.py", "two\n")
    git(shop, "add", "link.py")
    git(shop, "add", "-N", "new.py")  # only meant to be added: it has a longer entry
    write(shop / "untracked.py", "three\n")
    return shop


def listed(shop: Path) -> list[bytes]:
    names = git(shop, "ls-files", "-z").encode().split(b"\0")
    return [name for name in names if name and name != b"link.py"]


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_every_version_names_what_git_lists(shop: Path, version: str) -> None:
    git(shop, "update-index", "--index-version", version)
    assert tracked_paths((shop / ".git" / "index").read_bytes()) == listed(shop)


def test_a_sparse_index_names_what_is_there(shop: Path) -> None:
    git(shop, "rm", "-q", "--cached", "new.py")
    git(shop, "commit", "-q", "-m", "link")
    git(shop, "sparse-checkout", "init", "--cone", "--sparse-index")
    index = (shop / ".git" / "index").read_bytes()
    assert b"sdir" in index
    assert tracked_paths(index) == [b"a.py", "é 漢.py".encode()]


def test_a_file_in_conflict_is_named_once(shop: Path) -> None:
    git(shop, "commit", "-q", "-a", "-m", "before")
    git(shop, "checkout", "-q", "-b", "side")
    write(shop / "a.py", "side\n")
    git(shop, "commit", "-q", "-a", "-m", "side")
    git(shop, "checkout", "-q", "main")
    write(shop / "a.py", "main\n")
    git(shop, "commit", "-q", "-a", "-m", "main")
    with pytest.raises(Exception, match="merge"):
        git(shop, "merge", "-q", "side")
    found = tracked_paths((shop / ".git" / "index").read_bytes())
    assert found == list(dict.fromkeys(listed(shop)))
    assert found.count(b"a.py") == 1


def test_a_split_index_is_only_a_part(shop: Path) -> None:
    git(shop, "update-index", "--split-index")
    with pytest.raises(ValueError, match="split"):
        tracked_paths((shop / ".git" / "index").read_bytes())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 5), st.integers(0, 3))
def test_whatever_is_no_index_is_refused_or_read(rest: bytes, version: int, count: int) -> None:
    data = b"DIRC" + version.to_bytes(4) + count.to_bytes(4) + rest
    for torn in (data, data[:7], rest):
        try:
            assert all(isinstance(name, bytes) for name in tracked_paths(torn))
        except ValueError:
            continue
