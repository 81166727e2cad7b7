"""An adapter merged by hand is one merged by peft, and anything odd is refused in one line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from homespun_model.bases import memory
from homespun_model.bases.base import Base, load_base
from homespun_model.decoding.decode import Decoder
from homespun_model.engines.dense_loading import read_dense
from homespun_model.engines.loading import load_engine
from homespun_model.engines.lora_merged import merged_weights
from homespun_model.engines.transformers_engine import TransformersEngine
from homespun_model.errors import StoreError
from random_adapters import merged_by_peft, random_adapter
from safetensors.torch import load_file, save_file
from tiny_models import tiny_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"))))


@pytest.fixture(params=[torch.float32, torch.bfloat16])
def adapter(request: pytest.FixtureRequest, base: Base, tmp_path: Path) -> Path:
    return random_adapter(base, tmp_path / "adapter", request.param)


def test_the_weights_are_those_that_peft_makes(base: Base, adapter: Path) -> None:
    found = read_dense(base, torch.float32)
    assert found is not None
    ours = merged_weights(found[1], adapter)
    theirs = dict(merged_by_peft(base, adapter).named_parameters())
    assert ours.keys() == theirs.keys()
    changed = 0
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], atol=1e-5, rtol=1e-5)
        changed += not torch.equal(weight, found[1][name])
    assert changed == 2 * 7  # layers, products


@pytest.mark.parametrize("name", ["tiny", "starter"])
def test_the_tokens_are_those_that_peft_says(name: str, base: Base, tmp_path: Path) -> None:
    base = base if name == "tiny" else load_base()
    adapter = random_adapter(base, tmp_path / "adapter")
    ours = Decoder(load_engine(base, adapter))
    theirs = Decoder(TransformersEngine(merged_by_peft(base, adapter)))
    plain, differ = Decoder(load_engine(base)), 0
    for seed in range(4):
        ids = random.Random(seed).choices(range(300), k=40)
        said = [
            decoder.generate(ids, max_new_tokens=16, stop_ids=frozenset()).ids
            for decoder in (ours, theirs, plain)
        ]
        assert said[0] == said[1]
        differ += said[0] != said[2]
    assert differ


def _config(**changes: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def changed(folder: Path) -> None:
        tensors = load_file(folder / "adapter_model.safetensors")
        change(tensors)
        save_file(tensors, folder / "adapter_model.safetensors")

    return changed


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_config(r=4), "do not fit with r=4"),
        (_config(r=0), "r=0"),
        (_config(lora_alpha="much"), "'much'"),
        (_weights(lambda t: t.pop(min(t))), "lora_B.weight: not plain LoRA"),
        (_weights(lambda t: t.clear()), "holds nothing"),
        (_weights(lambda t: t.update(magnitude=torch.ones(3))), "magnitude: not plain LoRA"),
        (_weights(lambda t: t[min(t)].fill_(torch.nan)), "no numbers"),
        (
            _weights(lambda t: t.update({k.replace("q_proj", "x"): t.pop(k) for k in list(t)})),
            r"the base has no model.layers.\d.self_attn.x.weight",
        ),
        (lambda p: (p / "adapter_model.safetensors").write_bytes(b"\0" * 64), "does not load"),
        (lambda p: (p / "adapter_model.safetensors").unlink(), "does not load"),
    ],
)
def test_what_does_not_fit_is_one_line(
    base: Base, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    folder = random_adapter(base, tmp_path / "adapter")
    damage(folder)
    for limit in (memory.SMALL, 0):  # merged, beside
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(memory, "SMALL", limit)
            with pytest.raises(StoreError, match=said) as refusal:
                load_engine(base, folder)
        assert "\n" not in str(refusal.value)
        assert "does not load" in str(refusal.value)
