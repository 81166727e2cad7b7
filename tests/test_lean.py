"""The lean forward pass is transformers' own, and knows which models it cannot run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from homespun_model import lean
from homespun_model.base import load_base
from homespun_model.forward import PlainForward
from homespun_model.lean import LeanForward
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
    ours, theirs = LeanForward(starter).begin(), PlainForward(starter).begin()
    held = 0
    for count, keep in ((300, 1), (1, 1), (7, 7), (40, 0), (260, 3), (1, 1), (12, 5)):
        ids = rng.choices(range(8192), k=count)
        found, truth = ours.run(ids, keep), theirs.run(ids, keep)
        assert found.shape == truth.shape == (keep, 8192)
        torch.testing.assert_close(found, truth, atol=2e-4, rtol=0)
        held = max(1, held + count - rng.randrange(count + 3))
        ours.cut(held)
        theirs.cut(held)


@torch.inference_mode()
def test_without_onednn_it_does_the_same(
    starter: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = random.Random(1).choices(range(8192), k=50)
    truth = LeanForward(starter).begin().run(ids, 2)
    monkeypatch.setattr(torch.ops, "mkldnn", None)
    torch.testing.assert_close(LeanForward(starter).begin().run(ids, 2), truth, atol=2e-4, rtol=0)


def test_the_starter_is_run_lean_and_memory_is_what_is_said(starter: PreTrainedModel) -> None:
    assert LeanForward.fits(starter)
    reading = LeanForward(starter).begin()
    with torch.inference_mode():
        reading.run(list(range(1000)), 1)
    assert reading.size() == 5 * 2 * 2 * 64 * 4 * 1024  # 5 MiB: layers … width, bytes, tokens


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
    assert LeanForward.fits(load_base(str(folder)).load_model())
    change_config(folder, **changes)
    assert not LeanForward.fits(load_base(str(folder)).load_model())


def test_so_are_other_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_base(str(folder))
    model = base.load_model()
    assert not LeanForward.fits(base.load_model(torch.bfloat16))
    monkeypatch.setattr(lean, "MAX_PARAMETERS", model.num_parameters() - 1)
    assert not LeanForward.fits(model)
    monkeypatch.undo()
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    assert not LeanForward.fits(model)  # the adapter is in its layers, not merged
