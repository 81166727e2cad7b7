"""Packed weights are kept, found again by the next start, and nothing depends on them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from dense_models import dense_base
from homespun_model.bases.base import Base
from homespun_model.engines import packed_files, packed_weights
from homespun_model.engines.dense_loading import read_packed
from homespun_model.engines.stored_rows import can_read_rows
from homespun_model.errors import BaseError
from homespun_model.files.locks import try_lock
from torch import Tensor

needs_rows = pytest.mark.skipif(not can_read_rows(), reason="words are held on this system")

PROGRAM = """
import logging, sys, torch
from homespun_model.bases.base import load_base
from homespun_model.engines.dense_loading import read_packed
logging.basicConfig(format="%(message)s")
torch.save(read_packed(load_base(sys.argv[1]))[1], sys.argv[2])
"""


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return dense_base(tmp_path / "base", "qwen2")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return packed_files.folder()


def packed(base: Base) -> dict[str, Tensor]:
    found = read_packed(base)
    assert found is not None
    return {name: tensor.clone() for name, tensor in found[1].items()}


def file_of(base: Base) -> Path:
    return packed_files.folder() / f"{base.weights_hash}.int8.safetensors"


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def weights_are_gone(base: Base) -> None:
    (base.files.path / "model.safetensors").unlink()


def test_the_second_start_finds_them_without_reading_the_base(base: Base) -> None:
    first = packed(base)
    weights_are_gone(base)
    assert same(packed(base), first)


@pytest.mark.parametrize("bytes_left", [0, 5, 1000, -1])
def test_what_was_cut_short_is_packed_anew(base: Base, bytes_left: int) -> None:
    first, whole = packed(base), file_of(base).stat().st_size
    os.truncate(file_of(base), bytes_left % whole)
    assert same(packed(base), first)
    weights_are_gone(base)
    assert same(packed(base), first)


@needs_rows
def test_words_that_stay_in_the_file_are_those_that_would_be_held(base: Base) -> None:
    packed(base)
    held = read_packed(base)
    assert held is not None and held[2] is not None
    which = torch.tensor([3, 0, 399, 3])
    file_of(base).unlink()  # and what is open stays
    assert torch.equal(held[2][which], held[1]["embedding"][which])


@needs_rows
def test_a_file_that_is_cut_short_while_words_are_looked_up_is_an_error(base: Base) -> None:
    found = read_packed(base)
    assert found is not None and found[2] is not None
    os.truncate(file_of(base), 4000)
    with pytest.raises(BaseError, match="cut short"):
        found[2][torch.tensor([399])]


@needs_rows
def test_no_words_are_looked_up_in_what_another_version_packed(base: Base) -> None:
    packed(base)
    assert packed_files.rows(base.weights_hash, "another", "embedding") is None
    file_of(base).write_bytes(b"\xff" * 40)
    assert packed_files.rows(base.weights_hash, "another", "embedding") is None


def test_what_an_older_version_packed_is_packed_anew(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(packed_weights, "VERSION", "0")
        packed(base)
    before = file_of(base).stat().st_ino
    packed(base)
    assert file_of(base).stat().st_ino != before
    assert len(list(file_of(base).parent.glob("*.safetensors"))) == 1


def test_two_processes_that_pack_at_once_are_both_right(
    base: Base, kept: Path, tmp_path: Path
) -> None:
    files = [tmp_path / "one.pt", tmp_path / "other.pt"]
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(base.files.path), str(file)])
        for file in files
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert same(torch.load(files[0]), torch.load(files[1]))
    assert sorted(path.name for path in kept.iterdir()) == [file_of(base).name, "lock"]


def test_nothing_is_kept_while_another_process_writes(base: Base, kept: Path) -> None:
    kept.mkdir(parents=True)
    (kept / "coming").write_bytes(b"half of it")
    lock = try_lock(kept / "lock")
    assert lock is not None
    with lock:
        first = packed(base)
    assert not file_of(base).exists()
    assert (kept / "coming").read_bytes() == b"half of it"
    assert same(packed(base), first)  # what a process that was killed had begun is written over
    assert file_of(base).exists()
    assert not (kept / "coming").exists()


@pytest.mark.skipif(os.name == "nt", reason="no limits there")
def test_on_a_full_disk_it_goes_on_without_keeping_and_says_so_in_one_line(
    base: Base, kept: Path, tmp_path: Path
) -> None:
    limited = (
        "import resource\n"
        "from homespun_model.engines import packed_files\n"
        "write = packed_files._write\n"
        "def full(*given):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        write(*given)\n"
        "    finally:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "packed_files._write = full\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited + PROGRAM, str(base.files.path), str(tmp_path / "out.pt")],
        preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.startswith("packed weights are not kept: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in kept.iterdir()] == ["lock"]
    assert same(torch.load(tmp_path / "out.pt"), packed(base))


def test_where_no_folder_can_be_made_it_goes_on(
    base: Base, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    assert packed(base)
    assert len(caplog.records) == 1


def test_what_nobody_used_for_long_is_forgotten(base: Base, kept: Path) -> None:
    kept.mkdir(parents=True)
    for name, days in (("old", packed_files.DAYS_KEPT + 1), ("new", packed_files.DAYS_KEPT - 1)):
        file = kept / f"{name}.int8.safetensors"
        file.write_bytes(b"")
        os.utime(file, (time.time() - 86_400 * days,) * 2)
    packed(base)
    assert not (kept / "old.int8.safetensors").exists()
    assert (kept / "new.int8.safetensors").exists()
