"""Mining again costs what changed, on any number of cores, and gives what mining afresh gives."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from git_repositories import commit
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.reading import blob_cache, sources
from homespun_corpus.reading.blob_cache import BlobCache, default_cache
from homespun_corpus.reading.parsed_file import (
    decode_parsed,
    encode_parsed,
    read_blob,
    read_encoded,
)
from homespun_corpus.reading.worker_pool import BlobRequest, WorkerError, WorkerPool
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import LANGUAGES, by_name
from scratch_repositories import add_commit, git, make_repository, module_text

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "team", commits=14, functions=8)


def mined(folder: Path, cache: Path | None = None, processes: int = 1) -> Mined:
    return mine(Repository.open(folder), MineSettings(), cache=cache, processes=processes)


def entries(cache: Path) -> int:
    with sqlite3.connect(cache) as database:
        (count,) = database.execute(
            "SELECT count(*) FROM readings WHERE key NOT LIKE '%echoes%'"
        ).fetchone()
    return int(count)


def test_a_cache_changes_no_row_over_several_commits(folder: Path, tmp_path: Path) -> None:
    """New, edited, renamed, vendored and removed files, a merge and a rewritten history."""
    cache, rng = tmp_path / "cache.sqlite", random.Random(7)
    first, second = sorted((folder / "src").iterdir())[:2]

    def edit() -> None:
        commit(folder, {f"src/{first.name}": first.read_text().replace("limit", "bound")})

    def merge() -> None:
        git(folder, "checkout", "-q", "-b", "side", "HEAD~2")
        add_commit(folder, rng, 40, 4)
        git(folder, "checkout", "-q", "main")
        git(folder, "merge", "-q", "--no-ff", "-m", "merge", "side")

    def rewrite() -> None:
        git(folder, "reset", "-q", "--hard", "HEAD~2")
        add_commit(folder, rng, 41, 6)

    steps: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: add_commit(folder, rng, 30, 6),
        edit,
        lambda: git(folder, "mv", f"src/{second.name}", "src/renamed.py"),
        lambda: commit(folder, {"vendor/lib.py": first.read_text(), "src/latin.py": b"\xe9 = 1\n"}),
        merge,
        lambda: commit(folder, {f"src/{first.name}": None}),
        rewrite,
    )
    for step in steps:
        step()
        kept = mined(folder, cache)
        fresh = mined(folder)
        assert kept.manifest == fresh.manifest
        assert kept.ledger == fresh.ledger


def test_only_what_changed_is_read_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, read = tmp_path / "cache.sqlite", list[bytes]()

    def counting(blob: bytes, *rest: object, **named: object) -> object:
        read.append(blob)
        return read_blob(blob, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sources, "read_blob", counting)
    mined(folder, cache)
    assert len(read) == 14
    add_commit(folder, random.Random(3), 30, 6)
    mined(folder, cache)
    assert len(read) == 15


def test_the_number_of_processes_changes_no_row(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "WORTH_PROCESSES", 1)
    alone = mined(folder)
    for processes in (2, 3):
        cache = tmp_path / f"{processes}.sqlite"
        assert mined(folder, cache, processes).manifest == alone.manifest
        assert entries(cache) == 14


@pytest.mark.parametrize("content", [b"", b"no database at all " * 500, b"SQLite format 3\0" * 99])
def test_a_broken_cache_is_made_again(folder: Path, tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "cache.sqlite"
    cache.write_bytes(content)
    assert mined(folder, cache).manifest == mined(folder).manifest
    mined(folder, cache)
    assert entries(cache) == 14


def test_a_broken_entry_is_read_again(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    expected = mined(folder, cache).manifest
    with sqlite3.connect(cache) as database:
        database.execute("UPDATE readings SET reading = substr(reading, 1, 40)")
    assert mined(folder, cache).manifest == expected
    with sqlite3.connect(cache) as database:
        database.execute("UPDATE readings SET reading = 'text'")
    assert mined(folder, cache).manifest == expected


def test_without_a_place_to_write_there_is_no_cache(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file" / "cache.sqlite", tmp_path):
        assert mined(folder, cache).manifest["counts"]["kept"] > 0


def test_a_killed_run_is_taken_up_again(folder: Path, tmp_path: Path) -> None:
    """What was written before the kill is there after it."""
    cache = tmp_path / "cache.sqlite"
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from homespun_corpus.mining import dataset\n"
        "from homespun_corpus.reading import blob_cache\n"
        "from homespun_corpus.repo.repository import Repository\n"
        "blob_cache.ROWS_AT_ONCE = 3\n"
        "dataset.split = lambda repository, sources, *_: (\n"
        "    list(sources.tree(None)), os.kill(os.getpid(), 9))\n"
        "dataset.mine(Repository.open(Path(sys.argv[1])), dataset.MineSettings(),\n"
        "             cache=Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, folder, cache], check=False)
    assert done.returncode == -signal.SIGKILL
    assert entries(cache) == 12
    assert mined(folder, cache).manifest == mined(folder).manifest


def test_the_cache_is_nobody_else_s_and_named_by_the_rules(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = default_cache("git.example.org/team/shop")
    mined(folder, file)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file != default_cache("git.example.org/team-shop")
    monkeypatch.setattr(blob_cache, "rules_version", lambda: "other")
    assert file != default_cache("git.example.org/team/shop")


def test_what_nobody_uses_goes_and_the_rest_stays_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, old = tmp_path / "readings" / "new.sqlite", tmp_path / "readings" / "old.sqlite"
    cache = BlobCache(file)
    cache.put("a", b"x" * 100)
    cache.put("b", b"x" * 100)
    cache.close()
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    with sqlite3.connect(file) as database:
        database.execute("UPDATE readings SET used = used - 3 WHERE key = 'a'")
    monkeypatch.setattr(blob_cache, "MAX_BYTES", 150)
    BlobCache(file).close()
    cache = BlobCache(file)
    assert (cache.get("a"), cache.get("b")) == (None, b"x" * 100)
    cache.close()
    assert not old.exists()
    with sqlite3.connect(file) as database:
        database.execute("UPDATE readings SET used = used - 31")
    BlobCache(file).close()
    assert entries(file) == 0


@pytest.mark.parametrize("language", [row.name for row in LANGUAGES])
def test_a_reading_survives_being_written_down(language: str) -> None:
    fixtures = [f for f in sorted(FIXTURES.rglob("*")) if f.suffix in by_name(language).extensions]
    assert fixtures
    for file in fixtures:
        for judged in (True, False):
            place = {"path": f"src/{file.name}", "blob_id": "b10b"}
            reading = read_blob(file.read_bytes(), by_name(language), judged=judged, **place)
            assert decode_parsed(encode_parsed(reading), language, **place) == reading


def test_what_is_no_reading_is_refused() -> None:
    good = read_encoded(module_text(random.Random(1), 3).encode(), "python", judged=True)
    for bad in (b"", b"text", good[:-1], good[:30] + b"\0" + good[31:], zlib.compress(b"3")):
        with pytest.raises(ValueError, match="not a reading"):
            decode_parsed(bad, "python", path="a.py", blob_id="b")


def test_a_reader_that_dies_names_the_file_and_leaves_nobody_behind() -> None:
    requests = [BlobRequest(f"{i}.py", "python", True, b"x = 1\n") for i in range(40)]
    with WorkerPool(2) as readers:
        answers = readers.read(requests)
        next(answers)
        pids = [process.pid for process in readers._processes]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"\d+\.py ended: exclude that file"):
            list(answers)
    assert not any(alive(pid) for pid in pids)


def test_readers_end_with_the_process_that_asks() -> None:
    """However it ends: their input is over."""
    code = (
        "import os, sys, time\n"
        "from homespun_corpus.reading.worker_pool import WorkerPool, BlobRequest\n"
        "readers = WorkerPool(2)\n"
        "next(readers.read(BlobRequest('a.py', 'python', True, b'x = 1') for _ in range(99)))\n"
        "print(*(process.pid for process in readers._processes), flush=True)\n"
        "os.kill(os.getpid(), int(sys.argv[1]))\n"
        "time.sleep(60)\n"
    )
    for sent in (signal.SIGKILL, signal.SIGINT):
        command = [sys.executable, "-c", code, str(int(sent))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
        pids = [int(pid) for pid in done.stdout.split()]
        assert len(pids) == 2
        late = time.monotonic() + 60
        while any(map(alive, pids)):
            assert time.monotonic() < late
            time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs, and is not merely waiting for whoever asks how it ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
