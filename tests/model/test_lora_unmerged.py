"""Adapters beside one base say what merged ones say, and share its weights: in either engine."""

from __future__ import annotations

import gc
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from homespun_model.bases import memory
from homespun_model.bases.base import Base, load_base
from homespun_model.decoding.decode import Decoder
from homespun_model.engines import loading
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.engine import Engine
from homespun_model.engines.loading import load_engine
from homespun_model.engines.lora_unmerged import UnmergedLoraEngine
from homespun_model.engines.transformers_engine import TransformersEngine
from homespun_model.errors import StoreError
from random_adapters import merged_by_peft, random_adapter
from safetensors.torch import load_file, save_file
from tiny_models import CONFIGS, tiny_base


@pytest.fixture(scope="module", params=list(CONFIGS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"), request.param)))


@pytest.fixture
def one(base: Base, tmp_path: Path) -> Path:
    return random_adapter(base, tmp_path / "one")


@pytest.fixture
def other(base: Base, tmp_path: Path) -> Path:
    return random_adapter(base, tmp_path / "other", torch.bfloat16, seed=1)


@pytest.fixture(autouse=True)
def every_base_is_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(memory, "has_bf16", lambda: False)  # parity is of the arithmetic
    monkeypatch.setattr(loading, "has_int8_products", lambda: False)
    yield
    gc.collect()


def is_dense(base: Base) -> bool:
    return base.format.name in ("starter", "qwen2.5-coder")


def prompts(count: int) -> list[list[int]]:
    return [random.Random(seed).choices(range(300), k=40) for seed in range(count)]


def said(engine: Engine) -> list[list[int]]:
    decoder = Decoder(engine)
    return [
        decoder.generate(ids, max_new_tokens=16, stop_ids=frozenset()).ids for ids in prompts(4)
    ]


@torch.inference_mode()
def test_the_tokens_are_those_of_the_merged_ones(base: Base, one: Path, other: Path) -> None:
    plain, rows = load_engine(base), torch.randint(300, (3, 50))
    untouched = plain.batch(rows, 20)
    for adapter in (one, other):
        ours, theirs = load_engine(base, adapter), TransformersEngine(merged_by_peft(base, adapter))
        assert isinstance(ours, DenseCpuEngine if is_dense(base) else UnmergedLoraEngine)
        torch.testing.assert_close(
            ours.batch(rows, 20), theirs.batch(rows, 20), atol=5e-3, rtol=1e-3
        )
        assert said(ours) == said(theirs) != said(plain)
    assert torch.equal(plain.batch(rows, 20), untouched)
    assert said(plain) == said(TransformersEngine(base.load_model()))


def test_readings_of_several_adapters_go_on_apart(base: Base, one: Path, other: Path) -> None:
    forwards = [load_engine(base), load_engine(base, one), load_engine(base, other)]
    truth = [said(engine) for engine in forwards]
    decoders = [Decoder(engine) for engine in forwards]
    for number, ids in enumerate(prompts(4)):
        for length in range(1, 17, 5):  # of each a little, by turns, on from what is remembered
            for decoder, wanted in zip(decoders, truth, strict=True):
                found = decoder.generate(
                    ids, max_new_tokens=length, stop_ids=frozenset(), session="document"
                )
                assert found.ids == wanted[number][:length]


def test_two_threads_at_once_keep_to_their_own(base: Base, one: Path, other: Path) -> None:
    forwards = [load_engine(base), load_engine(base, one), load_engine(base, other)]
    truth = [said(engine) for engine in forwards]
    found: dict[int, list[list[int]]] = {}

    def ask(number: int) -> None:
        found[number] = said(forwards[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(3)] == truth


def test_the_base_is_in_memory_once_and_no_longer_than_it_is_used(
    base: Base, one: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = loading._to_share
    monkeypatch.setattr(loading, "_to_share", lambda *a: loads.append(1) or load(*a))
    plain, first, second = load_engine(base), load_engine(base, one), load_engine(base, other)
    assert len(loads) == 1
    numbers = sum(
        tensor.numel() for tensor in load_file(one / "adapter_model.safetensors").values()
    )
    assert first.size == second.size == numbers * memory.FLOAT
    embedding = base.load_model().get_input_embeddings().weight.numel() if is_dense(base) else 0
    assert plain.size == (base.parameters + embedding) * memory.FLOAT
    del plain, first, second
    gc.collect()
    assert not loading._shared
    load_engine(base, one)
    assert len(loads) == 2


def test_a_pass_that_fails_leaves_the_base_as_it_was(base: Base, one: Path) -> None:
    plain, adapted = load_engine(base), load_engine(base, one)
    before = said(plain)
    with pytest.raises((IndexError, RuntimeError)):
        adapted.batch(torch.tensor([[10**6]]), 1)
    assert said(plain) == before


def test_what_is_no_product_is_refused(base: Base, one: Path) -> None:
    file = one / "adapter_model.safetensors"
    rows, width = base.load_model().get_input_embeddings().weight.shape
    stem, rank = (
        "base_model.model.model.embed_tokens",
        json.loads((one / "adapter_config.json").read_text())["r"],
    )
    odd = {
        f"{stem}.lora_A.weight": torch.ones(rank, width),
        f"{stem}.lora_B.weight": torch.ones(rows, rank),
    }
    save_file(load_file(file) | odd, file)
    with pytest.raises(StoreError, match="embed_tokens is no product in the base"):
        load_engine(base, one)


@torch.inference_mode()
def test_a_large_base_is_held_in_bf16_where_the_processor_is_made_for_it(
    base: Base, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = torch.randint(300, (3, 50))
    exact, adapted = load_engine(base), load_engine(base, one)
    expected = [engine.batch(rows, 20).log_softmax(-1) for engine in (exact, adapted)]
    size = adapted.size
    del exact, adapted
    gc.collect()
    monkeypatch.setattr(memory, "has_bf16", lambda: True)
    engines = [load_engine(base), load_engine(base, one)]
    assert engines[1].size == size // 2
    for engine, wanted in zip(engines, expected, strict=True):
        found = engine.batch(rows, 20)
        assert found.dtype == torch.float32
        assert (found.log_softmax(-1) - wanted).abs().mean() < 0.1
