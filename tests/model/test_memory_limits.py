"""A container's memory is what it was given, not the machine's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from homespun_model.bases import memory_limits
from homespun_model.bases.memory_limits import ADDRESSES, memory_for_this_process, memory_left

MACHINE = psutil.virtual_memory().total
LIMIT = 300_000_000


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory_limits, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory_limits, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory_limits, "_addresses", list)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_a_limit_it_is_the_machines(groups: Path) -> None:
    assert memory_for_this_process() == MACHINE
    write(groups / "own", "0::/a/b\n")
    write(groups / "groups/a/memory.max", "max\n")
    assert memory_for_this_process() == MACHINE


@pytest.mark.parametrize(
    ("own", "file"),
    [
        ("0::/", "memory.max"),
        ("0::/a/b", "a/b/memory.max"),
        ("0::/a/b", "a/memory.max"),  # of the group around it
        ("0::/outside/of/the/container", "memory.max"),
        ("3:cpu:/x\n4:cpuset,memory:/x/y\n0::/", "memory/x/y/memory.limit_in_bytes"),
        ("4:memory:/outside", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_containers_limit_counts(groups: Path, own: str, file: str) -> None:
    write(groups / "own", own + "\n")
    write(groups / "groups" / file, f"{LIMIT}\n")
    assert memory_for_this_process() == LIMIT


def test_a_limit_above_the_machines_is_none(groups: Path) -> None:
    write(groups / "own", "4:memory:/\n")
    write(groups / "groups/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert memory_for_this_process() == MACHINE


@pytest.mark.parametrize(
    ("number", "group", "names"),
    [
        ("0:", "a", memory_limits._SECOND),
        ("4:memory", "memory/a", memory_limits._FIRST),
    ],
)
def test_what_others_in_the_container_take_is_not_left(
    groups: Path, number: str, group: str, names: memory_limits._Names
) -> None:
    """But for pages of files, which are given back when they are wanted."""
    write(groups / "own", f"{number}:/a\n")
    folder = groups / "groups" / group
    write(folder / names.limit, f"{LIMIT}\n")
    write(folder / names.used, "200000000\n")
    assert memory_left() == LIMIT - 200_000_000
    write(folder / "memory.stat", f"anon 1\n{names.inactive} 50000000\n")
    assert memory_left() == LIMIT - 150_000_000
    write(folder / names.used, "900000000\n")
    assert memory_left() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not hold to it")
def test_a_limit_of_addresses_counts_the_same_however_much_is_taken() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30));"
        "from homespun_model.bases.memory_limits import memory_for_this_process as may;"
        "before = may(); import torch; print(before, may())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = min((8 << 30) - ADDRESSES, MACHINE)
    assert run.stdout.split() == [str(expected)] * 2
