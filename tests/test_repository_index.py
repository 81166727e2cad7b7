"""Related code is what mining would find, and holds still while somebody types."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from homespun_corpus.place import Place, place_at
from homespun_model.decoding.ngram_index import CopyIndex, tail
from homespun_server.document_home import Root, home_of
from homespun_server.repository_index import Neighbours, code_of, read_now

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
def neighbours() -> Iterator[Neighbours]:
    neighbours = Neighbours(lambda: False)
    yield neighbours
    neighbours.close()


def place(text: str = USER) -> Place:
    return place_at(text, len(text), path="user.py", language="python")


def paths(neighbours: Neighbours, root: Root) -> list[str]:
    return [piece.path for piece in neighbours.related("file:///user.py", root, place())]


def until_read(neighbours: Neighbours, root: Root) -> None:
    neighbours.open(root)
    deadline = time.monotonic() + 30
    while not neighbours.related("file:///any.py", root, place()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_tracked_code_is_read(root: Root) -> None:
    assert [path for path, _ in code_of(root)] == ["other.py", "shapes.py", "user.py"]


def test_excluded_files_and_secrets_are_not_read(root: Root) -> None:
    excluding = Root(root.path, root.identity, ("shapes.py",))
    assert [path for path, _ in code_of(excluding)] == ["other.py", "user.py"]


def test_what_mining_leaves_out_is_not_read(root: Root, neighbours: Neighbours) -> None:
    marks = {
        ".homespunignore": "ignored/\n",
        ".gitattributes": "*.gen.py linguist-generated\nlib/** linguist-vendored\n",
    }
    code = ("ignored/a.py", "a.gen.py", "lib/a.py", "vendor/a.py", "kept/a.py")
    for path, text in (marks | dict.fromkeys(code, SHAPES)).items():
        (root.path / path).parent.mkdir(exist_ok=True)
        (root.path / path).write_text(text)
    git = ["git", "-C", str(root.path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["add", *marks, *code], ["commit", "-q", "-m", "marked"]):
        subprocess.run([*git, *arguments], check=True)

    assert [path for path, _ in code_of(root) if path in code] == ["kept/a.py"]

    neighbours.open(root).result(timeout=30)
    neighbours.saved(root, "ignored/a.py", SHAPES.replace("Rectangle", "Ignored"))
    neighbours.saved(root, "kept/b.py", SHAPES.replace("Rectangle", "Kept"))
    asked = place("from kept import Kept\n\nKept(1, 2).scaled(3)\nIgnored(1, 2)\n")
    deadline = time.monotonic() + 30
    while "Kept" not in (shown := repr(neighbours.related("file:///c.py", root, asked))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "Ignored" not in shown


def test_the_terminal_gets_what_the_editor_gets(root: Root, neighbours: Neighbours) -> None:
    until_read(neighbours, root)
    in_editor = neighbours.related("file:///user.py", root, place())
    assert [piece.path for piece in in_editor][:1] == ["shapes.py"]
    now, copies = read_now(place(), root, spell)
    assert now.related == in_editor
    assert copied(copies, "class Rec", 6) == "tangle"
    alone, nothing = read_now(place(), None, spell)
    assert alone.related == ()
    assert copied(nothing, "class Rec", 6) == ""


def test_nothing_is_related_before_the_repository_was_read(root: Root) -> None:
    neighbours = Neighbours(lambda: False)
    assert paths(neighbours, root) == []
    neighbours.close()


def test_typing_in_a_line_asks_once(root: Root, neighbours: Neighbours) -> None:
    until_read(neighbours, root)
    first = neighbours.related("file:///user.py", root, place(USER[:LINE]))
    assert neighbours.related("file:///user.py", root, place(USER)) is first
    below = neighbours.related("file:///user.py", root, place(USER + "\n"))
    assert below is not first
    assert neighbours.related("file:///b.py", root, place(USER + "\n")) is not below


def test_a_save_is_seen_by_the_next_look(root: Root, neighbours: Neighbours) -> None:
    until_read(neighbours, root)
    assert "shapes.py" in paths(neighbours, root)
    neighbours.saved(root, "shapes.py", "")
    deadline = time.monotonic() + 30
    while "shapes.py" in paths(neighbours, root):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_repository_without_a_commit_has_no_related_code(
    tmp_path: Path, neighbours: Neighbours
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    root = Root(tmp_path, "empty")
    assert read_now(place(), root, spell)[0].related == ()
    neighbours.open(root)
    assert paths(neighbours, root) == []


def test_copies_come_with_a_base_and_follow_saves(root: Root, neighbours: Neighbours) -> None:
    def until_copied(text: str, wanted: str) -> None:
        deadline = time.monotonic() + 30
        while copied(neighbours.copies(root), text, len(wanted)) != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert copied(neighbours.copies(root), "class Rec", 6) == ""
    until_read(neighbours, root)
    neighbours.speak(spell)
    until_copied("class Rec", "tangle")
    neighbours.saved(root, "shapes.py", SHAPES.replace("Rectangle", "Recliner"))
    until_copied("class Rec", "liner")


def spell(text: str) -> list[int]:
    return list(map(ord, text))


def copied(copies: CopyIndex, text: str, most: int) -> str:
    """What comes after the longest match, in what was saved last."""
    found = copies.find(tail(spell(text)))
    best = max(found, key=lambda some: some.longest, default=None)
    return bytes(best.continuation(most)).decode() if best else ""
