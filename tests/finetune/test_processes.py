"""Two processes train as one does: the same data in the same order, the same figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from homespun_finetune import memory, processes, run
from homespun_finetune.batches import collate
from homespun_finetune.budget import Deadline, TokenBudget
from homespun_finetune.errors import RunUsageError
from homespun_finetune.loss import WeightedLoss
from homespun_finetune.progress import Reporter, console_for_people
from homespun_finetune.request import RunRequest
from homespun_model.bases import memory as base_memory
from homespun_model.bases.base import load_base
from safetensors.torch import load_file
from tiny_training import END, PAD, examples, tiny_model

PROGRAM = Path(__file__).parents[1] / "support" / "training_in_a_process.py"
HAS_GLOO = torch.distributed.is_available() and torch.distributed.is_gloo_available()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_GLOO, reason="torch has no gloo here: PROCESSES ARE NOT TESTED")
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    subprocess.run([sys.executable, PROGRAM, one, "--no-dropout"], check=True, timeout=120)
    # With --cpu it starts one process, whatever number is asked for, unless there is MPI.
    launch = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")
    launch += ("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")
    subprocess.run(
        [sys.executable, *launch, "--main_process_port", "0", PROGRAM, two, "--no-dropout"],
        check=True,
        timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
    )
    alone, shared = (json.loads((f / "trained.json").read_text()) for f in (one, two))
    assert alone["samples"] == shared["samples"] and alone["best_step"] == shared["best_step"]
    assert [p["step"] for p in alone["points"]] == [p["step"] for p in shared["points"]]
    for was, now in zip(alone["points"], shared["points"], strict=True):
        assert now["loss"] == pytest.approx(was["loss"], rel=2e-3)
    order = [json.loads(line) for line in (one / "order-0.jsonl").read_text().splitlines()]
    parts = [
        [json.loads(line) for line in (two / f"order-{rank}.jsonl").read_text().splitlines()]
        for rank in (0, 1)
    ]
    assert order == [[*first, *second] for first, second in zip(*parts, strict=True)]
    weights = [load_file(f / "adapter" / "adapter_model.safetensors") for f in (one, two)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], rtol=1e-2, atol=1e-3)


def test_alone_a_run_decides_for_itself() -> None:
    budget = TokenBudget(3.0, 100.0, "bf16")
    assert processes.agree(budget, "cpu") is budget
    assert processes.any_of(True, torch.device("cpu"))
    assert processes.is_first() and processes.count() == 1


def test_a_base_that_does_not_fit_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = load_base()
    memory.must_fit(base)
    monkeypatch.setattr(base_memory, "machine_memory", lambda: 1 << 30)
    monkeypatch.setattr(memory, "best_device", lambda: "cpu")
    with pytest.raises(RunUsageError, match=r"starter has 6 million .* 2\.0 GiB .* 1\.0 GiB may"):
        memory.must_fit(base)


def test_a_batch_is_cut_where_memory_is_short() -> None:
    assert memory.micro_batch(8, needed=1, room=500) == 8
    assert memory.micro_batch(8, needed=100, room=500) == 4
    assert memory.micro_batch(8, needed=10_000, room=500) == 1
    assert memory.micro_batch(6, needed=100, room=500) == 3
    assert memory.free_memory("cpu") > 1 << 20


def test_what_a_sample_needs_grows_with_it() -> None:
    weighted_loss = WeightedLoss(tiny_model().train().requires_grad_())
    few, many = (
        memory.kept_for_backward(lambda n=n: weighted_loss(**_batch(n)), weighted_loss.model)  # type: ignore[misc]
        for n in (2, 8)
    )
    assert 2 * few < many < 8 * few


def _batch(count: int) -> dict[str, torch.Tensor]:
    return collate(examples(count), pad_id=PAD, end_id=END, end_weight=3.0, prompt_weight=0.5)


@pytest.mark.slow
def test_parts_of_a_step_weigh_as_the_whole(tmp_path: Path) -> None:
    """Gradient accumulation, also where the parts hold different numbers of tokens."""
    for part in ("4", "1"):
        folder = tmp_path / part
        subprocess.run(
            [sys.executable, PROGRAM, folder, "--no-dropout", "--micro", part],
            check=True,
            timeout=120,
        )
    whole, cut = (json.loads((tmp_path / p / "trained.json").read_text()) for p in ("4", "1"))
    for was, now in zip(whole["points"], cut["points"], strict=True):
        assert now["loss"] == pytest.approx(was["loss"], rel=2e-3)


def test_a_base_is_not_sharded_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    request = RunRequest((tmp_path,), dry_run=True)
    with pytest.raises(RunUsageError, match="does not shard a base"):
        run.run(request, Reporter(console_for_people()), Deadline(60))
