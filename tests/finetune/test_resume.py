"""A training run that is killed goes on where it was, to the same adapter, byte for byte."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from homespun_finetune import checkpoint, resumable, shared_checkpoint
from homespun_finetune.checkpoint import Checkpoint
from homespun_finetune.resumable import ResumableRun, key_of
from homespun_finetune.shared_checkpoint import SharedCheckpoint
from homespun_model.sharing.store_place import files_at
from homespun_model.sharing.unfinished_runs import UnfinishedRuns
from homespun_model.sharing.url import StoreUrl
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from tiny_training import tiny_model

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


@pytest.fixture
def share(tmp_path: Path) -> UnfinishedRuns:
    """What two machines share."""
    (tmp_path / "share").mkdir()
    url = StoreUrl.of((tmp_path / "share").as_uri())
    return UnfinishedRuns(files_at(url), "team", checkpoint.FILE)


def unfinished(folder: Path, step: object = 3, **about: Any) -> None:
    """A checkpoint, as a run would have written it."""
    told = {
        "step": step,
        "seconds": 1.0,
        "points": [{"step": 0, "seconds": 0.1, "loss": 2.0}],
        "best": None,
        "fixed": {"budget": [9.0, 9.0, "fp32"], "micro": 1},
        "schedule": {"_last_lr": [0.1], "last_epoch": step},
    }
    assert checkpoint.write(folder, told | about, {"random": torch.get_rng_state()})


def test_another_machine_goes_on_from_what_the_url_holds(
    share: UnfinishedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_checkpoint, "LOOK", 0.01)
    said: list[str] = []
    key, other = key_of({"commit": "a"}), key_of({"commit": "b"})
    left = tmp_path / "left"
    left.write_bytes(b"of a commit that is gone")
    share.put(other, left)
    one = ResumableRun(tmp_path / "one", key, SharedCheckpoint(share, key, said.append))
    assert one.path is not None
    unfinished(one.path, 7)
    file = tmp_path / "share" / "team" / resumable.FOLDER / key / checkpoint.FILE
    while not file.exists():
        time.sleep(0.01)
    assert not share.fetch(other, left), "a repository has one unfinished run"

    two = ResumableRun(tmp_path / "two", key, SharedCheckpoint(share, key, said.append))
    assert two.path is not None
    found = checkpoint.read(two.path)
    assert found is not None and found.step == 7
    assert {path.name for path in two.path.iterdir()} == {checkpoint.FILE}
    unfinished(two.path, 9)
    _die(two)
    again = ResumableRun(tmp_path / "two", key, SharedCheckpoint(share, key, said.append))
    assert again.path is not None
    found = checkpoint.read(again.path)
    assert found is not None and found.step == 9, "what is here is further"
    for run in (one, again):
        run.finish()
    assert [*(tmp_path / "share" / "team").rglob("*.safetensors")] == [] == said


@pytest.mark.parametrize(
    "about",
    [
        {"step": "many"},
        {"schedule": {"_last_lr": [0.1], "optimizer": "mine"}},
        {"fixed": {"budget": [1e9, 1e9, "run this"], "micro": 1}},
        {"points": [{"loss": 1.0}]},
        {"points": 5},
        {"points": [{"step": 0, "seconds": 0.1, "loss": float("nan")}]},
        {"fixed": None},
        {"fixed": {"budget": [0, 0, "fp32"], "micro": 1}},
        {"fixed": {"budget": [9.0, float("inf"), "fp32"], "micro": 1}},
        {"fixed": {"budget": [9.0, 9.0, []], "micro": 1}},
        {"fixed": {"budget": [9.0, 9.0, "fp32"], "micro": 1.5}},
        {"step": float("inf")},
        {"step": 1.5},
        {"step": 10**30},
        {"schedule": {"_last_lr": 5}},
        {"schedule": {"_last_lr": None}},
        {"schedule": {"_last_lr": ["fast"]}},
        {"schedule": {"_last_lr": [float("inf")]}},
        {"schedule": {"_last_lr": [0.1], "last_epoch": "late"}},
        {"schedule": {"_last_lr": [0.1], "lr_lambdas": [{"func": "mine"}]}},
        {"schedule": 5},
    ],
)
def test_what_a_store_holds_is_not_believed(
    share: UnfinishedRuns, tmp_path: Path, about: dict[str, Any]
) -> None:
    said: list[str] = []
    key = key_of({})
    unfinished(tmp_path, **about)
    share.put(key, tmp_path / checkpoint.FILE)
    run = ResumableRun(tmp_path / "one", key, SharedCheckpoint(share, key, said.append))
    assert run.path is not None and checkpoint.read(run.path) is None
    assert said == [
        "what is done so far does not travel: what is kept there of this run is no checkpoint of "
        "homespun's"
    ]
    run.finish()


def test_a_url_that_is_away_is_said_once_and_ends_nothing(
    share: UnfinishedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_checkpoint, "LOOK", 0.01)
    (tmp_path / "share").rmdir()
    said: list[str] = []
    key = key_of({})
    run = ResumableRun(tmp_path / "one", key, SharedCheckpoint(share, key, said.append))
    assert run.path is not None
    for step in (1, 2):
        unfinished(run.path, step)
        time.sleep(0.2)
    run.finish()
    assert said == ["what is done so far does not travel: the store is not there any more"]
    assert not (tmp_path / "share").exists(), "nobody makes a store by the way"


def test_a_checkpoint_of_another_adapter_is_not_gone_on_from() -> None:
    model = get_peft_model(tiny_model(), LoraConfig(r=2, target_modules=["q_proj"]))
    own = {f"adapter.{name}": t for name, t in get_peft_model_state_dict(model).items()}
    assert Checkpoint({}, own).fits(model)
    assert not Checkpoint({}, own | {"best.other": torch.zeros(2)}).fits(model)
    assert not Checkpoint({}, {name: t[:1] for name, t in own.items()}).fits(model)
    assert not Checkpoint({"schedule": {"_last_lr": [0.1] * 3}}, own).fits(model)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    moments = {
        f"optimizer.{number}.{name}": torch.zeros(weight.shape)
        for number, weight in enumerate(weights)
        for name in ("exp_avg", "exp_avg_sq")
    }
    moments |= {f"optimizer.{number}.step": torch.zeros(()) for number in range(len(weights))}
    assert Checkpoint({"schedule": {"_last_lr": [0.1] * 2}}, own | moments).fits(model)
    for name in ("optimizer.0.exp_avg", "optimizer.0.step"):
        assert not Checkpoint({}, own | {n: t for n, t in moments.items() if n != name}).fits(model)
    assert not Checkpoint({}, own | moments | {"optimizer.0.exp_avg": torch.zeros(9)}).fits(model)
    assert not Checkpoint({}, own | moments | {"optimizer.x.exp_avg": torch.zeros(9)}).fits(model)


def _die(run: ResumableRun) -> None:
    """As the system gives back the lock of a process that is gone."""
    assert run._lock is not None
    run._lock.close()
