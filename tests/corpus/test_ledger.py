"""Every function has one line in the account; its sums are the manifest's; it is saved whole."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from git_repositories import commit
from homespun_corpus.errors import DatasetError
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.dataset_files import found_at, load, put_in_place, save
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import extract
from homespun_corpus.syntax.languages import language_for
from scratch_repositories import make_repository

TRAP = """{
const keys = {
  "%s": { open: (host) => { return connect(host, 3, retries, limit); } },
  "GET /v1/users": (host, limit) => { return connect(host, limit, retries, 3); },
};
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_repository(tmp_path_factory.mktemp("team") / "team", commits=8, functions=12)
    odd: dict[str, str | bytes | None] = {
        "latin.py": b"def f(a):\n    return '\xe9' + a\n",
        "huge.go": "package huge\n" + "// filled up\n" * 100_000,
        "vendor/lib.py": "def vendored(a):\n    return a.one + a.two + a.three + a.four\n",
        "vendor/latin.py": b"def g(a):\n    return '\xe9' + a\n",
        "shapes.py": "class Shape(Base):\n    kind: str = pick(1, 2)\n    size: int = n(3, 4)\n",
        "short.py": "def short(self):\n    return self._short\n",
        "keys.js": TRAP % ("AK" + "IA" + "Q3EGRTXWBN5LZ7HP"),
        "empty.rs": "",
    }
    commit(folder, odd)
    rest = make_repository(folder.parent / "rest", commits=8, functions=12, seed=1)
    for day, path in enumerate(sorted((rest / "src").iterdir())):
        commit(folder, {f"src/later_{day}.py": path.read_text()})
    return folder


@pytest.fixture(scope="module")
def mined(folder: Path) -> Mined:
    return mine(Repository.open(folder), MineSettings())


def test_every_function_has_one_line_and_no_other_has(folder: Path, mined: Mined) -> None:
    repository = Repository.open(folder)
    expected = set()
    for file in repository.files(mined.manifest["split"]["train_commit"]):
        language, source = language_for(file.path), repository.read(file.blob_id)
        if language is not None and b"\xe9" not in source and len(source) < 1_000_000:
            found = extract(source, path=file.path, language=language, blob_id=file.blob_id)
            expected |= {(f.path, f.blob_id, f.span.start, f.span.end) for f in found}
    trained = [e for e in mined.ledger if e.part == "train" and e.start is not None]
    assert {(e.path, e.blob_id, e.start, e.end) for e in trained} == expected
    assert len(trained) == len(expected) > 90
    held = [e for e in mined.ledger if e.part != "train"]
    assert len({(e.path, e.function) for e in held}) == len(held) > 30
    for part in ("validation", "test"):
        examined = {(s.path, s.function) for s in mined.samples(part)}
        assert examined <= {(e.path, e.function) for e in held if e.verdict == "kept"}


def test_the_sums_are_the_manifest_s(mined: Mined) -> None:
    counts = mined.manifest["counts"]
    trained = [e for e in mined.ledger if e.part == "train" and e.start is not None]
    verdicts = Counter(e.verdict for e in trained)
    assert counts["functions"] == len(trained)
    assert counts["classes"] == sum(e.kind == "class" for e in trained)
    assert counts["kept"] == verdicts.pop("kept")
    assert counts["rejected"] == verdicts
    assert set(verdicts) == {"vendored", "too-short", "secret"}
    held = Counter(e.verdict for e in mined.ledger if e.part != "train")
    assert counts["held_out"] == held.pop("kept")
    assert counts["held_out_rejected"] == held
    assert {e.path for e in trained if e.verdict == "kept"} >= {
        s.path for s in mined.samples("train")
    }


def test_a_file_that_cannot_be_parsed_has_one_line(mined: Mined) -> None:
    unread = {e.path: e.verdict for e in mined.ledger if e.start is None}
    assert unread == {
        "latin.py": "undecodable",
        "huge.go": "oversized",
        "vendor/latin.py": "vendored",
    }
    counts = mined.manifest["counts"]
    assert counts["files_unread"] == {"oversized": 1, "undecodable": 1, "vendored": 1}
    assert counts["files_left_out"] == {"oversized": 1, "undecodable": 1, "vendored": 2}


def test_a_name_that_is_a_secret_is_told_to_nobody(mined: Mined) -> None:
    [hidden, plain] = [e for e in mined.ledger if e.path == "keys.js"]
    assert (hidden.function, hidden.verdict) == (None, "secret")
    assert (plain.function, plain.verdict) == ("keys.GET /v1/users", "kept")


def test_the_account_lies_beside_the_manifest_that_names_it(mined: Mined, tmp_path: Path) -> None:
    save(mined, tmp_path / "data")
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    named = manifest["account"]
    lines = (tmp_path / "data" / named["file"]).read_bytes()
    assert named["sha256"] == hashlib.sha256(lines).hexdigest()
    assert named["rows"] == lines.count(b"\n") == len(mined.ledger)
    assert {tuple(json.loads(line)) for line in lines.splitlines()} == {
        ("repository", "path", "function", "kind", "start", "end", "blob_id", "part", "verdict")
    }
    assert load(tmp_path / "data").ledger == mined.ledger


def test_a_changed_account_is_refused(mined: Mined, tmp_path: Path) -> None:
    save(mined, tmp_path / "data")
    ledger = tmp_path / "data" / "functions.jsonl"
    ledger.write_bytes(ledger.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(DatasetError, match="mine again"):
        load(tmp_path / "data")


def test_a_kill_between_two_renames_loses_nothing(mined: Mined, tmp_path: Path) -> None:
    save(mined, tmp_path / "data")
    (tmp_path / "data").rename(tmp_path / ".data.old")  # as far as a killed save got
    assert load(tmp_path / "data").manifest == mined.manifest
    save(mined, tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_whenever_it_is_killed_the_old_or_the_new_is_there(tmp_path: Path) -> None:
    rng = random.Random(1)
    directory = tmp_path / "data"
    for _ in range(25):
        child = os.fork()
        if child == 0:
            _put_for_ever(tmp_path, directory)
        deadline = time.monotonic() + 30
        while not (tmp_path / "begun").exists():  # on a busy machine a fork takes its time
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.uniform(0.002, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert (found_at(directory) / "first").read_text() == "first"
        assert (found_at(directory) / "second").read_text() == "second"


def _put_for_ever(folder: Path, directory: Path) -> None:
    number = os.getpid() * 1_000_000
    while True:
        number += 1
        staged = folder / str(number)
        staged.mkdir()
        for name in ("first", "second"):
            (staged / name).write_text(name)
        put_in_place(staged, directory)
        (folder / "begun").touch()
