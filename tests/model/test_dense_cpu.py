"""The forward pass without modules is transformers' own, and knows which models it cannot run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from dense_models import SHAPES, dense_base
from homespun_model.bases import memory
from homespun_model.bases.base import Base, load_base
from homespun_model.decoding.decode import Decoder
from homespun_model.engines import loading
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.dense_loading import read_dense
from homespun_model.engines.dense_shape import Shape
from homespun_model.engines.engine import Engine
from homespun_model.engines.loading import load_engine
from homespun_model.engines.transformers_engine import TransformersEngine, dense_engine_for
from homespun_model.errors import BaseError
from peft import LoraConfig, get_peft_model
from random_adapters import RANK, merged_by_peft, random_adapter
from safetensors.torch import load_file, save_file
from tiny_models import change_config, tiny_base
from transformers import PreTrainedModel

ROWS = torch.randint(400, (3, 50), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_base(tmp_path / "base")


@pytest.fixture(scope="module")
def starter() -> PreTrainedModel:
    return load_base().load_model()


@pytest.fixture(params=["small", "large"])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny base counts as a small one, of which everything is held twice, or as a large one."""
    if request.param == "large":
        monkeypatch.setattr(memory, "SMALL", 0)
        monkeypatch.setattr(memory, "has_bf16", lambda: False)
        monkeypatch.setattr(loading, "has_int8_products", lambda: False)


@pytest.fixture
def bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every base is a large one, on a processor that is made for bf16 and nothing else."""
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(loading, "has_int8_products", lambda: False)
    monkeypatch.setattr(memory, "has_bf16", lambda: True)


def both(base: Base, dtype: torch.dtype = torch.float32) -> tuple[Engine, Engine]:
    """Ours and transformers'."""
    ours = load_engine(base)
    assert isinstance(ours, DenseCpuEngine)
    return ours, TransformersEngine(base.load_model(dtype))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("sizes")
@torch.inference_mode()
def test_logits_and_tokens_are_transformers(name: str, tmp_path: Path) -> None:
    ours, theirs = both(dense_base(tmp_path, name))
    torch.testing.assert_close(ours.batch(ROWS, 20), theirs.batch(ROWS, 20), atol=1e-4, rtol=0)
    for row in ROWS.tolist():
        said = [
            Decoder(engine).generate(row, max_new_tokens=16, stop_ids=frozenset()).ids
            for engine in (ours, theirs)
        ]
        assert said[0] == said[1]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("bf16")
@torch.inference_mode()
def test_in_bf16_it_is_as_near_to_float32_as_transformers(name: str, tmp_path: Path) -> None:
    ours, theirs = both(dense_base(tmp_path, name, torch.bfloat16), torch.bfloat16)
    exact = TransformersEngine(load_base(str(tmp_path)).load_model()).batch(ROWS, 20)
    found = [(engine.batch(ROWS, 20) - exact).abs().mean() for engine in (ours, theirs)]
    assert 0 < found[0] < 1.2 * found[1]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("sizes")
