"""GGUF files as bases: the same model, tokenizer and prompt as transformers' folder of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from homespun_corpus.place import Place
from homespun_model.bases.base import Base, load_base
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.loading import load_engine
from homespun_model.errors import BaseError
from peft import LoraConfig, get_peft_model
from random_adapters import merged_by_peft, random_adapter
from tiny_ggufs import FAMILY, KINDS, tiny_gguf, tiny_model, tokenizer_fields, tokens_of, write_gguf
from tiny_models import tiny_tokenizer
from tokenizers import Tokenizer
from transformers import PreTrainedModel

ROWS = len(tokens_of(tiny_tokenizer(FAMILY)))
IDS = torch.arange(3, 43).unsqueeze(0)


def based(path: Path) -> Base:
    return load_base(str(path), fim_format=FAMILY.name)


@torch.inference_mode()
def logits(model: PreTrainedModel, ids: torch.Tensor = IDS) -> torch.Tensor:
    found: torch.Tensor = model(ids).logits
    return found


def same(path: Path, model: PreTrainedModel) -> bool:
    return torch.equal(logits(based(path).load_model()), logits(model))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_computes_what_the_model_did(kind: str, tmp_path: Path) -> None:
    model = tiny_model(kind, rows=ROWS)
    base = based(write_gguf(tmp_path / "model.gguf", model))
    assert torch.equal(logits(base.load_model()), logits(model))
    assert base.parameters == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_eight_bits_compute_nearly_the_same(kind: str, tmp_path: Path) -> None:
    model = tiny_model(kind, rows=ROWS)
    blocks = GGMLQuantizationType.Q8_0
    ours = logits(based(write_gguf(tmp_path / "model.gguf", model, blocks=blocks)).load_model())
    theirs = logits(model)
    assert 0 < (ours - theirs).norm() < 0.1 * theirs.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_the_config_is_the_one_that_transformers_saves(kind: str, tmp_path: Path) -> None:
    model = tiny_model(kind, rows=ROWS)
    ours = based(write_gguf(tmp_path / "model.gguf", model)).config
    theirs = model.config.to_dict()
    usual = {"bos_token_id", "head_dim", "layer_types"}  # not in the config of every architecture
    assert ours.items() >= {"model_type": kind, "vocab_size": ROWS}.items()
    assert {key: theirs[key] for key in ours if key in theirs or key not in usual} == {
        key: ours[key] for key in ours if key in theirs or key not in usual
    }


def test_a_head_of_its_own_stays_one(tmp_path: Path) -> None:
    model = tiny_model("llama", rows=ROWS, tie_word_embeddings=False)
    path = write_gguf(tmp_path / "model.gguf", model, blocks=GGMLQuantizationType.Q8_0)
    base = based(path)
    assert not base.config["tie_word_embeddings"]
    assert "lm_head.weight" in base.tensors(torch.float32)


def test_a_head_that_is_the_embedding_again_is_held_once(tmp_path: Path) -> None:
    """Some files hold it twice, finer for the head: the finer one is taken for both."""
    model = tiny_model("qwen2", rows=ROWS)
    embedding = model.get_input_embeddings().weight.detach().numpy()
    coarser = np.round(embedding, 2)
    path = tmp_path / "model.gguf"
    write_gguf(path, model, tensors={"token_embd.weight": coarser, "output.weight": embedding})
    base = based(path)
    assert base.config["tie_word_embeddings"]
    assert base.parameters == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(
    ("said", "parameters"),
    [
        ({"type": "linear", "factor": 4.0}, {"rope_type": "linear", "factor": 4.0}),
        (
            {"type": "yarn", "factor": 4.0, "original_context_length": 128},
            {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
        ),
    ],
)
def test_a_scaled_rotation_is_computed(
    said: dict[str, Any], parameters: dict[str, Any], tmp_path: Path
) -> None:
    rope = {"rope_theta": 10000.0, **parameters}
    model = tiny_model("llama", rows=ROWS, rope_parameters=rope)
    fields = {f"llama.rope.scaling.{name}": value for name, value in said.items()}
    path = write_gguf(tmp_path / "model.gguf", model, fields=fields)
    assert same(path, model)
    assert not same(tiny_gguf(tmp_path / "plain.gguf", "llama"), model)


def llama3(theta: float = 500_000.0) -> PreTrainedModel:
    rope = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
        "rope_theta": theta,
    }
    return tiny_model("llama", rows=ROWS, rope_parameters=rope, max_position_embeddings=16384)


def slowing(model: PreTrainedModel) -> np.ndarray[Any, Any]:
    """By how much each frequency is slowed, as transformers computes it."""
    width, theta = 16, model.config.rope_parameters["rope_theta"]
    plain = 1 / theta ** (torch.arange(0, width, 2).float() / width)
    factors: np.ndarray[Any, Any] = (plain / model.model.rotary_emb.inv_freq).numpy()
    return factors


def test_llama_3s_rotation_is_told_by_its_factors(tmp_path: Path) -> None:
    model = llama3()
    path = tmp_path / "model.gguf"
    factors = slowing(model)
    assert len({*factors.round(3)}) > 2
    write_gguf(path, model, tensors={"rope_freqs.weight": factors})
    torch.testing.assert_close(logits(based(path).load_model()), logits(model))
    write_gguf(path, model, tensors={"rope_freqs.weight": np.linspace(1, 8, 8, dtype=np.float32)})
    with pytest.raises(BaseError, match="as Llama 3 does"):
        based(path)


def test_any_name_and_a_folder_with_one_file_will_do(tmp_path: Path) -> None:
    blob = tiny_gguf(tmp_path / "sha256-ab12")
    assert based(blob).id == str(blob)
    folder = tmp_path / "folder"
    folder.mkdir()
    path = tiny_gguf(folder / "a.gguf")
    assert based(folder).id == str(path)
    tiny_gguf(folder / "b.gguf")
    with pytest.raises(BaseError, match=r"holds 2 GGUF files: name one, a\.gguf"):
        based(folder)


def test_looking_at_a_file_needs_no_torch(tmp_path: Path) -> None:
    model = tiny_model("qwen2", rows=ROWS)
    embedding = model.get_input_embeddings().weight.detach().numpy()
    path = write_gguf(tmp_path / "x", model, tensors={"output.weight": embedding})
    script = (
        "import sys; from homespun_model.bases.base import load_base\n"
        f"base = load_base({str(path)!r}, fim_format={FAMILY.name!r})\n"
        "assert base.parameters and base.record\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )


def test_the_name_in_the_file_tells_the_family(tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path / "x", fields={"general.name": "Qwen2.5 Coder 0.5B Instruct"})
    base = load_base(str(path))
    assert base.format.name == FAMILY.name
    ids = base.prompts().build(Place("a.py", "python", "def area(", "\n"))
    assert base.fim.prefix in ids and base.fim.suffix in ids


def test_a_model_that_fills_nothing_in_is_refused(tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path / "x", fields={"general.basename": "smollm2"})
    with pytest.raises(BaseError, match="not trained to fill in the middle"):
        load_base(str(path))


def test_files_are_known_by_their_weights_whatever_name_they_say(tmp_path: Path) -> None:
    said = {"general.name": "Qwen2.5 Coder 0.5B", "general.organization": "Qwen"}
    one = based(tiny_gguf(tmp_path / "one", fields=said))
    other = based(tiny_gguf(tmp_path / "other", fields=said, seed=1))
    assert not one.record.is_same(other.record)


def test_two_precisions_with_a_name_beside_them_are_one_base(tmp_path: Path) -> None:
    finer, coarser = tmp_path / "finer", tmp_path / "coarser"
    for folder, blocks in ((finer, GGMLQuantizationType.F32), (coarser, GGMLQuantizationType.Q8_0)):
        folder.mkdir()
        tiny_gguf(folder / "model.gguf", blocks=blocks)
        (folder / "homespun_base.json").write_text(json.dumps({"name": "org/model"}))
    assert based(finer).weights_hash != based(coarser).weights_hash
    assert based(finer).record.is_same(based(coarser / "model.gguf").record)
    tiny_gguf(coarser / "another.gguf", seed=1)  # of which of the two is the name?
    assert not based(finer).record.is_same(based(coarser / "another.gguf").record)
    assert not based(finer).record.is_same(based(coarser / "model.gguf").record)


def test_a_file_and_a_folder_of_one_model_are_one_base(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer(FAMILY)
    model = tiny_model("qwen2", rows=ROWS + 5)
    folder, other = tmp_path / "folder", tmp_path / "other"
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    other.mkdir()
    filled = [f"[PAD{number}]" for number in range(ROWS, ROWS + 5)]
    fields = _filled_up(tokenizer, filled)
    write_gguf(other / "model.gguf", model, tokenizer=tokenizer, fields=fields)
    for place in (folder, other):
        (place / "homespun_base.json").write_text(json.dumps({"name": "org/model"}))
    assert based(folder).record.is_same(based(other).record)
    assert based(folder).parameters == based(other).parameters
    ours, theirs = based(other).tensors(torch.bfloat16), based(folder).tensors(torch.bfloat16)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def _filled_up(tokenizer: Tokenizer, more: list[str]) -> dict[str, Any]:
    said = tokenizer_fields(tokenizer)
    return {
        "tokenizer.ggml.tokens": said["tokenizer.ggml.tokens"] + more,
        "tokenizer.ggml.token_type": said["tokenizer.ggml.token_type"] + [5] * len(more),
    }


@torch.inference_mode()
def test_a_small_qwen3_in_a_file_is_run_lean(tmp_path: Path) -> None:
    base = based(tiny_gguf(tmp_path / "x", "qwen3"))
    engine = load_engine(base)
    assert isinstance(engine, DenseCpuEngine)
    ids = IDS[0].tolist()
    theirs = logits(base.load_model())[0]
    torch.testing.assert_close(engine.begin().run(ids, len(ids)), theirs, atol=1e-3, rtol=1e-3)


def test_adapters_are_trained_on_a_file_and_merged(tmp_path: Path) -> None:
    base = based(tiny_gguf(tmp_path / "x", blocks=GGMLQuantizationType.Q8_0))
    adapter = random_adapter(base, tmp_path / "adapter")
    truth = logits(merged_by_peft(base, adapter))[0, -1:]
    engine = load_engine(base, adapter)
    found = engine.begin().run(IDS[0].tolist(), 1)
    torch.testing.assert_close(found, truth, atol=1e-3, rtol=1e-3)


def test_a_file_can_be_trained_on(tmp_path: Path) -> None:
    base = based(tiny_gguf(tmp_path / "x", "llama"))
    config = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base.load_model(), config)
    model(input_ids=IDS, labels=IDS).loss.backward()
    learns = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert learns and all("lora_" in name for name in learns)
