"""The lean forward pass is transformers' own, and knows which models it cannot run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from homespun_model.bases import memory
from homespun_model.bases.base import load_base
from homespun_model.engines import qwen3_weights
from homespun_model.engines.loading import load_engine
from homespun_model.engines.qwen3_cpu import Qwen3CpuEngine
from homespun_model.engines.transformers_engine import TransformersEngine, qwen3_cpu_engine_for
from peft import LoraConfig, get_peft_model
from tiny_models import change_config, tiny_base
from transformers import PreTrainedModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_base(tmp_path / "base")


@pytest.fixture(scope="module")
def starter() -> PreTrainedModel:
    return load_base().load_model()


@torch.inference_mode()
def test_its_logits_are_transformers_whatever_was_read_and_cut(starter: PreTrainedModel) -> None:
    rng = random.Random(0)
    ours, theirs = load_engine(load_base()).begin(), TransformersEngine(starter).begin()
    held = 0
    for count, keep in ((300, 1), (1, 1), (7, 7), (40, 0), (260, 3), (1, 1), (12, 5)):
        ids = rng.choices(range(8192), k=count)
        found, truth = ours.run(ids, keep), theirs.run(ids, keep)
        assert found.shape == truth.shape == (keep, 8192)
        torch.testing.assert_close(found, truth, atol=2e-4, rtol=0)
        held = max(1, held + count - rng.randrange(count + 3))
        ours.cut(held)
        theirs.cut(held)


@pytest.mark.parametrize("tied", [True, False])
@torch.inference_mode()
def test_a_model_of_other_sizes_read_from_its_files_does_too(folder: Path, tied: bool) -> None:
    model = load_base(str(folder)).load_model()
    if not tied:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(torch.randn(model.lm_head.weight.shape))
        model.half().save_pretrained(folder)
    base = load_base(str(folder))
    ours, theirs = load_engine(base), TransformersEngine(base.load_model())
    assert isinstance(ours, Qwen3CpuEngine)
    rows = torch.randint(300, (3, 50))
    torch.testing.assert_close(ours.batch(rows, 20), theirs.batch(rows, 20), atol=1e-3, rtol=1e-4)


def test_a_file_that_is_written_over_changes_nothing(folder: Path) -> None:
    ours, ids = load_engine(load_base(str(folder))), list(range(40))
    before = ours.begin().run(ids, 1)
    (folder / "model.safetensors").write_bytes(bytes(400_000))
    torch.testing.assert_close(ours.begin().run(ids, 1), before)


@torch.inference_mode()
def test_without_onednn_it_does_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = random.Random(1).choices(range(8192), k=50)
    truth = load_engine(load_base()).begin().run(ids, 2)
    monkeypatch.setattr(torch.ops, "mkldnn", None)
    found = load_engine(load_base()).begin().run(ids, 2)
    torch.testing.assert_close(found, truth, atol=2e-4, rtol=0)


def test_the_starter_is_run_lean_and_memory_is_what_is_said() -> None:
    engine = load_engine(load_base())
    assert isinstance(engine, Qwen3CpuEngine)
    sequence = engine.begin()
    with torch.inference_mode():
        sequence.run(list(range(1000)), 1)
    assert sequence.size() == 5 * 2 * 2 * 64 * 4 * 1024  # 5 MiB: layers … width, bytes, tokens


@pytest.mark.parametrize(
    "changes",
    [
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}},
        {"hidden_act": "gelu"},
        {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 32},
    ],
)
def test_what_it_does_not_compute_is_left_to_transformers(
    folder: Path, changes: dict[str, object]
) -> None:
    base = load_base(str(folder))
    assert qwen3_cpu_engine_for(base.load_model()) and qwen3_weights.read(base)
    change_config(folder, **changes)
    assert isinstance(load_engine(load_base(str(folder))), TransformersEngine)


def test_so_are_other_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_base(str(folder))
    model = base.load_model()
    assert not qwen3_cpu_engine_for(base.load_model(torch.bfloat16))
    monkeypatch.setattr(memory, "SMALL", model.num_parameters())
    assert qwen3_weights.read(base)
    monkeypatch.setattr(memory, "SMALL", model.num_parameters() - 1)
    assert isinstance(load_engine(load_base(str(folder))), TransformersEngine)
    assert not qwen3_cpu_engine_for(model)
    monkeypatch.undo()
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    assert not qwen3_cpu_engine_for(model)  # the adapter is in its layers, not merged