@torch.inference_mode()
def test_rows_together_and_what_was_cut_and_read_again_are_as_if_read_afresh(
    name: str, tmp_path: Path
) -> None:
    engine = load_engine(dense_base(tmp_path, name))
    together, row = engine.batch(ROWS, 30), ROWS[1].tolist()
    for number, one in enumerate(ROWS.tolist()):
        torch.testing.assert_close(engine.begin().run(one, 30), together[number], atol=1e-4, rtol=0)
    sequence = engine.begin()
    sequence.run([*row[:20], *ROWS[0].tolist()], 1)
    sequence.cut(20)
    torch.testing.assert_close(sequence.run(row[20:], 30), together[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("sizes")
@torch.inference_mode()
def test_an_adapter_says_what_peft_merges(name: str, tmp_path: Path) -> None:
    base = dense_base(tmp_path / "base", name)
    adapter = random_adapter(base, tmp_path / "adapter")
    plain, ours = load_engine(base), load_engine(base, adapter)
    found, theirs = ours.batch(ROWS, 20), TransformersEngine(merged_by_peft(base, adapter))
    torch.testing.assert_close(found, theirs.batch(ROWS, 20), atol=5e-3, rtol=1e-3)
    assert (found - plain.batch(ROWS, 20)).abs().mean() > 1


@pytest.mark.parametrize("left_out", ["q_proj", "k_proj", "gate_proj", "down_proj", "self_attn"])
@torch.inference_mode()
def test_an_adapter_of_some_products_is_put_beside_the_right_ones(
    left_out: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    base = dense_base(tmp_path / "base", "qwen3 with biases")
    file = random_adapter(base, tmp_path / "adapter") / "adapter_model.safetensors"
    factors = {name: each for name, each in load_file(file).items() if left_out not in name}
    head = "base_model.model.lm_head.lora_"
    factors |= {f"{head}A.weight": torch.randn(RANK, 64), f"{head}B.weight": torch.ones(420, RANK)}
    save_file(factors, file)
    merged = load_engine(base, file.parent).batch(ROWS, 20)
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(memory, "has_bf16", lambda: False)
    monkeypatch.setattr(loading, "has_int8_products", lambda: False)
    beside = load_engine(base, file.parent)
    torch.testing.assert_close(beside.batch(ROWS, 20), merged, atol=5e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["qwen2", "llama"])
@torch.inference_mode()
def test_weights_in_several_files_are_read(name: str, tmp_path: Path) -> None:
    base = dense_base(tmp_path, name, max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    ours, theirs = both(base)
    torch.testing.assert_close(ours.batch(ROWS, 20), theirs.batch(ROWS, 20), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_configs_of_transformers_4_are_read(tmp_path: Path) -> None:
    base = dense_base(tmp_path, "llama")
    said = Shape.of(base_config(tmp_path))
    rope = base_config(tmp_path)["rope_parameters"]
    theta = rope.pop("rope_theta")
    rope["type"] = rope.pop("rope_type")
    change_config(tmp_path, rope_parameters=None, rope_theta=theta, rope_scaling=rope)
    older = base_config(tmp_path)
    del older["rope_parameters"]
    assert Shape.of(older) == said is not None
    assert isinstance(load_engine(base), DenseCpuEngine)


def base_config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return config


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


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("bf16")
@torch.inference_mode()
def test_a_file_that_is_written_over_changes_nothing(name: str, tmp_path: Path) -> None:
    ours = load_engine(dense_base(tmp_path, name, torch.bfloat16))  # stored as it is held
    before = ours.batch(ROWS, 20)
    file = tmp_path / "model.safetensors"
    with file.open("r+b") as opened:
        opened.write(bytes(file.stat().st_size))
    assert torch.equal(ours.batch(ROWS, 20), before)


@torch.inference_mode()
def test_without_onednn_it_does_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = random.Random(1).choices(range(8192), k=50)
    truth = load_engine(load_base()).begin().run(ids, 2)
    monkeypatch.setattr(torch.ops, "mkldnn", None)
    found = load_engine(load_base()).begin().run(ids, 2)
    torch.testing.assert_close(found, truth, atol=2e-4, rtol=0)


def test_the_starter_is_run_without_modules_and_memory_is_what_is_said() -> None:
    engine = load_engine(load_base())
    assert isinstance(engine, DenseCpuEngine)
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
    assert dense_engine_for(base.load_model()) and read_dense(base, torch.float32)
    change_config(folder, **changes)
    assert isinstance(load_engine(load_base(str(folder))), TransformersEngine)


@pytest.mark.parametrize("kind", ["mistral", "gemma", "starcoder2"])
def test_so_is_another_architecture(folder: Path, kind: str) -> None:
    assert Shape.of(base_config(folder) | {"model_type": kind}) is None


def test_a_window_wider_than_any_prompt_does_not_matter(folder: Path) -> None:
    config = base_config(folder) | {"layer_types": ["full_attention", "sliding_attention"]}
    assert Shape.of(config | {"sliding_window": 4096}) == Shape.of(base_config(folder))
    older = {key: value for key, value in config.items() if key != "layer_types"}
    assert Shape.of(older | {"sliding_window": 32, "use_sliding_window": False})
    assert not Shape.of(older | {"sliding_window": 32, "use_sliding_window": True})


def test_weights_that_are_not_whole_are_left_to_transformers(folder: Path) -> None:
    base, file = load_base(str(folder)), folder / "model.safetensors"
    whole = load_file(file)
    for name in ("model.norm.weight", "model.layers.1.mlp.up_proj.weight"):
        save_file({key: weight for key, weight in whole.items() if key != name}, file)
        assert read_dense(base, torch.float32) is None
        save_file(whole | {name: whole[name].clone().fill_(torch.inf)}, file)
        with pytest.raises(BaseError, match=f"{name} holds values that are no numbers"):
            load_engine(base)
        save_file(whole | {name: whole[name][..., :8].contiguous()}, file)
        with pytest.raises(BaseError, match="does not load"):
            load_engine(base)


def test_weights_in_memory_that_are_not_the_models_own_are_left_to_transformers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base(str(folder))
    model = base.load_model()
    assert not dense_engine_for(base.load_model(torch.bfloat16))
    monkeypatch.setattr(memory, "SMALL", model.num_parameters() - 1)
    assert not dense_engine_for(model)
    monkeypatch.undo()
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    assert not dense_engine_for(model)  # the adapter is in its layers, not merged


def test_a_base_that_this_machine_cannot_hold_is_refused_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base(str(folder))
    monkeypatch.setattr(memory, "machine_memory", lambda: memory.needed(base.parameters).serve - 1)
    with pytest.raises(BaseError, match=r"serving it takes about 0\.5 GiB") as refusal:
        load_engine(base)
    assert "\n" not in str(refusal.value)
