"""Related code is what mining would find, and holds still while somebody types."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from homespun_corpus.place import Place, place_at
from homespun_corpus.repo.work_tree import Stamp, WorkTree
from homespun_model.decoding import ngram_index
from homespun_model.decoding.ngram_index import NgramIndex, tail
from homespun_server.code_on_disk import code_of
from homespun_server.document_home import Root, home_of
from homespun_server.repository_index import RepositoryIndex, read_now

SHAPES = '''\
class Rectangle:
    """A rectangle by its sides."""

    def __init__(self, width, height):
        self.width = width
        self.height = height

    def scaled(self, factor):
        return Rectangle(self.width * factor, self.height * factor)
'''
USER = "from shapes import Rectangle\n\n\ndef double(rectangle: Rectangle):\n    return rectangle."
LINE = USER.rindex("\n") + 1
OTHER = "def unrelated(text):\n    lines = text.splitlines()\n    return [line for line in lines]\n"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    files = {"shapes.py": SHAPES, "user.py": USER, "other.py": OTHER, "notes.txt": "Rectangle"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    (tmp_path / "untracked.py").write_text(SHAPES)
    found = home_of(tmp_path / "user.py", known=lambda _: False).root
    assert found is not None
    return found


@pytest.fixture
def index() -> Iterator[RepositoryIndex]:
    index = RepositoryIndex(lambda: False)
    yield index
    index.close()


def place(text: str = USER) -> Place:
    return place_at(text, len(text), path="user.py", language="python")


def paths(index: RepositoryIndex, root: Root) -> list[str]:
    return [piece.path for piece in index.related("file:///user.py", root, place())]


def until_read(index: RepositoryIndex, root: Root) -> None:
    index.open(root)
    deadline = time.monotonic() + 30
    while not index.related("file:///any.py", root, place()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_tracked_code_is_read(root: Root) -> None:
    assert [path for path, _ in code_of(root)] == ["other.py", "shapes.py", "user.py"]


def test_excluded_files_and_secrets_are_not_read(root: Root) -> None:
    excluding = Root(root.path, root.identity, ("shapes.py",))
    assert [path for path, _ in code_of(excluding)] == ["other.py", "user.py"]


def test_what_mining_leaves_out_is_not_read(root: Root, index: RepositoryIndex) -> None:
    lexical = {
        ".homespunignore": "ignored/\n",
        ".gitattributes": "*.gen.py linguist-generated\nlib/** linguist-vendored\n",
    }
    code = ("ignored/a.py", "a.gen.py", "lib/a.py", "vendor/a.py", "kept/a.py")
    for path, text in (lexical | dict.fromkeys(code, SHAPES)).items():
        (root.path / path).parent.mkdir(exist_ok=True)
        (root.path / path).write_text(text)
    git = ["git", "-C", str(root.path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["add", *lexical, *code], ["commit", "-q", "-m", "marked"]):
        subprocess.run([*git, *arguments], check=True)

    assert [path for path, _ in code_of(root) if path in code] == ["kept/a.py"]

    index.open(root).result(timeout=30)
    index.saved(root, "ignored/a.py", SHAPES.replace("Rectangle", "Ignored"))
    index.saved(root, "kept/b.py", SHAPES.replace("Rectangle", "Kept"))
    asked = place("from kept import Kept\n\nKept(1, 2).scaled(3)\nIgnored(1, 2)\n")
    deadline = time.monotonic() + 30
    while "Kept" not in (shown := repr(index.related("file:///c.py", root, asked))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "Ignored" not in shown


def test_the_terminal_gets_what_the_editor_gets(root: Root, index: RepositoryIndex) -> None:
    until_read(index, root)
    in_editor = index.related("file:///user.py", root, place())
    assert [piece.path for piece in in_editor][:1] == ["shapes.py"]
    now, ngrams = read_now(place(), root, spell)
    assert now.related == in_editor
    assert copied(ngrams, "class Rec", 6) == "tangle"
    alone, nothing = read_now(place(), None, spell)
    assert alone.related == ()
    assert copied(nothing, "class Rec", 6) == ""


def test_nothing_is_related_before_the_repository_was_read(root: Root) -> None:
    index = RepositoryIndex(lambda: False)
    assert paths(index, root) == []
    index.close()


def test_typing_in_a_line_asks_once(root: Root, index: RepositoryIndex) -> None:
    until_read(index, root)
    first = index.related("file:///user.py", root, place(USER[:LINE]))
    assert index.related("file:///user.py", root, place(USER)) is first
    below = index.related("file:///user.py", root, place(USER + "\n"))
    assert below is not first
    assert index.related("file:///b.py", root, place(USER + "\n")) is not below


def test_a_save_is_seen_by_the_next_look(root: Root, index: RepositoryIndex) -> None:
    until_read(index, root)
    assert "shapes.py" in paths(index, root)
    index.saved(root, "shapes.py", "")
    deadline = time.monotonic() + 30
    while "shapes.py" in paths(index, root):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_repository_without_a_commit_has_no_related_code(
    tmp_path: Path, index: RepositoryIndex
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    root = Root(tmp_path, "empty")
    assert read_now(place(), root, spell)[0].related == ()
    index.open(root)
    assert paths(index, root) == []


def test_copies_come_with_a_base_and_follow_saves(root: Root, index: RepositoryIndex) -> None:
    def until_copied(text: str, wanted: str) -> None:
        deadline = time.monotonic() + 30
        while copied(index.ngrams(root, "base"), text, len(wanted)) != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert copied(index.ngrams(root, "base"), "class Rec", 6) == ""
    until_read(index, root)
    index.use_tokenizer("base", spell)
    until_copied("class Rec", "tangle")
    index.saved(root, "shapes.py", SHAPES.replace("Rectangle", "Recliner"))
    until_copied("class Rec", "liner")


def test_tokens_are_those_of_the_base_that_asks(root: Root, index: RepositoryIndex) -> None:
    """And of no other, while it takes the place of one."""
    until_read(index, root)
    index.use_tokenizer("one", spell)
    until(lambda: copied(index.ngrams(root, "one"), "class Rec", 6) == "tangle")
    assert copied(index.ngrams(root, "other"), "class Rec", 6) == ""
    index.use_tokenizer("other", lambda text: [ord(char) + 1 for char in text])
    one_more = "".join(chr(ord(char) + 1) for char in "class Rectangle")
    until(lambda: copied(index.ngrams(root, "other"), one_more[:9], 6) == one_more[9:])
    assert copied(index.ngrams(root, "one"), "class Rec", 6) == ""


def test_what_is_no_longer_there_is_neither_related_nor_copied(
    root: Root, index: RepositoryIndex
) -> None:
    index.use_tokenizer("base", spell)
    until_read(index, root)
    until(lambda: copied(index.ngrams(root, "base"), "def sc", 4) == "aled")
    known = index.version(root, "user.py")
    (root.path / "shapes.py").unlink()
    until(lambda: "shapes.py" not in paths(index, root))
    until(lambda: copied(index.ngrams(root, "base"), "def sc", 4) != "aled")
    assert index.version(root, "user.py") != known


def test_a_file_saved_changes_what_the_others_know(root: Root, index: RepositoryIndex) -> None:
    index.use_tokenizer("base", spell)
    until_read(index, root)
    until(lambda: copied(index.ngrams(root, "base"), "class Rec", 6) == "tangle")
    own, others = index.version(root, "shapes.py"), index.version(root, "user.py")
    (root.path / "shapes.py").write_text(SHAPES + "\n")
    index.saved(root, "shapes.py", SHAPES + "\n")
    until(lambda: index.version(root, "user.py") != others)
    assert index.version(root, "shapes.py") == own


def test_what_there_was_no_room_for_comes_when_there_is(
    root: Root, index: RepositoryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ngram_index, "MAX_TOKENS", len(SHAPES) + len(OTHER) // 2)
    index.use_tokenizer("base", spell)
    until_read(index, root)
    until(lambda: copied(index.ngrams(root, "base"), "def unr", 6) == "elated")
    assert copied(index.ngrams(root, "base"), "def sc", 4) != "aled"
    (root.path / "other.py").write_text("x = 1\n")
    until(lambda: copied(index.ngrams(root, "base"), "def sc", 4) == "aled")


def test_lines_that_end_as_on_windows_are_copied_as_prompts_have_them(
    root: Root, index: RepositoryIndex
) -> None:
    index.use_tokenizer("base", spell)
    (root.path / "shapes.py").write_bytes(SHAPES.replace("\n", "\r\n").encode())
    until_read(index, root)
    until(lambda: copied(index.ngrams(root, "base"), "Rectangle:\n", 4) == "    ")


def test_of_two_work_trees_each_has_its_own_code(
    root: Root, index: RepositoryIndex, tmp_path: Path
) -> None:
    linked = tmp_path.with_name(tmp_path.name + "-linked")
    subprocess.run(
        ["git", "-C", str(root.path), "worktree", "add", "-q", "--detach", str(linked)], check=True
    )
    (linked / "shapes.py").unlink()
    other = home_of(linked / "user.py", known=lambda _: False).root
    assert other is not None
    assert other.identity == root.identity
    index.open(other).result(timeout=30)
    until_read(index, root)
    assert "shapes.py" in paths(index, root)
    assert "shapes.py" not in paths(index, other)


def test_a_disk_that_hangs_holds_up_no_other_repository(
    root: Root, index: RepositoryIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    goes_on, stamps = threading.Event(), WorkTree.stamps

    def hanging(tree: WorkTree, paths: Iterable[str]) -> dict[str, Stamp]:
        if tree.root != root.path:
            goes_on.wait(60)
        return stamps(tree, paths)

    monkeypatch.setattr(WorkTree, "stamps", hanging)
    hung = Root(tmp_path / "hung", "hung")
    hung.path.mkdir()
    reading = index.open(hung)
    until_read(index, root)
    index.touch(hung)
    index.saved(hung, "a.py", SHAPES)
    index.look()
    assert index.related("file:///a.py", hung, place()) == ()
    assert not reading.done()
    goes_on.set()
    reading.result(timeout=30)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def spell(text: str) -> list[int]:
    return list(map(ord, text))


def copied(ngrams: NgramIndex, text: str, most: int) -> str:
    """What comes after the longest match, in what was saved last."""
    found = ngrams.find(tail(spell(text)))
    best = max(found, key=lambda some: some.longest, default=None)
    return bytes(best.continuation(most)).decode() if best else ""
