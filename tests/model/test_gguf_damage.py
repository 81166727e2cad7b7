"""GGUF files that are cut off, lie or hold something else: one line, soon, and little memory."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from homespun_model.bases.base import load_base
from homespun_model.errors import BaseError
from homespun_model.gguf.header import read_header
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ggufs import FAMILY, tiny_gguf

U32, TEXT, ARRAY = 4, 8, 9
MIB = 1 << 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tiny_gguf(tmp_path_factory.mktemp("whole") / "model.gguf").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "model.gguf"


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * MIB


def refusal(path: Path) -> str:
    with pytest.raises(BaseError) as error:
        load_base(str(path), fim_format=FAMILY.name)
    assert "\n" not in str(error.value) and len(str(error.value)) < 700
    return str(error.value)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def tensor(name: str = "a", shape: tuple[int, ...] = (4,), kind: int = 0, offset: int = 0) -> bytes:
    sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + sizes + struct.pack("<IQ", kind, offset)


def file(
    path: Path,
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    fields: tuple[bytes, ...] = (),
    tensors: tuple[bytes, ...] = (),
    counts: tuple[int, int] | None = None,
    data: bytes = bytes(256),
) -> Path:
    """Written by hand: the counts of tensors and fields may lie."""
    number = struct.pack("<QQ", *(counts or (len(tensors), len(fields))))
    header = magic + struct.pack("<I", version) + number + b"".join((*fields, *tensors))
    path.write_bytes(header + bytes(-len(header) % 32) + data)
    return path


def field(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def array(kind: int, count: int, items: bytes = b"") -> bytes:
    return field("x", ARRAY, struct.pack("<IQ", kind, count) + items)


def number(name: str, value: int) -> bytes:
    return field(name, U32, struct.pack("<I", value))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_file_that_is_cut_off_anywhere_is_refused(
    whole: bytes, scratch: Path, data: st.DataObject
) -> None:
    scratch.write_bytes(whole)
    tensors = read_header(scratch).tensors.values()
    end = max(tensor.begin + tensor.bytes for tensor in tensors)
    begin = min(tensor.begin for tensor in tensors)
    scratch.write_bytes(whole[: data.draw(st.integers(0, begin) | st.integers(0, end - 1))])
    refusal(scratch)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_written_over_a_header_is_one_line_or_a_base(
    whole: bytes, scratch: Path, data: st.DataObject
) -> None:
    odd = [0, 1, 2, 255, 2**16, 2**31, 2**32 - 1, 2**60, 2**63, 2**64 - 1]
    numbers = st.sampled_from(odd) | st.integers(0, 2**64 - 1)
    damaged = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, 40_000), min_size=1, max_size=3)):
        with_what = struct.pack("<Q", data.draw(numbers))
        damaged[at : at + 8] = with_what[: data.draw(st.integers(1, 8))]
    scratch.write_bytes(damaged)
    try:
        base = load_base(str(scratch), fim_format=FAMILY.name)
        base.tensors(torch.float32)
    except BaseError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"magic": b"GGML"}, "does not begin as one"),
        ({"version": 1}, "its version is 1"),
        ({"version": 9}, "its version is 9"),
        ({"version": 3 << 24}, "big-endian"),
        ({"counts": (2**60, 0)}, "cut off"),
        ({"counts": (0, 2**60)}, "cut off"),
        ({"fields": (struct.pack("<Q", 2**62),)}, "cut off"),
        ({"fields": (field("x", TEXT, struct.pack("<Q", 2**62)),)}, "cut off"),
        ({"fields": (field("x", TEXT, struct.pack("<Q", 3) + b"\xff\xfe\xfd"),)}, "UTF-8"),
        ({"fields": (array(TEXT, 2**60),)}, "cut off"),
        ({"fields": (array(U32, 2**62),)}, "cut off"),
        ({"fields": (array(ARRAY, 1),)}, "type 9"),
        ({"fields": (field("x", 77, b""),)}, "type 77"),
        ({"fields": (number("x", 1), number("x", 1))}, "'x' twice"),
        ({"fields": (number("split.count", 3),)}, "one of 3 parts"),
        ({"fields": (number("general.alignment", 0),)}, "power of two"),
        ({"fields": (number("general.alignment", 48),)}, "power of two"),
        ({"tensors": (tensor(), tensor())}, "'a' twice"),
        ({"tensors": (tensor(kind=99),)}, "type 99"),
        ({"tensors": (tensor(kind=4),)}, "type 4"),
        ({"tensors": (tensor(shape=()),)}, "0 dimensions"),
        ({"tensors": (tensor(shape=(1,) * 9),)}, "9 dimensions"),
        ({"tensors": (tensor(shape=(0, 4)),)}, "[4, 0]"),
        ({"tensors": (tensor(shape=(33,), kind=8),)}, "cannot be [33] numbers in Q8_0"),
        ({"tensors": (tensor(shape=(2**62, 2**62)),)}, "cut off"),
        ({"tensors": (tensor(offset=256),)}, "cut off"),
        ({"tensors": (tensor(offset=2**63),)}, "cut off"),
        ({"tensors": (tensor(offset=8),)}, "where a tensor may"),
        ({"tensors": (tensor(shape=(16,)), tensor("b", offset=32))}, "overlap"),
        ({}, "of the kind ''"),
        ({"fields": (field("general.architecture", TEXT, text("mamba")),)}, "of the kind 'mamba'"),
    ],
)
def test_what_a_file_says_wrong_is_named(written: dict[str, Any], why: str, tmp_path: Path) -> None:
    assert why in refusal(file(tmp_path / "model.gguf", **written))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"qwen2.block_count": None}, "block_count is missing"),
        ({"qwen2.block_count": 3}, "lacks blk.2.attn_norm.weight"),
        ({"qwen2.block_count": 2**31 - 1}, "cannot have 2147483647 layers"),
        ({"qwen2.block_count": 1}, "'blk.1.attn_k.bias' is no part"),
        ({"qwen2.embedding_length": "wide"}, "embedding_length is wide"),
        ({"qwen2.embedding_length": 128}, "the shape of token_embd.weight is [408, 64]"),
        ({"qwen2.attention.head_count": 0}, "attention.head_count is 0"),
        ({"qwen2.attention.head_count": 3}, "attention.key_length is missing"),
        ({"qwen2.attention.value_length": 8}, "value_length is not the width of its heads, 16"),
        ({"qwen2.attention.layer_norm_rms_epsilon": float("nan")}, "epsilon is nan"),
        ({"qwen2.rope.freq_base": float("inf")}, "freq_base is"),
        ({"qwen2.rope.scaling.type": "longrope"}, "not known (longrope)"),
        ({"qwen2.expert_count": 8}, "has a field expert_count"),
        ({"tokenizer.ggml.model": "llama"}, "of the kind 'llama'"),
        ({"tokenizer.ggml.pre": None}, "does not say how text is cut"),
        ({"tokenizer.ggml.pre": "tekken"}, "it cuts text as 'tekken'"),
        ({"tokenizer.ggml.tokens": ["a", "b"]}, "it has 2 tokens"),
        ({"tokenizer.ggml.tokens": ["a"] * 408}, "spelled alike"),
        ({"tokenizer.ggml.tokens": 7}, "it has no tokens"),
        ({"tokenizer.ggml.token_type": None}, "of which types"),
        ({"tokenizer.ggml.merges": ["ab"]}, "no pair of tokens"),
        ({"tokenizer.ggml.merges": ["neither nor"]}, "tokenizer in"),
    ],
)
def test_fields_that_make_no_model_are_named(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    assert why in refusal(tiny_gguf(tmp_path / "model.gguf", fields=changes))


@pytest.mark.parametrize(
    ("name", "replaced", "why"),
    [
        ("blk.1.ffn_down.weight", None, "lacks blk.1.ffn_down.weight"),
        ("output_norm.weight", np.ones(32, np.float32), "the shape of output_norm.weight is [32]"),
        ("token_embd.weight", None, "no matrix token_embd.weight"),
        ("blk.0.ffn_gate_exps.weight", np.ones((2, 2), np.float32), "no part of one"),
    ],
)
def test_tensors_that_make_no_model_are_named(
    name: str, replaced: Any, why: str, tmp_path: Path
) -> None:
    assert why in refusal(tiny_gguf(tmp_path / "model.gguf", tensors={name: replaced}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("blocks", [GGMLQuantizationType.F32, GGMLQuantizationType.F16])
def test_values_that_are_no_numbers_are_named(
    value: float, blocks: GGMLQuantizationType, tmp_path: Path
) -> None:
    down = np.zeros((64, 96), np.float32)
    down[3, 5] = value
    changed = {"blk.0.ffn_down.weight": down}
    base = load_base(
        str(tiny_gguf(tmp_path / "x", blocks=blocks, tensors=changed)), fim_format=FAMILY.name
    )
    for load in (lambda: base.tensors(torch.bfloat16), base.load_model):
        with pytest.raises(BaseError, match=r"blk\.0\.ffn_down\.weight holds values"):
            load()


def test_a_file_that_is_cut_off_after_it_was_looked_at_is_one_line(tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path / "x")
    base = load_base(str(path), fim_format=FAMILY.name)
    path.write_bytes(path.read_bytes()[:-10_000])
    with pytest.raises(BaseError, match="grown shorter"):
        base.load_model()
    path.unlink()
    with pytest.raises(BaseError, match="cannot be read"):
        base.load_model()


def test_half_a_file_of_another_kind_is_none(tmp_path: Path) -> None:
    for content in (b"", b"GG", b"GGUF", b"PK\x03\x04 and so on"):
        (tmp_path / "model.gguf").write_bytes(content)
        refusal(tmp_path / "model.gguf")
