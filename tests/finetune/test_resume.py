"""A training run that is killed goes on where it was, to the same adapter, byte for byte."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from homespun_finetune import checkpoint, resumable
from homespun_finetune.resumable import ResumableRun, key_of

PROGRAM = Path(__file__).parents[1] / "support" / "training_in_a_process.py"


def run(folder: Path, *arguments: str) -> int:
    done = subprocess.run([sys.executable, PROGRAM, folder, *arguments], check=False, timeout=120)
    return done.returncode


def adapter(folder: Path) -> bytes:
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


@pytest.mark.slow
def test_killed_twice_and_repeated_it_gives_the_same_adapter(tmp_path: Path) -> None:
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    assert run(unbroken) == 0
    assert run(broken, "--kill-at", "0.4") == -signal.SIGKILL
    assert run(broken, "--kill-at", "0.7") == -signal.SIGKILL
    assert run(broken) == 0
    assert adapter(broken) == adapter(unbroken)
    whole, resumed = (json.loads((f / "trained.json").read_text()) for f in (unbroken, broken))
    assert whole["resumed_at"] is None and 0 < resumed["resumed_at"] < resumed["steps"]
    for key in ("budget", "best_step", "tokens", "steps", "stopped"):
        assert whole[key] == resumed[key]
    losses = [[point["loss"] for point in trained["points"]] for trained in (whole, resumed)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("damage", [b"", b"damaged", b"\xff" * 64])
def test_a_damaged_checkpoint_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    assert checkpoint.read(tmp_path) is None
    assert checkpoint.write(tmp_path, {"step": 3}, {"random": torch.get_rng_state()})
    found = checkpoint.read(tmp_path)
    assert found is not None and found.step == 3
    (tmp_path / checkpoint.FILE).write_bytes(damage)
    assert checkpoint.read(tmp_path) is None


def test_a_disk_that_takes_no_checkpoint_does_not_end_a_run(tmp_path: Path) -> None:
    assert not checkpoint.write(tmp_path / "gone", {"step": 3}, {"random": torch.zeros(2)})


def test_work_is_found_again_by_its_key_alone(tmp_path: Path) -> None:
    key = key_of({"commit": "a", "minutes": 3})
    assert key != key_of({"commit": "b", "minutes": 3})
    first = ResumableRun(tmp_path, key)
    assert first.path is not None
    (first.path / "state").write_text("half")
    assert ResumableRun(tmp_path, key).path is None, "another process is at it"
    _die(first)
    again = ResumableRun(tmp_path, key)
    assert again.path is not None
    assert (again.path / "state").read_text() == "half"
    again.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_shelf_keeps_one_unfinished_run(tmp_path: Path) -> None:
    old, living = ResumableRun(tmp_path, "old"), ResumableRun(tmp_path, "living")
    _die(old)
    new = ResumableRun(tmp_path, "new")
    there = {path.name for path in (tmp_path / resumable.FOLDER).iterdir() if path.is_dir()}
    assert there == {"living", "new"}
    new.finish()
    living.finish()
    assert list(tmp_path.iterdir()) == []


def _die(run: ResumableRun) -> None:
    """As the system gives back the lock of a process that is gone."""
    assert run._lock is not None
    run._lock.close()
