"""``repositories.toml``: what it may say, and one line for whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly import git_url
from homespun_finetune.nightly.needs import Needs
from homespun_finetune.nightly.repositories_file import read
from homespun_finetune.nightly.task import RepositoryTask

WHOLE = """
store = "s3://team-bucket/homespun"

[defaults]
base = "starter"
minutes = 20
needs = { cpus = 4 }

[[repository]]
path = "src/shop"

[[repository]]
path = "git@example.org:team/till.git"
name = "the till"
base = "./models/big"
minutes = 60.5
refresh = false
since = 50
id = "example.org/team/till"
needs = { gpus = 1, memory = "16 GiB" }
"""
ONE = '[[repository]]\npath = "shop"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "repositories.toml"
    file.write_text(text, encoding="utf-8")
    return file


def wrong(folder: Path, text: str) -> str:
    """What is said of it, less where the file is."""
    with pytest.raises(RunUsageError) as raised:
        read(written(folder, text))
    said = str(raised.value)
    assert "\n" not in said
    return said.replace(str(folder), "…")


def test_each_repository_has_its_own_and_else_the_defaults(tmp_path: Path) -> None:
    assert read(written(tmp_path, WHOLE)) == [
        RepositoryTask(
            name="shop",
            path=str(tmp_path / "src/shop"),
            store="s3://team-bucket/homespun",
            base="starter",
            minutes=20.0,
            needs=Needs(cpus=4.0),
        ),
        RepositoryTask(
            name="the till",
            path="git@example.org:team/till.git",
            store="s3://team-bucket/homespun",
            base=str(tmp_path / "models/big"),
            minutes=60.5,
            refresh=False,
            since="50",
            id="example.org/team/till",
            needs=Needs(gpus=1.0, memory=16 << 30),
        ),
    ]


def test_a_store_that_is_named_goes_before_the_file_s(tmp_path: Path) -> None:
    file = written(tmp_path, f'store = "adapters"\n{ONE}')
    assert [task.store for task in read(file)] == [str(tmp_path / "adapters")]
    assert [task.store for task in read(file, "other")] == ["other"]
    assert read(written(tmp_path, ONE))[0].store is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no repositories: give [[repository]] tables with a path"),
        ("repository = 3", "names no repositories"),
        ("[[repository]\n", "is no TOML: "),
        ("stores = 'x'\n" + ONE, "there is no key 'stores': defaults, repository, store"),
        ("store = 'ftp://x/y'\n" + ONE, "store: ftp://… is no store's URL"),
        ("[defaults]\npath = 'x'\n" + ONE, "[defaults]: there is no key 'path'"),
        ("[defaults]\nminutes = true\n" + ONE, "[defaults]: minutes: has to be a number"),
        ("[[repository]]\nname = 'x'", "[[repository]] 1 has no path"),
        ("repository = [3]", "[[repository]] 1 has no path"),
        (ONE + "minuts = 3", "[[repository]] 1: there is no key 'minuts'"),
        (ONE + "minutes = 'long'", "[[repository]] 1: minutes: has to be a number"),
        (ONE + "minutes = 0", "[[repository]] 1: minutes: has to lie between 0.1 and 10080"),
        (ONE + "refresh = 'yes'", "[[repository]] 1: refresh: has to be true or false"),
        (ONE + "base = ''", "[[repository]] 1: base: has to be a text"),
        (ONE + "name = 'a/b'", "[[repository]] 1: name: a name is short and without a /"),
        (ONE + 'name = "a\\u0007b"', "[[repository]] 1: name: has to be a text"),
        (ONE + "needs = { gpu = 1 }", "needs: there is no key 'gpu': cpus, gpus, memory"),
        (ONE + "needs = { memory = 16 }", "needs: has to be a text"),
        (ONE + "needs = { memory = '16' }", 'needs: memory has to be written like "16 GiB"'),
        (ONE + "needs = { gpus = 1.5 }", "needs: gpus has to be a whole number"),
        ("a = " + "[" * 2000 + "]" * 2000, "a number is too long, or too much is nested"),
        (ONE + "minutes = " + "9" * 5000, "a number is too long, or too much is nested"),
        (ONE + "minutes = " + "9" * 400, "[[repository]] 1: minutes: has to be a number"),
        (ONE + "since = 0x" + "f" * 5000, "[[repository]] 1: since: has to be a number"),
        (ONE + "id = '../../x'", "id: '../../x' cannot be the id of a repository"),
        (ONE + "base = '~nosuchuser/x'", "base: ~ is of a user that is not there"),
        (ONE + "needs = { cpus = 1e308 }", "needs: has to be a number"),
        (ONE + "needs = { cpus = 1e9 }", "needs: cpus has to be 0, or to lie between 0.0001 and"),
        (ONE + "needs = { gpus = 1e-9 }", "needs: gpus has to be 0, or to lie between 0.0001 and"),
        (ONE + f"needs = {{ memory = '{'9' * 400} TiB' }}", "needs: memory has to be written"),
        (ONE + "needs = { memory = '999999999 TiB' }", "needs: memory has to be written"),
        (ONE + "a" * 100_000 + " = 1", f"there is no key '{'a' * 80}': base, "),
        ("store = '~nosuchuser/x'\n" + ONE, "store: ~ is of a user that is not there"),
        ("store = 'https://h/x'\n" + ONE, "store: a store that is read over https takes no"),
        ("store = 'file://share/x'\n" + ONE, "store: file://share/x is on another machine"),
        ("store = 's3:/a:hunter2@b/c'\n" + ONE, "store: the store is neither a folder nor a URL"),
        ("store = ' s3://a:hunter2@b/c'\n" + ONE, "store: the store is neither a folder nor a URL"),
        ("store = 'a:hunter2@b/c'\n" + ONE, "store: the store is neither a folder nor a URL"),
        ("[[repository]]\npath = '~nosuchuser/x'", "path: ~ is of a user that is not there"),
        ("[[repository]]\npath = '/'", "[[repository]] 1: name: has to be a text"),
        (
            "[[repository]]\nname = 'x'\npath = 'file:///r/.'",
            "its last part names no repository",
        ),
        ("[[repository]]\nname = 'x'\npath = 'host:..'", "its last part names no repository"),
        ("[[repository]]\nname = 'x'\npath = 'file:///'", "its last part names no repository"),
        (ONE + ONE, "[[repository]] 2: 'shop' is there twice: give it another name"),
        (ONE + ONE + "name = 'SHOP'", "[[repository]] 2: 'SHOP' is there twice"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    line = wrong(tmp_path, text)
    assert line.startswith("…/repositories.toml")
    assert said in line
    assert "hunter2" not in line


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunUsageError, match=r"repositories\.toml: No such file or directory"):
        read(tmp_path / "repositories.toml")


@pytest.mark.parametrize(
    "url",
    [
        "https://robot:hunter2@example.org/team/till.git",
        "https://hunter2@example.org/team/till.git",
        "ssh://robot:hunter2@example.org/till",
        "https://example.org/till?token=hunter2",
        "ext::sh -c hunter2",
        "-uhunter2:x",
        "ssh://-ohunter2/x",
        "robot:hunter2@example.org:team/till.git",
        "robot:hunter2@example.org/till.git",
        "robot%3Ahunter2@example.org:till.git",
        "https:/robot:hunter2@example.org/till.git",
        "https://robot:hun/hunter2@example.org/till.git",
        "https://robot:hunter2/@example.org/till.git",
        "ssh://robot:hunter2/@example.org/till.git",
        "ssh://robot%3Ahunter2@example.org/till",
        " https://robot:hunter2@example.org/till.git",
        " robot:hunter2@example.org/till.git",
        "//robot:hunter2@example.org/till.git",
        "<https://robot:hunter2@example.org/till.git>",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    line = wrong(tmp_path, f'[[repository]]\npath = "{url}"')
    assert "[[repository]] 1: path: " in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("https://example.org/team/till.git", "till"),
        ("ssh://git@example.org:22/team/till/", "till"),
        ("git@example.org:till.git", "till"),
        ("file:///srv/git/till.git", "till"),
        ("file:///srv/@team/till", "till"),
        ("host:/srv/git/till.git", "till"),
        ("git@[::1]:till.git", "till"),
        ("ssh://git@[::1]:22/till.git", "till"),
        ("/srv/code/till/old/..", "till"),
        ("/srv/@team/till", "till"),
        ("/srv/code/till", "till"),
        ("C:\\work", None),
    ],
)
def test_a_repository_is_called_as_the_last_part_of_its_path(path: str, name: str | None) -> None:
    assert git_url.problem(path) is None or not git_url.is_url(path)
    if name is not None:
        assert git_url.last_part(path) == name
    else:
        assert not git_url.is_url(path)


def test_a_mark_at_the_beginning_is_none_of_the_text(tmp_path: Path) -> None:
    assert [task.name for task in read(written(tmp_path, f"\ufeff{ONE}"))] == ["shop"]


def test_the_folder_above_is_called_by_its_name(tmp_path: Path) -> None:
    [task] = read(written(tmp_path, '[[repository]]\npath = ".."'))
    assert task.name == tmp_path.parent.name


def test_a_store_s_folder_may_be_called_as_people_do(tmp_path: Path) -> None:
    [task] = read(written(tmp_path, f"store = 'shared/@team'\n{ONE}"))
    assert task.store == str(tmp_path / "shared/@team")


@pytest.mark.parametrize("secret", ["hunter2", "p@hunter2", "p/hunter2", "p hunter2"])
def test_what_git_says_shows_no_password(secret: str) -> None:
    said = f"fatal: unable to access 'https://robot:{secret}@example.org/till/': 401"
    assert git_url.without_user(said) == (
        "fatal: unable to access 'https://…@example.org/till/': 401"
    )


def test_what_git_says_shows_no_user() -> None:
    said = "fatal: unable to access 'https://robot:hunter2@example.org/till/'"
    assert git_url.without_user(said) == "fatal: unable to access 'https://…@example.org/till/'"


def test_needs_that_nobody_said_are_a_share_of_the_cluster() -> None:
    head, small, large = {"CPU": 0.0}, {"CPU": 4.0}, {"CPU": 16.0}
    assert Needs().within([head, small, large]) == Needs(4.0, 0.0)
    gpus = {"CPU": 64.0, "GPU": 8.0}
    assert Needs().within([small, gpus]) == Needs(8.0, 1.0)
    assert Needs(gpus=2.0).within([small, gpus]) == Needs(16.0, 2.0)
    assert Needs(cpus=3.0, gpus=0.0).within([gpus]) == Needs(3.0, 0.0)
    assert Needs(2.0, 1.0).fit(gpus) and not Needs(2.0, 1.0).fit(large)
    assert not Needs(memory=16 << 30).fit(gpus)
