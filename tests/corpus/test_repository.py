"""Files, history and changes of real repositories and plain folders, and how each can be broken."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest
from git_repositories import commit, make_repository, write
from homespun_corpus.errors import RepositoryError
from homespun_corpus.repo.identity import normalised_origin
from homespun_corpus.repo.repository import FileChange, Repository, find_root, identity_of
from scratch_repositories import git


def paths(repository: Repository, commit: str | None = None) -> list[str]:
    return [file.path for file in repository.files(commit)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_repository(
        tmp_path / "shop",
        {"a.py": "one\n", "lib/b.py": "two\n"},
        {"a.py": "three\n", "c.py": "four\n"},
        {"lib/b.py": None, "d.py": "five\n"},
    )


def test_files_are_those_of_head_with_git_s_own_ids(shop: Path) -> None:
    repository = Repository.open(shop)

    (a, *_) = repository.files()

    assert paths(repository) == ["a.py", "c.py", "d.py"]
    assert a.blob_id == git(shop, "rev-parse", "HEAD:a.py")
    assert a.size == 6
    assert repository.read(a.blob_id) == b"three\n"
    assert repository.is_git and not repository.is_shallow
    assert repository.commit == git(shop, "rev-parse", "HEAD")


def test_a_dirty_work_tree_changes_nothing(shop: Path) -> None:
    before = Repository.open(shop).files()

    (shop / "a.py").write_text("dirty\n")
    (shop / "untracked.py").write_text("new\n")
    (shop / "c.py").unlink()
    git(shop, "add", "untracked.py")

    assert Repository.open(shop).files() == before


def test_only_wanted_files_are_looked_at(shop: Path) -> None:
    wanted = Repository.open(shop).files(wanted=lambda path: path.startswith("c"))
    assert [file.path for file in wanted] == ["c.py"]


def test_history_is_newest_first_along_first_parents(shop: Path) -> None:
    git(shop, "checkout", "-q", "-b", "side", "HEAD~1")
    commit(shop, {"side.py": "s\n"})
    git(shop, "checkout", "-q", "main")
    git(shop, "merge", "-q", "--no-ff", "-m", "merge", "side")

    history = Repository.open(shop).history()

    assert [c.id for c in history] == git(shop, "rev-list", "--first-parent", "HEAD").split()
    assert [c.parent for c in history] == [*(c.id for c in history[1:]), None]
    assert history[1].time - history[2].time == 86_400
    assert Repository.open(shop).history(2) == history[:2]


def test_changes_name_what_was_added_edited_and_removed(shop: Path) -> None:
    repository = Repository.open(shop)
    newest, middle, oldest = (c.id for c in repository.history())

    assert paths(repository, middle) == ["a.py", "c.py", "lib/b.py"]
    assert repository.changes(oldest, newest) == [
        FileChange("a.py", *(git(shop, "rev-parse", f"{c}:a.py") for c in (oldest, newest))),
        FileChange("c.py", None, git(shop, "rev-parse", "HEAD:c.py")),
        FileChange("d.py", None, git(shop, "rev-parse", "HEAD:d.py")),
        FileChange("lib/b.py", git(shop, "rev-parse", f"{oldest}:lib/b.py"), None),
    ]
    assert repository.changes(newest, newest) == []


def test_links_and_submodules_are_no_files(shop: Path, tmp_path: Path) -> None:
    (shop / "link.py").symlink_to("/etc/passwd")
    (shop / "folder").symlink_to("/etc")
    other = make_repository(tmp_path / "other", {"x.py": "x\n"})
    git(shop, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    commit(shop, {})

    assert paths(Repository.open(shop)) == [".gitmodules", "a.py", "c.py", "d.py"]
    inside = Repository.open(shop / "sub")
    assert inside.root == shop / "sub"
    assert paths(inside) == ["x.py"]


def test_a_link_that_became_a_file_is_a_new_file(shop: Path) -> None:
    (shop / "link.py").symlink_to("a.py")
    old = commit(shop, {})
    (shop / "link.py").unlink()
    new = commit(shop, {"link.py": "real\n"})

    (change,) = Repository.open(shop).changes(old, new)

    assert (change.path, change.old is None, change.new is None) == ("link.py", True, False)


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be there")
def test_strange_names_survive(tmp_path: Path) -> None:
    names = [b"new\nline.py", b"caf\xe9.py", "caf\u00e9.py".encode(), b"tab\t.py", b"-n.py"]
    for root in (make_repository(tmp_path / "git"), tmp_path / "plain"):
        root.mkdir(exist_ok=True)
        for name in names:
            with open(os.fsencode(root) + b"/" + name, "wb") as file:  # noqa: PTH123
                file.write(name)
        if root.name == "git":
            commit(root, {})

        repository = Repository.open(root)

        assert paths(repository) == sorted(
            ["new\nline.py", "caf\\xe9.py", "caf\u00e9.py", "tab\t.py", "-n.py"]
        )
        assert {repository.read(file.blob_id) for file in repository.files()} == set(names)
        assert all(path.encode() for path in paths(repository))


def test_a_detached_head_is_fine(shop: Path) -> None:
    git(shop, "checkout", "-q", "HEAD~1")
    repository = Repository.open(shop)
    assert (paths(repository), len(repository.history())) == (["a.py", "c.py", "lib/b.py"], 2)


def test_a_path_inside_opens_the_top_level(shop: Path) -> None:
    commit(shop, {"lib/e.py": "e\n"})
    assert Repository.open(shop / "lib").root == shop
    assert find_root(shop / "lib" / "not" / "yet.py") == shop
    assert find_root(shop / "a.py") == shop
    assert find_root(shop.parent / "elsewhere.py") is None


def test_an_untracked_folder_inside_is_a_plain_folder(shop: Path) -> None:
    write(shop / "scratch" / "x.py", "x\n")
    write(shop / ".gitignore", "out/\n")
    write(shop / "out" / "deep" / "y.py", "y\n")

    for folder in (shop / "scratch", shop / "out" / "deep"):
        repository = Repository.open(folder)
        assert (repository.root, repository.is_git) == (folder, False)
        assert len(repository.files()) == 1


def test_a_bare_repository_has_all_but_a_work_tree(shop: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(shop), "bare/shop.git")

    repository = Repository.open(tmp_path / "bare" / "shop.git")

    assert repository.files() == Repository.open(shop).files()
    assert len(repository.history()) == 3
    assert repository.identity.removeprefix("shop.git-") == identity_of(shop).removeprefix("shop-")


def test_a_linked_work_tree_is_a_repository(shop: Path, tmp_path: Path) -> None:
    git(shop, "worktree", "add", "-q", str(tmp_path / "tree"), "HEAD~1")

    repository = Repository.open(tmp_path / "tree")

    assert repository.root == tmp_path / "tree"
    assert paths(repository) == ["a.py", "c.py", "lib/b.py"]
    assert repository.identity == identity_of(shop)


def test_a_shallow_clone_knows_that_it_is(shop: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{shop}", "shallow")
    repository = Repository.open(tmp_path / "shallow")
    assert repository.is_shallow
    assert paths(repository) == ["a.py", "c.py", "d.py"]
    assert len(repository.history()) == 1


def test_a_partial_clone_counts_as_shallow_and_lacks_only_what_is_not_here(
    shop: Path, tmp_path: Path
) -> None:
    git(shop, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{shop}", "partial")
    git(tmp_path / "partial", "config", "core.repositoryformatversion", "1")
    git(tmp_path / "partial", "config", "extensions.partialClone", "origin")

    repository = Repository.open(tmp_path / "partial")
    oldest = repository.history()[-1].id

    assert repository.is_shallow
    assert paths(repository) == ["a.py", "c.py", "d.py"]
    assert paths(repository, oldest) == []


def test_packed_and_collected_objects_read_alike(shop: Path) -> None:
    before = Repository.open(shop).files()
    git(shop, "gc", "-q", "--aggressive", "--prune=now")
    repository = Repository.open(shop)
    assert repository.files() == before
    assert repository.read(before[0].blob_id) == b"three\n"


Make = Callable[[Path], Path]


def make_file(tmp_path: Path) -> Path:
    (tmp_path / "file.py").write_text("x = 1\n")
    return tmp_path / "file.py"


def make_broken(tmp_path: Path) -> Path:
    write(tmp_path / "broken" / ".git", "gitdir: nowhere\n")
    return tmp_path / "broken"


def make_headless(tmp_path: Path) -> Path:
    root = make_repository(tmp_path / "headless", {"a.py": "a\n"})
    (root / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")
    return root


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda tmp: tmp / "missing", "does not exist: give"),
        (make_file, "is a file: give"),
        (lambda tmp: make_repository(tmp / "empty"), "has no commit yet: commit"),
        (make_broken, "cannot be read as a git repository"),
        (make_headless, "cannot be read as a git repository"),
    ],
)
def test_what_cannot_be_opened_says_why_on_one_line(tmp_path: Path, make: Make, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(RepositoryError) as caught:
        Repository.open(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_user_s_repository_names_the_way_out(shop: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a folder away")
    for path in (shop, shop / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(RepositoryError, match=r"safe\.directory"):
        Repository.open(shop)


def test_a_commit_or_blob_that_is_not_there(shop: Path) -> None:
    repository = Repository.open(shop)
    with pytest.raises(RepositoryError, match="is not in this repository"):
        repository.files("1" * 40)
    with pytest.raises(RepositoryError, match="cannot be read"):
        repository.read("1" * 40)


def test_a_plain_folder_honours_nested_gitignore_files(tmp_path: Path) -> None:
    root = tmp_path / "plain"
    for path, content in {
        ".gitignore": "*.log\nbuild/\n/top.py\n\\\n!\n",
        "a.py": "a\n",
        "top.py": "t\n",
        "build/b.py": "b\n",
        "x.log": "x\n",
        "lib/.gitignore": "!keep.log\nsecret.py\n",
        "lib/keep.log": "k\n",
        "lib/top.py": "t\n",
        "lib/secret.py": "s\n",
        "lib/deep/secret.py": "s\n",
        "lib/deep/ok.py": "o\n",
        "other/secret.py": "s\n",
        "nested/.git/config": "g\n",
    }.items():
        write(root / path, content)

    plain = paths(Repository.open(root))

    git(root, "init", "-q")
    listed = git(root, "ls-files", "--others", "--exclude-standard").split()
    assert plain == sorted(listed)
    assert "lib/keep.log" in plain and "lib/deep/secret.py" not in plain


def test_a_plain_folder_has_git_s_ids_and_no_history(tmp_path: Path) -> None:
    write(tmp_path / "plain" / "a.py", "x = 1\n")

    repository = Repository.open(tmp_path / "plain")

    (file,) = repository.files()
    assert file.blob_id == str(pygit2.hash(b"x = 1\n"))
    assert repository.read(file.blob_id) == b"x = 1\n"
    assert (repository.commit, repository.is_git, repository.history()) == (None, False, [])
    with pytest.raises(RepositoryError, match="no git repository"):
        repository.files("1" * 40)
    with pytest.raises(RepositoryError, match="no git repository"):
        repository.changes("1", "2")


def test_a_plain_folder_follows_no_link_and_opens_no_pipe(tmp_path: Path) -> None:
    root = tmp_path / "plain"
    write(tmp_path / "outside" / "secret.py", "s\n")
    write(root / "a.py", "a\n")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file.py").symlink_to(tmp_path / "outside" / "secret.py")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.py")

    assert paths(Repository.open(root)) == ["a.py"]


def test_a_file_of_a_plain_folder_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "plain" / "a.py", "x = 1\n")
    repository = Repository.open(tmp_path / "plain")
    (file,) = repository.files()

    write(tmp_path / "plain" / "a.py", "x = 2\n")
    with pytest.raises(RepositoryError, match="changed while"):
        repository.read(file.blob_id)

    (tmp_path / "plain" / "a.py").unlink()
    (tmp_path / "plain" / "a.py").symlink_to("/etc/passwd")
    with pytest.raises(RepositoryError, match="cannot be read"):
        repository.read(file.blob_id)


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://github.com/team/shop", "github.com/team/shop"),
        ("https://github.com/team/shop.git", "github.com/team/shop"),
        ("https://github.com/team/shop.git/", "github.com/team/shop"),
        ("https://user:secret@GitHub.com:443/team/shop", "github.com/team/shop"),
        ("https://oauth2:gl-pat@github.com/team/shop?x=y#z", "github.com/team/shop"),
        ("git@github.com:team/shop.git", "github.com/team/shop"),
        ("github.com:team/shop", "github.com/team/shop"),
        ("git@github.com:/team/shop", "github.com/team/shop"),
        ("ssh://git@github.com:22/team/shop.git", "github.com/team/shop"),
        ("git+ssh://git@github.com/~/team/../team/./shop", "github.com/team/team/shop"),
        ("git://github.com//team//shop.git", "github.com/team/shop"),
        ("https://example.org/a%20b/c%2Fd", "example.org/a-b/c/d"),
        ("ssh://git@[::1]:2222/team/shop", "--1/team/shop"),
        ("https://example.org/", None),
        ("https://example.org/.git", None),
        ("https://github.com/Team/Shop", "github.com/team/shop"),
        ("ssh://git@ssh.github.com:443/team/shop.git", "github.com/team/shop"),
        ("git@altssh.gitlab.com:Team/sub/shop.git", "gitlab.com/team/sub/shop"),
        ("https://git.example.org/Team/Shop", "git.example.org/Team/Shop"),
        ("https://git.example.org/scm/team/shop.git", "git.example.org/team/shop"),
        ("https://example.org/bitbucket/scm/~me/shop.git", "example.org/~me/shop"),
        ("ssh://git@git.example.org:7999/team/shop.git", "git.example.org/team/shop"),
        ("https://review.example.org/a/shop", "review.example.org/shop"),
        ("ssh://me@review.example.org:29418/shop", "review.example.org/shop"),
        ("https://github.com/a/scm/shop", "github.com/a/scm/shop"),
        ("https://me@dev.azure.com/Org/Shop/_git/till", "dev.azure.com/org/shop/till"),
        ("git@ssh.dev.azure.com:v3/org/shop/till", "dev.azure.com/org/shop/till"),
        ("https://org.visualstudio.com/shop/_git/till", "dev.azure.com/org/shop/till"),
        ("https://dev.azure.com/org/_git/shop", "dev.azure.com/org/shop/shop"),
        ("org@vs-ssh.visualstudio.com:v3/org/shop/till", "dev.azure.com/org/shop/till"),
        ("/srv/git/shop.git", None),
        ("../shop.git", None),
        ("./a:b/shop", None),
        ("C:\\git\\shop", None),
        ("C:/git/shop", None),
        ("file:///srv/git/shop.git", None),
        ("https://[broken/team", None),
        ("", None),
        (None, None),
    ],
)
def test_an_origin_reads_the_same_however_it_is_spelt(url: str | None, identity: str) -> None:
    assert normalised_origin(url) == identity


def test_a_repository_is_known_by_its_origin(shop: Path) -> None:
    git(shop, "remote", "add", "origin", "git@Example.org:team/shop.git")
    assert identity_of(shop) == Repository.open(shop).identity == "example.org/team/shop"


def test_without_a_host_the_first_commit_tells(shop: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(shop), "elsewhere/shop")
    first = identity_of(shop)

    assert first.startswith("shop-") and str(tmp_path) not in first
    assert identity_of(tmp_path / "elsewhere" / "shop") == first
    commit(shop, {"e.py": "e\n"})
    assert identity_of(shop) == first
    assert identity_of(make_repository(tmp_path / "x" / "shop", {"z.py": "z\n"})) != first


def test_a_folder_s_identity_is_its_own_and_never_raises(tmp_path: Path) -> None:
    ids = set()
    for name in ("one/app", "two/app", "two/line\nbreak", "two/..."):
        (tmp_path / name).mkdir(parents=True)
        ids.add(identity_of(tmp_path / name))
    ids.add(identity_of(make_broken(tmp_path)))
    ids.add(identity_of(make_repository(tmp_path / "unborn")))
    ids.add(identity_of(tmp_path / "missing"))

    assert len(ids) == 7
    assert all(name.replace("-", "").replace(".", "").isalnum() for name in ids)


def test_finding_a_root_never_raises(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert find_root(tmp_path / "loop" / "a.py") is None
    assert find_root(tmp_path / ("x" * 300) / "a.py") is None


SSH_CONFIG = """\
Include more.d/*
# Host github.example
Host work *.work !other.work
    User git
    HostName=github.com
Host work
    HostName late.example
Match host github.com
    HostName matched.example
"""


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("git@work:Team/shop.git", "github.com/team/shop"),
        ("git@my.WORK:team/shop.git", "github.com/team/shop"),
        ("git@other.work:team/shop.git", "other.work/team/shop"),
        ("git@included:team/shop.git", "git.example.org/team/shop"),
        ("git@github.com:team/shop.git", "github.com/team/shop"),
    ],
)
def test_a_host_is_called_what_ssh_calls_it(
    url: str, identity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / ".ssh/config", SSH_CONFIG)
    write(tmp_path / ".ssh/more.d/one", 'Host included\n  HostName "git.example.org"\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    assert normalised_origin(url) == identity


def test_ssh_settings_that_cannot_be_read_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / ".ssh/config", 'Include config\nHost "\nHostName\nHost a b\nHostName = ~\n')
    assert normalised_origin("git@work:team/shop.git") == "work/team/shop"


def test_an_origin_is_what_git_would_fetch(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "shop", {"a.py": "x = 1\n"})
    config = pygit2.Repository(str(root)).config
    config["url.https://github.com/.insteadOf"] = "gh:"
    config["remote.origin.url"] = "gh:team/shop"
    assert identity_of(root) == "github.com/team/shop"


def test_a_format_that_git_alone_reads_is_its_tracked_files(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256", "-b", "main")
    commit(root, {"src/a.py": "x = 1\n", "src/gone.py": "x = 2\n"})
    (root / "src/gone.py").unlink()
    write(root / "src/untracked.py", "x = 3\n")
    (root / "src/link.py").symlink_to("a.py")
    git(root, "add", "src/link.py")
    found = Repository.open(root)
    assert [file.path for file in found.files()] == ["src/a.py"] and not found.is_git
    assert [file.path for file in Repository.open(root / "src").files()] == ["a.py"]
    assert found.read(found.files()[0].blob_id) == b"x = 1\n"


def test_a_bare_one_of_such_a_format_says_so(tmp_path: Path) -> None:
    root = tmp_path / "shop.git"
    root.mkdir()
    git(root, "init", "-q", "--bare", "--object-format=sha256")
    with pytest.raises(RepositoryError, match="sha256"):
        Repository.open(root)


def test_a_head_that_names_no_branch_is_told_from_an_empty_repository(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "shop", {"a.py": "x = 1\n"})
    git(root, "symbolic-ref", "HEAD", "refs/heads/master")
    with pytest.raises(RepositoryError, match="symbolic-ref HEAD refs/heads/main"):
        Repository.open(root)


def test_what_other_version_control_keeps_is_nobodys_code(tmp_path: Path) -> None:
    for name in (".svn/pristine/a.py", "lib/CVS/b.py", ".hg/c.py", "cvs/mine.py", "d.py"):
        write(tmp_path / "shop" / name, "x = 1\n")
    found = Repository.open(tmp_path / "shop")
    assert [file.path for file in found.files()] == ["cvs/mine.py", "d.py"]
