"""Nothing that a training prompt shows is near to a held-out function, wherever its copy was put.

Checked by brute force and apart from what mining itself uses: every held-out new function against
every function-sized stretch of every training text.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from git_repositories import make_repository
from homespun_corpus.dedup.near_duplicates import grams, shingles, tokens
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax import lexical
from scratch_repositories import module_text

NEAR = 0.5


def planted(copies: list[str]) -> dict[str, str]:
    """Files of the first commit with near-copies of functions that the last one brings."""
    whole, script, secret, broken, method, half, vendored, callback = copies
    body = script.split("\n", 1)[1].replace("    return", "    print")
    unlocked = secret.replace(
        '."""\n', f'."""\n    password = "x7!{"Kq2"}LpZ"\n    log.info(password)\n', 1
    )
    odd = broken.rstrip() + "\n    if a b c d e f g:\n        h i j k l m n\n"
    inside = "".join(f"    {line}\n" for line in method.replace("def ", "def early_").splitlines())
    first, second = half.splitlines()[:4], half.splitlines()[4:]
    halves = "\n".join([*first, "", "", "def go_on(limit, depot):", *second])
    inner = "".join(f"        {line.strip()}\n" for line in callback.splitlines()[1:])
    return {
        "src/whole.py": whole.replace("def ", "def early_"),
        "src/script.py": f"if True:\n{body}",
        "src/secret.py": unlocked,
        "src/broken.py": odd,
        "src/method.py": f"class Depot:\n    limit = 3\n\n{inside}",
        "src/half.py": halves,
        "vendor/copy.py": vendored.replace("def ", "def early_"),
        "src/callback.py": f"def run():\n    app.on(lambda: 1)\n    with app:\n{inner}",
    }


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a repository holds out, if nothing is near to it."""
    team = make_repository(tmp_path_factory.mktemp("plain") / "team", *modules())
    held = held_out_texts(team, mine(Repository.open(team), MineSettings()))
    return [text for text in held if len(text.splitlines()) > 5][:8]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, copies: list[str]) -> Path:
    rng = random.Random(12)
    first = planted(copies)
    for path, text in first.items():  # each among other code, whose prompts might show it
        before, after = (module_text(rng, 3) for _ in range(2))
        first[path] = f"{before}\n\n{text}\n\n\n{after}"
    return make_repository(tmp_path_factory.mktemp("near") / "team", first, *modules())


def modules() -> list[dict[str, str]]:
    rng = random.Random(11)
    return [{f"src/part_{i}.py": module_text(rng, 12)} for i in range(14)]


@pytest.fixture(scope="module")
def mined(folder: Path) -> Mined:
    return mine(Repository.open(folder), MineSettings())


def test_no_training_text_is_near_to_held_out_code(
    folder: Path, mined: Mined, copies: list[str]
) -> None:
    held, shown = held_out_texts(folder, mined), shown_texts(mined)
    assert set(copies) <= set(held)
    assert len(shown) > 100
    assert [(text, copy) for text in held for copy in shown if is_near(copy, text)] == []


def test_the_check_itself_sees_a_near_copy(copies: list[str]) -> None:
    some = copies[0]
    assert is_near("x = 1\n" * 40 + some.replace("def ", "def other_") + "y = 2\n" * 40, some)
    assert not is_near("x = 1\n" * 40, some)


def test_a_copy_is_left_out_and_its_neighbours_are_not(mined: Mined) -> None:
    trained = {s.path for s in mined.samples("train")}
    files = set(planted(["a\nb"] * 8))
    assert {path for path in files if path.startswith("src")} <= trained
    rejected = {e.path for e in mined.ledger if e.verdict == "held-out-duplicate"}
    others = {"src/script.py", "src/secret.py", "src/broken.py", "vendor/copy.py"}
    assert rejected == files - others


def held_out_texts(folder: Path, mined: Mined) -> list[str]:
    """The new functions that are examined."""
    repository = Repository.open(folder)
    examined = {
        (s.blob_id, s.function)
        for part in ("validation", "test")
        for s in mined.samples(part)
        if s.novelty == "new"
    }
    return [
        repository.read(entry.blob_id)[entry.start : entry.end].decode()
        for entry in mined.ledger
        if (entry.blob_id, entry.function) in examined
    ]


def shown_texts(mined: Mined) -> set[str]:
    texts = set()
    for s in mined.samples("train"):
        texts.add(s.place.prefix + s.middle + s.place.suffix)
        texts.update(piece.text for piece in s.place.related)
    return texts


def is_near(text: str, function: str) -> bool:
    """Whether a stretch of the text, as long as the function, is near to it."""
    wanted = set(shingles(tokens(function.encode(), lexical.PYTHON)).tolist())
    for opening in (b"", b'"""', b"'''"):  # a window may begin inside of a string
        code = grams(tokens(opening + text.encode(), lexical.PYTHON)).tolist()
        for start in (i for i, gram in enumerate(code) if gram in wanted):
            stretch = set(code[start : start + len(wanted)])
            if len(stretch & wanted) >= NEAR * len(stretch | wanted):
                return True
    return False
