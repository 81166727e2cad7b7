"""Blocks of quantized numbers: piece by piece the same as ggml's own package makes of the whole."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from homespun_model.gguf import dequantize
from homespun_model.gguf.dequantize import dequantized, is_readable
from homespun_model.gguf.header import StoredTensor

ROWS, WIDTH, BEFORE = 6, 1024, 96


def stored(path: Path, kind: GGMLQuantizationType) -> StoredTensor:
    """A tensor of bytes that are no scale too large for a number, in the middle of a file."""
    block, size = GGML_QUANT_SIZES[kind]
    count = ROWS * WIDTH // block * size
    data = np.random.default_rng(0).integers(0, 60, count, np.uint8)
    path.write_bytes(bytes(BEFORE) + data.tobytes() + bytes(50))
    return StoredTensor("x", (ROWS, WIDTH), kind, BEFORE, count)


@pytest.mark.parametrize("kind", [kind for kind in GGMLQuantizationType if is_readable(kind)])
def test_every_type_is_what_ggmls_package_makes_of_it(
    kind: GGMLQuantizationType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dequantize, "PIECE", 2560)
    path = tmp_path / "x"
    tensor = stored(path, kind)
    data = np.frombuffer(path.read_bytes()[BEFORE : BEFORE + tensor.bytes], np.uint8)
    whole = gguf.quants.dequantize(data.reshape(ROWS, -1), kind)
    ours = dequantized(path, tensor, torch.float32)
    assert ours.shape == (ROWS, WIDTH)
    assert np.array_equal(ours.numpy(), whole)
    assert torch.equal(dequantized(path, tensor, torch.bfloat16), ours.bfloat16())


def test_the_types_that_files_hold_are_read() -> None:
    names = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K")
    more = ("Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ2_XS", "IQ3_S")
    assert all(is_readable(GGMLQuantizationType[name]) for name in (*names, *more))
    assert not any(is_readable(GGMLQuantizationType[name]) for name in ("Q8_K", "I32", "F64"))


def test_bits_count_what_a_block_shares() -> None:
    q5 = StoredTensor("x", (2, 64), GGMLQuantizationType.Q5_0, 0, 4 * 22)
    assert (q5.numbers, q5.bits) == (128, 5.5)
