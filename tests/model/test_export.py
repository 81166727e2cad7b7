"""A revision in other programs' forms, each loaded by the program itself."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
import torch
from homespun_model.bases.base import Base, load_base
from homespun_model.errors import BaseError, StoreError, StoreInputError
from homespun_model.gguf.architectures import ARCHITECTURES
from homespun_model.sharing.export import Form, export
from homespun_model.store.store import AdapterStore, Revision
from llama_servers import LlamaServer, llama_cpp
from random_adapters import merged_by_peft, random_adapter
from tiny_ggufs import tiny_gguf
from tiny_models import tiny_base
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

REPOSITORY = "example.org/team/app"
PROMPT = list(range(20, 36))


def published(base: Base, root: Path) -> Revision:
    store = AdapterStore(root / "store")
    staged = store.stage(REPOSITORY)
    random_adapter(base, root / "adapter")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (root / "adapter" / name).rename(staged / name)
    about = {"base": base.record.to_json(), "prompt_version": base.prompt_versions[-1]}
    return store.publish(REPOSITORY, staged, about)


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        return torch.Tensor(model(torch.tensor([PROMPT])).logits[0].float())


PROMPTS = [[(7 * first + 3 * n) % 200 + 20 for n in range(16)] for first in range(12)]


def next_tokens(model: PreTrainedModel) -> list[int]:
    """The likeliest behind each prompt."""
    with torch.no_grad():
        return [int(each.argmax()) for each in model(torch.tensor(PROMPTS)).logits[:, -1]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tiny_base(tmp_path_factory.mktemp("base"))
    note = {"name": "org/Tiny-Coder", "revision": None}
    (folder / "homespun_base.json").write_text(json.dumps(note))
    return load_base(str(folder))


def test_peft_and_what_vllm_compares_take_it(base: Base, tmp_path: Path) -> None:
    revision = published(base, tmp_path)
    folder = export(revision, base, tmp_path / "out", "peft")
    expected = logits(merged_by_peft(base, revision.path))
    torch.testing.assert_close(logits(merged_by_peft(base, folder)), expected)
    config = json.loads((folder / "adapter_config.json").read_text())
    # What vllm/plugins/lora_resolvers asks of a folder.
    assert config["peft_type"] == "LORA"
    assert config["base_model_name_or_path"] == "org/Tiny-Coder"
    assert {file.name for file in folder.iterdir()} == {
        *("adapter_config.json", "adapter_model.safetensors")
    }


def test_transformers_takes_the_merged_model_and_its_tokenizer(base: Base, tmp_path: Path) -> None:
    revision = published(base, tmp_path)
    folder = export(revision, base, tmp_path / "out", "merged")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    expected = logits(merged_by_peft(base, revision.path))
    torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "def area(width, height):\n    return width * é"
    assert tokenizer.encode(text, add_special_tokens=False) == base.files.tokenizer.encode(text).ids
    again = load_base(str(folder), fim_format=base.format.name)
    assert again.fim == base.fim


def said(address: str, prompt: Sequence[int]) -> int:
    asked = {"prompt": list(prompt), "n_predict": 1, "temperature": 0.0, "ignore_eos": True}
    body = json.dumps(asked | {"return_tokens": True}).encode()
    request = urllib.request.Request(f"{address}/completion", body)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        [token] = json.load(answer)["tokens"]
    return int(token)


@llama_cpp
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "llama"])
def test_llama_cpp_says_the_same_with_it(kind: str, tmp_path: Path) -> None:
    base = load_base(str(tiny_gguf(tmp_path / "tiny.gguf", kind)))
    revision = published(base, tmp_path)
    file = export(revision, base, tmp_path / "out", "gguf")
    assert file.name == "adapter.gguf"
    expected = next_tokens(merged_by_peft(base, revision.path))
    without = next_tokens(base.load_model())
    assert sum(one != two for one, two in zip(expected, without, strict=True)) > 6
    with LlamaServer(tmp_path / "tiny.gguf", [file]) as server:
        assert [said(server.url, prompt) for prompt in PROMPTS] == expected


def test_a_base_that_llama_cpp_has_not_is_said(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {name: kind for name, kind in ARCHITECTURES.items() if name == "granite"}
    monkeypatch.setattr("homespun_model.sharing.export.ARCHITECTURES", kinds)
    with pytest.raises(BaseError, match="none of the models that go into GGUF here: granite"):
        export(published(base, tmp_path), base, tmp_path / "out", "gguf")


@pytest.mark.parametrize("form", get_args(Form))
def test_what_cannot_be_written_leaves_nothing(base: Base, tmp_path: Path, form: Form) -> None:
    revision = published(base, tmp_path)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").write_text("")
    with pytest.raises(StoreInputError, match="holds something"):
        export(revision, base, full, form)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        export(revision, base, tmp_path / "file" / "out", form)
    (revision.path / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(StoreError, match="is refused"):
        export(revision, base, tmp_path / "out", form)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".coming-*"))
