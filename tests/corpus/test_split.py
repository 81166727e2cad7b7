"""The split by time: what first appeared last is held out, and nothing of it is trained on."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.mining.split import FEWEST, HeldOut, Split, split
from homespun_corpus.reading.sources import Sources
from homespun_corpus.repo.repository import Repository


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str = "change", **modules: str) -> str:
    for name, text in modules.items():
        (folder / name.replace("_py", ".py")).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")


def function(name: str, change: str = "total") -> str:
    return (
        f"def {name}(items, limit):\n"
        f'    """Adds up what {name} counts."""\n'
        f"    {change} = 0\n"
        f"    for item in items:\n"
        f"        {change} += item.{name}_size * limit\n"
        f"    return {change}\n\n\n"
    )


def module(first: int, last: int) -> str:
    return "".join(function(f"count_{i}") for i in range(first, last))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "team"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for i in range(12):
        commit(folder, f"part {i}", **{f"m{i}_py": module(20 * i, 20 * i + 20)})
    return folder


def split_of(folder: Path) -> tuple[Split, Repository]:
    repository = Repository.open(folder)
    return split(repository, Sources(repository, lambda _: None), 0), repository


def names(held: Split, part: str) -> set[str]:
    return {h.function.name for h in held.held_out if h.part == part}


def test_newest_functions_are_the_test_and_those_before_them_validation(repo: Path) -> None:
    found, _ = split_of(repo)
    assert found.kind == "time"
    test, validation = names(found, "test"), names(found, "validation")
    trained = {f.name for file in found.train for f in file.functions}
    assert test and validation and trained
    number = lambda name: int(name.removeprefix("count_"))  # noqa: E731
    assert max(map(number, trained)) < min(map(number, validation))
    assert max(map(number, validation)) < min(map(number, test))
    assert {h.novelty for h in found.held_out} == {"new"}
    assert len(trained) >= 2 * len(test | validation)


def test_a_function_is_cut_from_the_blob_in_which_it_first_appeared(repo: Path) -> None:
    first = commit(repo, new_py=module(300, 340))
    commit(repo, new_py=module(300, 340).replace("limit", "bound"))
    found, repository = split_of(repo)
    [held] = [h for h in found.held_out if h.function.name == "count_305"]
    assert held.commit == first and held.novelty == "new"
    source = repository.read(held.function.blob_id)
    assert b"limit" in source and b"bound" not in source


def test_of_an_edited_function_only_the_changed_lines_are_held_out(repo: Path) -> None:
    text = module(0, 20).replace("    return total\n", "    return max(total, 7)\n")
    commit(repo, m0_py=text)
    commit(repo, new_py=module(300, 340))
    found, repository = split_of(repo)
    edited = [h for h in found.held_out if h.novelty == "edited"]
    assert len(edited) == 20
    for held in edited:
        [span] = held.spans
        line = repository.read(held.function.blob_id)[span.start : span.end]
        assert line.rstrip() == b"    return max(total, 7)"


def test_moving_and_reformatting_holds_nothing_out(repo: Path) -> None:
    git(repo, "mv", "m3.py", "moved.py")
    commit(repo)
    commit(repo, m4_py=module(80, 100).replace("    ", "  "))
    found, _ = split_of(repo)
    held = {h.function.name for h in found.held_out}
    assert not held & {f"count_{i}" for i in (*range(60, 80), *range(80, 100))}


def test_what_a_formatter_changes_holds_nothing_out(repo: Path) -> None:
    """Quotes, trailing commas, line breaks, brackets around an expression: no new code."""
    text = module(80, 100)
    formatted = text.replace("(items, limit):", "(\n    items,\n    limit,\n):")
    formatted = formatted.replace("return total", "return (\n        total\n    )")
    commit(repo, m4_py=text.replace("* limit", '* limit["most"]'))
    commit(repo, m4_py=formatted.replace("* limit", "* limit['most']"))
    commit(repo, m5_py=module(100, 120).replace("* limit", "* (limit)"))
    commit(repo, new_py=module(300, 340))
    found, repository = split_of(repo)
    held = {h.function.name for h in found.held_out}
    assert not held & {f"count_{i}" for i in range(100, 120)}
    for item in found.held_out:
        if item.function.path == "m4.py":
            source = repository.read(item.function.blob_id)
            assert b"(items, limit):" in source  # before it was formatted
            assert [source[s.start : s.end].count(b"\n") for s in item.spans] == [1]


def test_lines_that_only_moved_are_not_the_edited_ones(repo: Path) -> None:
    text = module(0, 20).replace(
        "    for item in items:\n", "    if limit:\n      for item in items:\n"
    )
    text = re.sub(r"^    (    total \+=.*)$", r"      \1\n", text, flags=re.MULTILINE)
    commit(repo, m0_py=text)
    commit(repo, new_py=module(300, 340))
    found, repository = split_of(repo)
    edited = [h for h in found.held_out if h.novelty == "edited"]
    assert len(edited) == 20
    for held in edited:
        [span] = held.spans
        assert repository.read(held.function.blob_id)[span.start : span.end].strip() == b"if limit:"


def test_a_commit_that_the_team_ignores_in_blame_holds_nothing_out(repo: Path) -> None:
    reformatted = module(60, 80).replace("total", "result").replace("    return", "\n    return")
    ignored = commit(repo, m3_py=reformatted)
    (repo / ".git-blame-ignore-revs").write_text(f"# black\n{ignored}  # 24.1\n")
    commit(repo, new_py=module(300, 340))

    found, _ = split_of(repo)

    held = {h.function.name for h in found.held_out}
    assert held and not held & {f"count_{i}" for i in range(60, 80)}


@pytest.mark.parametrize("history", ["none", "one commit", "shallow"])
def test_without_history_whole_files_are_held_out(repo: Path, tmp_path: Path, history: str) -> None:
    if history == "shallow":
        git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "copy")
        folder = tmp_path / "copy"
    else:
        folder = tmp_path / "folder"
        folder.mkdir()
        for i in range(12):
            (folder / f"m{i}.py").write_text(module(20 * i, 20 * i + 20))
    if history == "one commit":
        git(folder, "init", "-q")
        commit(folder)
    found, _ = split_of(folder)
    assert found.kind == "file"
    held_files = {h.function.path for h in found.held_out}
    assert held_files and not held_files & {file.path for file in found.train}
    assert {h.part for h in found.held_out} == {"validation", "test"}
    assert split_of(folder)[0].held_out == found.held_out


def test_a_few_new_functions_are_no_time_split(tmp_path: Path) -> None:
    folder = tmp_path / "young"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder, **{f"m{i}_py": module(20 * i, 20 * i + 20) for i in range(5)})
    commit(folder, late_py=module(200, 200 + FEWEST // 2))
    assert split_of(folder)[0].kind == "file"


def test_a_tiny_repository_holds_out_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(module(0, 3))
    found, _ = split_of(tmp_path)
    assert found.held_out == () and len(found.train) == 1


def test_spans_lie_inside_their_functions(repo: Path) -> None:
    def inside(held: HeldOut) -> bool:
        whole = held.function.span
        return all(whole.start <= s.start < s.end <= whole.end for s in held.spans)

    assert all(map(inside, split_of(repo)[0].held_out))


def test_what_is_new_and_more_than_a_test_wants_has_its_line(repo: Path) -> None:
    commit(repo, "many", new_py=module(900, 970))
    mined = mine(Repository.open(repo), MineSettings(0))
    found = Counter(entry.verdict for entry in mined.ledger if entry.path == "new.py")
    assert found == {"kept": 40, "not-asked": 30}
    assert mined.manifest["counts"]["held_out_rejected"] == {"not-asked": 30}


def test_a_commit_that_moves_everything_is_not_the_whole_test(repo: Path) -> None:
    """A library whose namespace got another name: the same functions, each called otherwise."""
    for i in range(12):
        module = (repo / f"m{i}.py").read_text()
        (repo / f"m{i}.py").unlink()
        (repo / f"part_{i}.py").write_text(f"class Part{i}:\n" + indented(module))
    commit(repo, "classes now")
    found, _ = split_of(repo)
    assert found.kind == "time"
    assert found.new >= FEWEST


def indented(text: str) -> str:
    return "".join(f"    {line}" if line.strip() else line for line in text.splitlines(True))


def test_functions_that_cannot_be_asked_are_not_counted(repo: Path) -> None:
    short = "".join(f"def is_{i}(x):\n    return {i}\n\n\n" for i in range(200))
    commit(repo, "two hundred of a line each", short_py=short)
    found, _ = split_of(repo)
    askable = [held for held in found.held_out if held.function.name.startswith("count_")]
    assert len(askable) >= FEWEST


def test_edits_alone_are_no_test(tmp_path: Path) -> None:
    """Whole files are, where no function is new for as long as anybody remembers."""
    git(tmp_path, "init", "-q", "-b", "main")
    files = {f"m{i}_py": module(20 * i, 20 * i + 20) for i in range(12)}
    commit(tmp_path, **files)
    for word in ("bound", "most", "top"):
        commit(tmp_path, **{name: text.replace("limit", word) for name, text in files.items()})
    found, _ = split_of(tmp_path)
    assert found.kind == "file"
    assert found.new >= FEWEST
