"""Code is shown as last saved: what git does, and what others write, is seen by the next look."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from git_repositories import commit, make_repository, write
from homespun_corpus.errors import CorpusError
from homespun_corpus.filters.quality import MAX_FILE_BYTES
from homespun_corpus.repo.work_tree import Stamp, WorkTree
from homespun_server.code_on_disk import CodeOnDisk, code_of
from homespun_server.document_home import Root, home_of
from scratch_repositories import git

GNU = "# SPDX-License-Identifier: GPL-3.0-only\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", {"a.py": "a = 1\n", "lib/b.py": "b = 1\n"})


def root_of(folder: Path) -> Root:
    home = home_of(folder / "any.py", known=lambda _: True)
    assert home.root is not None
    return home.root


class Follower:
    """What an index holds that takes up every change."""

    def __init__(self, folder: Path) -> None:
        self.root = root_of(folder)
        self.code = CodeOnDisk(self.root)
        self.files: dict[str, str] = {}

    def look(self) -> dict[str, str | None]:
        """What a look finds changed; afterwards all is as somebody would find it who begins now."""
        changed = dict(self.code.changes(self.root))
        for path, text in changed.items():
            if text is None:
                del self.files[path]
            else:
                self.files[path] = text
        return changed

    def save(self, path: str, text: str) -> dict[str, str | None]:
        changed = dict(self.code.saved(path, text))
        self.files |= {path: text for path, text in changed.items() if text is not None}
        return changed


@pytest.fixture
def follower(shop: Path) -> Follower:
    follower = Follower(shop)
    assert follower.look() == {"a.py": "a = 1\n", "lib/b.py": "b = 1\n"}
    assert follower.look() == {}
    return follower


def test_what_is_written_added_and_deleted_is_seen(shop: Path, follower: Follower) -> None:
    write(shop / "a.py", "a = 2\n")
    assert follower.look() == {"a.py": "a = 2\n"}
    write(shop / "untracked.py", "x = 1\n")
    assert follower.look() == {}
    git(shop, "add", "untracked.py")
    assert follower.look() == {"untracked.py": "x = 1\n"}
    (shop / "lib" / "b.py").unlink()
    assert follower.look() == {"lib/b.py": None}
    git(shop, "rm", "-q", "--cached", "untracked.py")
    assert follower.look() == {"untracked.py": None}
    assert follower.files == {"a.py": "a = 2\n"} == dict(code_of(follower.root))


def test_a_change_of_the_same_length_at_the_same_time_is_seen(
    shop: Path, follower: Follower
) -> None:
    then = (shop / "a.py").stat()
    write(shop / "a.py", "a = 3\n")
    os.utime(shop / "a.py", ns=(then.st_atime_ns, then.st_mtime_ns))
    assert follower.look() == {"a.py": "a = 3\n"}


def test_only_what_changed_is_read_again(
    shop: Path, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (shop / "a.py", shop / "lib" / "b.py"):
        os.utime(path, (1e9, 1e9))  # long ago
    follower.look()
    read: list[str] = []
    reading = WorkTree.read

    def seen(tree: WorkTree, path: str) -> tuple[bytes, Stamp] | None:
        read.append(path)
        return reading(tree, path)

    monkeypatch.setattr(WorkTree, "read", seen)
    write(shop / "lib" / "b.py", "b = 2\n")
    assert follower.look() == {"lib/b.py": "b = 2\n"}
    assert read == ["lib/b.py"]


def test_another_branch_a_stash_and_a_pull(shop: Path, follower: Follower) -> None:
    git(shop, "checkout", "-q", "-b", "feature")
    commit(shop, {"helper.py": "def helper(): ...\n", "a.py": "a = 9\n"})
    assert follower.look() == {"helper.py": "def helper(): ...\n", "a.py": "a = 9\n"}
    git(shop, "checkout", "-q", "main")
    assert follower.look() == {"helper.py": None, "a.py": "a = 1\n"}
    write(shop / "a.py", "a = 5\n")
    assert follower.look() == {"a.py": "a = 5\n"}
    git(shop, "stash", "-q")
    assert follower.look() == {"a.py": "a = 1\n"}
    git(shop, "stash", "pop", "-q")
    assert follower.look() == {"a.py": "a = 5\n"}
    git(shop, "checkout", "-q", "a.py")
    follower.look()
    git(shop, "merge", "-q", "--ff-only", "feature")
    assert follower.look() == {"helper.py": "def helper(): ...\n", "a.py": "a = 9\n"}
    git(shop, "pack-refs", "--all")
    git(shop, "gc", "-q")
    assert follower.look() == {}
    git(shop, "reset", "-q", "--hard", "HEAD~1")
    assert follower.look() == {"helper.py": None, "a.py": "a = 1\n"}


def test_in_the_middle_of_a_rebase_nobody_s_conflict_is_shown(
    shop: Path, follower: Follower
) -> None:
    git(shop, "checkout", "-q", "-b", "feature")
    commit(shop, {"a.py": "a = 'feature'\n", "f.py": "f = 1\n"})
    git(shop, "checkout", "-q", "main")
    commit(shop, {"a.py": "a = 'main'\n", "m.py": "m = 1\n"})
    git(shop, "checkout", "-q", "feature")
    with pytest.raises(subprocess.CalledProcessError):
        git(shop, "rebase", "main")
    follower.look()
    assert follower.files == {"f.py": "f = 1\n", "lib/b.py": "b = 1\n", "m.py": "m = 1\n"}
    write(shop / "a.py", "a = 'both'\n")
    assert follower.look() == {"a.py": "a = 'both'\n"}
    git(shop, "rebase", "--abort")
    follower.look()
    assert follower.files == dict(code_of(follower.root))
    assert "m.py" not in follower.files


def test_linked_work_trees_have_code_of_their_own(
    shop: Path, follower: Follower, tmp_path: Path
) -> None:
    git(shop, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Follower(tmp_path / "linked")
    assert linked.root.identity == follower.root.identity
    linked.look()
    commit(tmp_path / "linked", {"side.py": "s = 1\n"})
    assert linked.look() == {"side.py": "s = 1\n"}
    assert follower.look() == {}


@pytest.mark.parametrize("more", [[], ["--sparse-index"]])
def test_of_a_sparse_checkout_what_is_there(
    shop: Path, follower: Follower, more: list[str]
) -> None:
    git(shop, "sparse-checkout", "init", "--cone", *more)
    assert follower.look() == {"lib/b.py": None}
    git(shop, "sparse-checkout", "add", "lib")
    assert follower.look() == {"lib/b.py": "b = 1\n"}


@pytest.mark.parametrize("option", [["--index-version", "4"], ["--split-index"]])
def test_other_kinds_of_index(shop: Path, follower: Follower, option: list[str]) -> None:
    git(shop, "update-index", *option)
    assert follower.look() == {}
    write(shop / "a.py", "a = 2\n")
    assert follower.look() == {"a.py": "a = 2\n"}
    commit(shop, {"c.py": "c = 1\n"})
    assert follower.look() == {"c.py": "c = 1\n"}


def test_without_a_commit_what_was_added(tmp_path: Path) -> None:
    follower = Follower(make_repository(tmp_path / "new"))
    assert follower.look() == {}
    write(tmp_path / "new" / "a.py", "a = 1\n")
    assert follower.look() == {}
    git(tmp_path / "new", "add", "a.py")
    assert follower.look() == {"a.py": "a = 1\n"}


def test_a_plain_folder_is_followed_too(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    write(folder / "a.py", "a = 1\n")
    write(folder / ".gitignore", "out/\n")
    write(folder / "out" / "b.py", "b = 1\n")
    follower = Follower(folder)
    assert follower.look() == {"a.py": "a = 1\n"}
    write(folder / "c.py", "c = 1\n")
    (folder / "a.py").unlink()
    assert follower.look() == {"a.py": None, "c.py": "c = 1\n"}


def test_what_an_editor_saved_counts_until_the_disk_says_otherwise(
    shop: Path, follower: Follower
) -> None:
    write(shop / "new.py", "n = 1\n")
    assert follower.save("new.py", "n = 1\n") == {"new.py": "n = 1\n"}
    assert follower.look() == {}
    write(shop / "new.py", "n = 2\n")
    assert follower.look() == {"new.py": "n = 2\n"}
    git(shop, "add", "new.py")
    assert follower.look() == {}
    git(shop, "rm", "-q", "--cached", "new.py")
    assert follower.save("new.py", "n = 3\n")
    (shop / "new.py").unlink()
    assert follower.look() == {"new.py": None}
    write(shop / "new.py", "n = 4\n")  # back, but nobody saved it here
    assert follower.look() == {}


def test_rules_keep_out_what_they_kept_out_and_are_followed(shop: Path, follower: Follower) -> None:
    write(shop / ".homespunignore", "lib/\n")
    git(shop, "add", ".homespunignore")
    assert follower.look() == {"lib/b.py": None}
    commit(shop, {".gitattributes": "a.py linguist-generated\n"})
    assert follower.look() == {"a.py": None}
    write(shop / ".homespunignore", "")
    write(shop / ".gitattributes", "")
    assert follower.look() == {}  # the newest commit still says so
    commit(shop, {})
    assert follower.look() == {"a.py": "a = 1\n", "lib/b.py": "b = 1\n"}
    follower.root = replace(follower.root, exclude=("a.py",))
    assert follower.look() == {"a.py": None}
    assert follower.save("a.py", "a = 8\n") == {}
    write(shop / "lib" / "b.py", GNU + "b = 2\n")
    assert follower.look() == {"lib/b.py": GNU + "b = 2\n"}
    follower.root = replace(follower.root, exclude=(), exclude_licences=("GPL-*",))
    assert follower.look() == {"a.py": "a = 1\n", "lib/b.py": None}


def test_a_script_is_shown_while_its_first_line_names_a_language(
    shop: Path, follower: Follower
) -> None:
    text = '#!/bin/sh\nexec shop "$@"\n'
    commit(shop, {"bin/shop": text, "bin/perl": "#!/usr/bin/perl\n", "LICENSE": "Take it.\n"})
    assert follower.look() == {"bin/shop": text}
    commit(shop, {"aaa": "#!/bin/sh\n" + "# x\n" * (MAX_FILE_BYTES // 4)})
    assert follower.look() == {}
    commit(shop, {"bin/shop": "no script any more\n"})
    assert follower.look() == {"bin/shop": None}


def test_secrets_and_what_is_no_text_are_not_shown(shop: Path, follower: Follower) -> None:
    secret = "".join(("AKIA", "Q3EGRTXWBN", "5LZ7HP"))
    write(shop / "a.py", f'KEY = "{secret}"\nb = 2\n')
    assert secret not in repr(follower.look())
    write(shop / "lib" / "b.py", b"\xff\xfe")
    assert follower.look() == {"lib/b.py": None}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_no_link_is_followed_and_no_pipe_waited_for(
    shop: Path, follower: Follower, tmp_path: Path
) -> None:
    write(tmp_path / "outside" / "b.py", "outside = 1\n")
    (shop / "a.py").unlink()
    (shop / "a.py").symlink_to(tmp_path / "outside" / "b.py")
    (shop / "lib" / "b.py").unlink()
    (shop / "lib").rmdir()
    (shop / "lib").symlink_to(tmp_path / "outside")
    assert follower.look() == {"a.py": None, "lib/b.py": None}
    (shop / "a.py").unlink()
    os.mkfifo(shop / "a.py")
    assert follower.look() == {}
    (shop / ".git" / "index").unlink()
    os.mkfifo(shop / ".git" / "index")
    with pytest.raises(CorpusError, match="is no file"):
        follower.look()


def test_an_index_that_names_files_outside_is_not_believed(shop: Path, tmp_path: Path) -> None:
    write(tmp_path / "evil1.py", "outside = 1\n")
    commit(shop, {"xx/evil1.py": "inside = 1\n"})
    index = shop / ".git" / "index"
    index.write_bytes(index.read_bytes().replace(b"xx/evil1.py", b"../evil1.py"))
    assert dict(code_of(root_of(shop))) == {"a.py": "a = 1\n", "lib/b.py": "b = 1\n"}


def test_a_repository_that_cannot_be_read_changes_nothing(shop: Path, follower: Follower) -> None:
    (shop / ".git").rename(shop / "git")
    with pytest.raises(CorpusError):
        follower.look()
    (shop / "git").rename(shop / ".git")
    assert follower.look() == {}
    (shop / "a.py").unlink()
    assert follower.look() == {"a.py": None}


def test_other_settings_are_noticed_once(shop: Path, follower: Follower) -> None:
    assert not follower.code.other_settings()
    write(shop / "homespun.toml", 'exclude = ["a.py"]\n')
    assert follower.code.other_settings()
    assert not follower.code.other_settings()
