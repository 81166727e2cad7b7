"""A run as a process: on its leash, heard, and never for longer than it was given."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from homespun_finetune import shared_checkpoint
from homespun_finetune.nightly import child, cluster

TALKS = "import sys; print('result'); print('one', file=sys.stderr); sys.exit('two')"
HANGS = """
import subprocess, sys, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(other.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""
PUBLISHES = """
import signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
while not asked:
    time.sleep(0.05)
time.sleep(0.5)
print("published", flush=True)
sys.exit({code})
"""
INTERRUPTED = """
import os, signal, sys, tempfile, threading
from homespun_finetune import interruption
from homespun_finetune import shared_checkpoint
from homespun_finetune.nightly import child, cluster
interruption.listen()
threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
with tempfile.TemporaryFile() as log:
    ended = child.run([sys.executable, "-c", sys.argv[1]], log, print, seconds=60)
print(ended.code, ended.said, ended.interrupted)
"""
LEAVES = """
import subprocess, sys
other = subprocess.Popen(["sleep", "60"], start_new_session=True)
print(other.pid, file=sys.stderr)
print("result")
"""


def run(program: str, seconds: float = 60.0) -> tuple[child.Ended, list[str], bytes]:
    return ran([sys.executable, "-c", program], seconds)


def ran(command: list[str], seconds: float = 60.0) -> tuple[child.Ended, list[str], bytes]:
    heard: list[str] = []
    with tempfile.TemporaryFile() as log:
        ended = child.run(command, log, heard.append, seconds=seconds)
        log.seek(0)
        return ended, heard, log.read()


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_child_says_is_heard_and_kept() -> None:
    ended, heard, log = run(TALKS)
    assert (ended.code, ended.said, ended.last) == (1, b"result\n", "two")
    assert heard == ["one", "two"] and log == b"one\ntwo\n"


def test_a_child_that_hangs_ends_with_all_that_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "GRACE", 0.3)
    ended, heard, _ = run(HANGS, seconds=1.5)
    assert ended.code is None
    wait_until_gone(int(heard[0]))


def test_a_run_ends_with_whoever_holds_its_leash(tmp_path: Path) -> None:
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(600)\n")
    process = subprocess.Popen(
        child.on_leash("sleeps"),
        stdin=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        start_new_session=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) != 0


def test_modules_of_the_folder_we_are_in_are_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("typer.py", "json.py", "homespun_finetune.py"):
        (tmp_path / name).write_text("raise SystemExit('hijacked')\n")
    ended, heard, _ = ran(child.on_leash("homespun_finetune.cli", "--help"))
    assert ended.code == 0, heard


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")
def test_a_command_on_the_leash_says_what_it_came_to_and_dies_with_its_holder() -> None:
    shell = child.command_on_leash(["sh", "-c", "echo out; echo err >&2; cat; exit 7"])
    ended, heard, _ = ran(shell)
    assert (ended.code, ended.said, heard) == (7, b"out\n", ["err"])
    ended, heard, _ = ran(child.command_on_leash(["no-such-program"]))
    assert (ended.code, heard) == (1, ["fatal: no-such-program: No such file or directory"])
    ended, _, _ = ran(child.command_on_leash(["sh", "-c", "sleep 600 & wait"]), seconds=1.5)
    assert ended.code is None
    process = subprocess.Popen(
        child.command_on_leash(["sh", "-c", "sleep 600 & echo $!; wait"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    pid = int(process.stdout.readline())
    process.stdin.close()
    process.wait(20)
    process.stdout.close()
    wait_until_gone(pid)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("code", "kept"), [(0, 0), (3, 3), (130, None)])
def test_what_came_to_a_result_after_it_was_asked_to_end_has_come_to_it(
    code: int, kept: int | None
) -> None:
    ended, _, _ = run(PUBLISHES.format(code=code), seconds=1.0)
    assert (ended.code, ended.said, ended.interrupted) == (kept, b"published\n", False)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("code", "kept"), [(0, "0"), (130, "None")])
def test_an_interruption_loses_no_result(code: int, kept: str) -> None:
    program = PUBLISHES.format(code=code)
    night = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, program], capture_output=True, text=True, check=False
    )
    assert night.stdout == f"{kept} b'published\\n' True\n", night.stderr


def test_a_run_has_time_to_publish_and_to_tidy_up() -> None:
    assert child.GRACE > shared_checkpoint.LAST + 60
    assert cluster.LAST > child.GRACE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_child_is_heard_though_nobody_can_write_it_down() -> None:
    def tell(line: str) -> None:
        raise OSError(line)

    many = "import sys; [print('x' * 100, file=sys.stderr) for _ in range(5000)]; print('done')"
    with Path("/dev/full").open("wb", buffering=0) as log:
        ended = child.run([sys.executable, "-c", many], log, tell, seconds=30)
    assert (ended.code, ended.said) == (0, b"done\n")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")
def test_what_a_child_leaves_behind_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "HEAR", 0.3)
    begun = time.monotonic()
    ended, heard, _ = run(LEAVES)
    assert time.monotonic() - begun < 20
    assert (ended.code, ended.said) == (0, b"result\n")
    os.kill(int(heard[0]), signal.SIGKILL)
