"""Documents against what editors themselves use: Microsoft's vscode-languageserver-textdocument.

Thousands of random edits are made by both, in UTF-16, the encoding that JavaScript has. Other
encodings are checked against a naive model in test_documents.py.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
from homespun_server.documents import Change, Document, Encoding, Point

FOLDER = Path(__file__).parents[1] / "textdocument"
CASES, EDITS = 600, 12

# What is a line break to LSP, to Python only, to neither; every width; and half characters.
PIECES = ["\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
PIECES += ["a", "bc", "\t", "é", "e\u0301", "漢", "😀", "👩\u200d💻", "\ud83d", "\ude00", "\0"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that follows edits as Microsoft does, or a skip that nobody can overlook."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        skip("node and npm are not on PATH")
    copy = tmp_path_factory.mktemp("textdocument") / "reference"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        [str(npm), "ci", "--prefer-offline", "--loglevel=error"],
        cwd=copy,
        env=os.environ | {"NO_UPDATE_NOTIFIER": "1", "CI": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        skip(f"npm ci failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return [str(program), str(copy / "follow.js")]


def skip(reason: str) -> None:
    message = f"NOT TESTED against vscode-languageserver-textdocument: {reason}"
    warnings.warn(message, stacklevel=2)
    pytest.skip(message)


def random_text(rng: random.Random) -> str:
    return whole("".join(rng.choice(PIECES) for _ in range(rng.randrange(14))))


def whole(text: str) -> str:
    """Halves that meet made one, as in everything that comes out of JSON."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def random_point(rng: random.Random, lines: int) -> Point:
    """In a line that there is: beyond the last one Microsoft's index of lines goes wrong."""
    return rng.randrange(lines), rng.choice([0, 1, 2, 3, 4, 5, 8, 40])


def random_change(rng: random.Random, lines: int) -> Change:
    if rng.random() < 0.05:
        return Change(random_text(rng))
    start = random_point(rng, lines)
    # Beside each other as in typing, anywhere, or the wrong way round.
    beside = (start[0], start[1] + rng.randrange(2))
    end = beside if rng.random() < 0.5 else random_point(rng, lines)
    return Change(random_text(rng), start, end)


def random_case(rng: random.Random) -> tuple[str, list[list[Change]]]:
    text, edits = random_text(rng), []
    document = Document.create(text, encoding=Encoding.UTF16)
    for version in range(EDITS):
        changes = []
        for _ in range(rng.choice([1, 1, 1, 3])):
            changes.append(random_change(rng, len(document.starts)))
            document = document.changed(changes[-1:], version)
        edits.append(changes)
    return text, edits


def position(point: Point) -> dict[str, int]:
    return {"line": point[0], "character": point[1]}


def event(change: Change) -> dict[str, Any]:
    if change.start is None or change.end is None:
        return {"text": change.text}
    return {
        "range": {"start": position(change.start), "end": position(change.end)},
        "text": change.text,
    }


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_texts_lines_and_positions_are_those_of_microsofts_implementation(node: list[str]) -> None:
    rng = random.Random(20251)
    cases = [random_case(rng) for _ in range(CASES)]
    points = [(line, column) for line in range(4) for column in (0, 1, 2, 3, 7, 99)]
    offsets = list(range(12))
    asked = [
        {
            "text": text,
            "edits": [[event(change) for change in changes] for changes in edits],
            "points": [position(point) for point in points],
            "offsets": offsets,
        }
        for text, edits in cases
    ]
    done = subprocess.run(
        node,
        input="".join(json.dumps(case) + "\n" for case in asked),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == CASES
    for (text, edits), answer in zip(cases, answers, strict=True):
        document = Document.create(text, encoding=Encoding.UTF16)
        for version, changes in enumerate(edits, 1):
            document = document.changed(changes, version)
            assert document.text == answer["texts"][version - 1]
        assert len(document.starts) == answer["lines"]
        check_points(document, points, answer["offsets"])
        check_offsets(document, offsets, answer["points"])


def check_points(document: Document, points: list[Point], found: list[int]) -> None:
    """The same, but inside a character we are at its beginning: there is no half in a prompt."""
    for point, offset in zip(points, found, strict=True):
        ours = document.offset(point)
        inside = units(document.text[:ours]) + 1 == offset and units(document.text[ours:][:1]) == 2
        assert inside or units(document.text[:ours]) == offset


def check_offsets(document: Document, offsets: list[int], found: list[dict[str, int]]) -> None:
    """Offsets that are no character's beginning, or lie in a line break, have no point of ours."""
    starts = {units(document.text[:index]): index for index in range(len(document.text) + 1)}
    for offset, theirs in zip(offsets, found, strict=True):
        if offset in starts:
            assert position(document.point(starts[offset])) == theirs
