"""The same code gets the same answer, whatever ends its lines, in the document's own line ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from homespun_corpus.place import plain, with_ends_of
from homespun_server.code_on_disk import code_of
from homespun_server.document_home import Home, Root, home_of
from homespun_server.documents import Document, Encoding
from homespun_server.places import clear_place_in, language_of

SHAPES = "".join(
    f"def area{n}(width, height):\n    return width * height + {n}\n\n\n" for n in range(400)
)


def document(text: str, language_id: str = "python") -> Document:
    return Document.create(text, uri="a.py", language_id=language_id, encoding=Encoding.UTF32)


@pytest.mark.parametrize("line", [1, 2, 150, 800, 1595])
@pytest.mark.parametrize("column", [0, 4])
def test_a_place_is_the_same(line: int, column: int) -> None:
    unix, dos = document(SHAPES), document(SHAPES.replace("\n", "\r\n"))
    home = Home(None, "a.py")
    places = [clear_place_in(d, d.offset((line, column)), home) for d in (unix, dos)]
    assert places[0] == places[1]


def test_what_stands_beside_it_is_the_same(tmp_path: Path) -> None:
    found = []
    for name, ending in (("unix", "\n"), ("dos", "\r\n")):
        root = tmp_path / name
        root.mkdir()
        (root / "a.py").write_bytes(SHAPES.replace("\n", ending).encode())
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
        home = home_of(root / "a.py", known=lambda _identity: False)
        assert isinstance(home.root, Root)
        found.append(dict(code_of(home.root)))
    assert found[0] == found[1] == {"a.py": SHAPES}


def test_a_cursor_moves_with_the_line_ends_before_it() -> None:
    assert plain("a\r\nb\r\nc", 6) == ("a\nb\nc", 4)
    assert plain("a\rb\nc", 3) == ("a\rb\nc", 3)


def test_an_answer_has_the_more_frequent_line_ends() -> None:
    assert with_ends_of("a\r\nb\r\nc\n", "x\ny") == "x\r\ny"
    assert with_ends_of("a\nb\r\nc\n", "x\ny") == "x\ny"
    assert with_ends_of("", "x\ny") == "x\ny"


@pytest.mark.parametrize(
    ("said", "language"), [("shellscript", "bash"), ("typescriptreact", "tsx"), ("", "python")]
)
def test_a_language_is_called_as_editors_call_it(said: str, language: str) -> None:
    assert language_of(document("", said), "a.py") == language
