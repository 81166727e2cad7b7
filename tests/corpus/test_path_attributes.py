"""What a team marks is left out, by name, and nothing it can write lets anything in."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from git_repositories import make_repository
from homespun_corpus.errors import SettingsError
from homespun_corpus.filters.licence import licence_header
from homespun_corpus.filters.path_attributes import marked_by
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax import lexical
from homespun_corpus.syntax.lexical import LexicalRules
from scratch_repositories import git, module_text

MARKS = {
    ".gitattributes": "*.gen.py linguist-generated\n/lib/** linguist-vendored=true\n"
    "*.md text\ndocs/** linguist-documentation\nlib/own.py -linguist-vendored\n"
    "vendor/** -linguist-vendored\n[ linguist-vendored\n",
    "src/.gitattributes": "part.gen.py linguist-generated=false\n",
    ".homespunignore": "# not ours\nlegacy/\n!legacy/kept.py\nold_*.py\n!old_kept.py\n",
}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a.gen.py", "generated"),
        ("src/part.gen.py", None),
        ("lib/deep/a.py", "vendored"),
        ("lib/own.py", None),
        ("docs/conf.py", "documentation"),
        ("legacy/a.py", "excluded"),
        ("legacy/kept.py", "excluded"),
        ("src/old_a.py", "excluded"),
        ("src/old_kept.py", None),
        ("src/a.py", None),
    ],
)
@pytest.mark.parametrize("in_git", [True, False])
def test_the_reason_for_a_path(tmp_path: Path, path: str, reason: str | None, in_git: bool) -> None:
    folder = make_repository(tmp_path / "team", MARKS)
    if not in_git:
        (folder / ".git").rename(tmp_path / "git")
    assert marked_by(Repository.open(folder))(path) == reason


def test_git_reads_the_attributes_alike(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team", MARKS)
    marked = marked_by(Repository.open(folder))
    for path in ("a.gen.py", "src/part.gen.py", "x/a.gen.py"):
        said = git(folder, "check-attr", "linguist-generated", path)
        assert (said.rsplit(" ", 1)[1] == "set") == (marked(path) == "generated")


BOM = "\ufeff"
FAULTS = {  # what a file of marks begins with, or how it is written, and what it keeps out
    "a mark": {".homespunignore": f"{BOM}old.py\nsrc/\n", ".gitattributes": f"{BOM}gen.py m\n"},
    "CR LF": {".homespunignore": "old.py\r\nsrc/\r\n", ".gitattributes": "gen.py m\r\n"},
    "no end": {".homespunignore": "src/\nold.py", ".gitattributes": "gen.py m"},
    "odd": {".homespunignore": "src/\n\\old.py  \n", ".gitattributes": '\t"ge\\156.py"\tm\n'},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("in_git", [True, False])
def test_no_rule_is_lost_to_how_its_file_is_written(
    tmp_path: Path, fault: str, in_git: bool
) -> None:
    marks = dict(FAULTS[fault])
    marks[".gitattributes"] = "".join(
        (BOM * (fault == "a mark"), "[attr]m text linguist-generated\n", marks[".gitattributes"])
    ).replace(f"\n{BOM}", "\n")
    folder = make_repository(tmp_path / "team", marks)
    if not in_git:
        (folder / ".git").rename(tmp_path / "git")
    marked = marked_by(Repository.open(folder))
    assert [marked(path) for path in ("old.py", "src/a.py", "gen.py", "a.py")] == [
        "excluded",
        "excluded",
        "generated",
        None,
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({".homespunignore": "old.py\n".encode("utf-16")}, "not UTF-8"),
        ({".homespunignore": b"caf\xe9.py\n"}, "not UTF-8"),
        ({".homespunignore": "a\n" * 200_000}, "more than 256 KB"),
        ({".homespunignore": "".join(f"{n}*\n" for n in range(3000))}, "more than 2000 patterns"),
        ({"src/.gitattributes": "a linguist-generated\n" * 20_000}, "more than 256 KB"),
        ({".gitattributes": "a* linguist-generated\n" * 3000}, "more than 2000 patterns"),
        ({".gitattributes": "a.py m\n".encode("utf-16")}, "not UTF-8"),
        ({".homespunignore/a.py": "x = 1\n"}, "is a folder"),
        ({".gitattributes/a.py": "x = 1\n"}, "is a folder"),
        ({"src/.gitattributes/a.py": "x = 1\n"}, "src/.gitattributes is a folder"),
    ],
)
def test_marks_that_cannot_be_read_end_the_run_in_one_line(
    tmp_path: Path, files: dict[str, str | bytes], message: str
) -> None:
    folder = make_repository(tmp_path / "team", {"a.py": "x = 1\n"}, files)
    with pytest.raises(SettingsError, match=message) as caught:
        mine(Repository.open(folder), MineSettings())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("in_git", [True, False])
def test_marks_that_are_a_link_end_the_run(tmp_path: Path, in_git: bool) -> None:
    folder = make_repository(tmp_path / "team", {"a.py": "x = 1\n", "marks": "a.py\n"})
    (folder / ".homespunignore").symlink_to("marks")
    git(folder, "add", ".homespunignore")
    git(folder, "commit", "-qm", "a link")
    if not in_git:
        (folder / ".git").rename(tmp_path / "git")
    with pytest.raises(SettingsError, match="is a link"):
        mine(Repository.open(folder), MineSettings())


def test_thousands_of_files_may_be_marked_by_name(tmp_path: Path) -> None:
    marks = "".join(f"src/part_{number}.py linguist-generated\n" for number in range(5000))
    folder = make_repository(tmp_path / "team", {".gitattributes": marks, "a.py": "x = 1\n"})
    marked = marked_by(Repository.open(folder))
    assert (marked("src/part_4999.py"), marked("src/part_5000.py")) == ("generated", None)


def test_each_is_accounted_for_and_an_unset_attribute_saves_nothing(tmp_path: Path) -> None:
    paths = ("src/a.py", "a.gen.py", "lib/a.py", "docs/a.py", "legacy/a.py", "vendor/a.py")
    texts = {path: module_text(random.Random(path), 6) for path in paths}
    folder = make_repository(tmp_path / "team", MARKS | texts)
    found = mine(Repository.open(folder), MineSettings())
    verdicts = {e.path: e.verdict for e in found.ledger if e.path in paths[1:]}
    assert verdicts == {
        "a.gen.py": "generated",
        "docs/a.py": "documentation",
        "legacy/a.py": "excluded",
        "lib/a.py": "vendored",
        "vendor/a.py": "vendored",
    }
    assert {s.path for s in found.samples("train")} & set(paths) == {"src/a.py"}


@pytest.mark.parametrize(
    ("header", "rules"),
    [
        ("# Author: Jo Doe\n", lexical.PYTHON),
        ("#!/bin/sh\n# written by Jo Doe\n", lexical.PYTHON),
        ('"""Tools.\n\n:author: Jo Doe\n"""\n', lexical.PYTHON),
        ("/**\n * @author Jo Doe\n */\n", lexical.SCRIPT),
        ("// Questions: jo.doe@mail.example.org\n", lexical.SCRIPT),
    ],
)
def test_a_header_that_names_somebody_goes(header: str, rules: LexicalRules) -> None:
    span = licence_header((header + "x = 1\n").encode(), rules)
    assert span is not None
    assert not (header + "x = 1\n").encode()[span.end :].removesuffix(b"x = 1\n").strip()


@pytest.mark.parametrize(
    "header", ["# The author of a book is text.\n", "# See a@b.\n", '"""Authors of books."""\n']
)
def test_a_header_about_authors_stays(header: str) -> None:
    assert licence_header((header + "x = 1\n").encode(), lexical.PYTHON) is None
