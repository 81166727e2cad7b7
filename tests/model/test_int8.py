"""In 8 bits the forward pass says nearly the same, alone, together, and with adapters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from dense_models import SHAPES, dense_base
from homespun_model.bases import memory
from homespun_model.bases.base import Base
from homespun_model.engines import int8_products
from homespun_model.engines.dense_arithmetic import Rotated
from homespun_model.engines.dense_cpu import DenseCpuEngine
from homespun_model.engines.dense_layers import Parts, layer_of, layer_weights, parts_of
from homespun_model.engines.dense_loading import read_dense
from homespun_model.engines.dense_products import product
from homespun_model.engines.dense_shape import EMBEDDING, HEAD, NORM
from homespun_model.engines.int8_products import has_int8_products, int8_product, int8_rows
from homespun_model.engines.loading import load_engine
from homespun_model.engines.packed_weights import pack, packed_parts
from homespun_model.engines.rotation import Mixing, Rotation
from homespun_model.engines.transformers_engine import TransformersEngine
from random_adapters import merged_by_peft, random_adapter
from torch import Tensor

ROWS = torch.randint(400, (3, 50), generator=torch.Generator().manual_seed(0))

needs_products = pytest.mark.skipif(
    not has_int8_products(), reason="no products in 8 bits on this processor"
)


def exact(base: Base) -> DenseCpuEngine:
    found = read_dense(base, torch.float32)
    assert found is not None
    return DenseCpuEngine(found[0], parts_of(*found))


def in_8_bits(base: Base) -> DenseCpuEngine:
    found = read_dense(base, torch.float32)
    assert found is not None
    return DenseCpuEngine(found[0], packed_parts(found[0], pack(*found)))


def rotated(base: Base) -> DenseCpuEngine:
    """As in 8 bits, but that nothing is rounded."""
    found = read_dense(base, torch.float32)
    assert found is not None
    shape, weights = found
    how, layers = Rotated(shape), []
    for number in range(shape.layers):
        own = layer_weights(weights, number, shape, how)
        layers.append(layer_of(own.norms, {n: product(*each) for n, each in own.products.items()}))
    embedding, norm = how.added(weights[EMBEDDING].t()).t(), weights[NORM]
    head = product(how.folded(weights[EMBEDDING if shape.tied else HEAD], norm))
    return DenseCpuEngine(shape, Parts(how, lambda ids: embedding[ids], layers, norm, head, 0))


def off(found: Tensor, truth: Tensor) -> float:
    """How large the errors are beside what is said, both as root mean squares."""
    deviations = truth - truth.mean(-1, keepdim=True)
    return float((found - truth).norm() / deviations.norm())


@pytest.mark.parametrize("width", [1, 7, 48, 64, 896])
def test_a_rotation_is_orthogonal_and_leaves_nothing_large(width: int) -> None:
    whole = Rotation(width)(torch.eye(width))
    torch.testing.assert_close(whole @ whole.t(), torch.eye(width))
    assert float(whole.abs().max()) < 1.01 * (2 / width) ** 0.5
    mixing, x = Mixing(width), torch.randn(2, 3, width)
    torch.testing.assert_close(mixing(mixing(x)), x)


@needs_products
@pytest.mark.parametrize("rows", [1, 2, 7, 40])
def test_a_product_is_off_by_little_whatever_the_rows_are_like(rows: int) -> None:
    weight, bias = torch.randn(48, 64), torch.randn(48)
    x = torch.randn(rows, 64) * 10.0 ** torch.arange(rows).remainder(9).sub(4).unsqueeze(1)
    found, truth = int8_product(int8_rows(weight), bias)(x), x @ weight.t() + bias
    assert ((found - truth).norm(dim=1) / truth.norm(dim=1)).max() < 0.03
    nothing = int8_product(int8_rows(torch.zeros(3, 64)), None)
    assert torch.equal(nothing(torch.zeros(rows, 64)), torch.zeros(rows, 3))


@needs_products
def test_a_row_says_the_same_alone_and_among_others() -> None:
    product, x = (
        int8_product(int8_rows(torch.randn(300, 128)), torch.randn(300)),
        torch.randn(9, 128),
    )
    together = product(x * torch.arange(1, 10).unsqueeze(1))
    for number in range(9):
        assert torch.equal(product((number + 1) * x[number : number + 1])[0], together[number])


def test_rows_are_held_to_half_a_step() -> None:
    rows = torch.randn(5, 300) * torch.tensor([[1e-6], [1.0], [1e6], [0.0], [3.0]])
    held = int8_rows(rows)
    step = rows.abs().amax(1, keepdim=True) / 127
    assert ((held.rows(torch.arange(5)) - rows).abs() <= 0.501 * step).all()


@pytest.mark.parametrize("name", SHAPES)
@torch.inference_mode()
def test_rotated_it_says_the_same_with_an_adapter_too(name: str, tmp_path: Path) -> None:
    base = dense_base(tmp_path / "base", name)
    adapter = random_adapter(base, tmp_path / "adapter")
    found, engine = exact(base), rotated(base)
    assert off(engine.batch(ROWS, 20), found.batch(ROWS, 20)) < 1e-5
    adapted = engine.beside(adapter).batch(ROWS, 20)
    assert off(adapted, found.beside(adapter).batch(ROWS, 20)) < 1e-4


@needs_products
@pytest.mark.parametrize("name", SHAPES)
@torch.inference_mode()
def test_logits_are_near_those_in_float32(name: str, tmp_path: Path) -> None:
    base = dense_base(tmp_path, name)
    found, truth = in_8_bits(base).batch(ROWS, 20), exact(base).batch(ROWS, 20)
    assert 0 < off(found, truth) < 0.15  # so sharp is no trained model


@needs_products
@pytest.mark.parametrize("name", SHAPES)
@torch.inference_mode()
def test_what_was_cut_and_read_again_is_as_if_read_afresh(name: str, tmp_path: Path) -> None:
    engine = in_8_bits(dense_base(tmp_path, name))
    together, row = engine.batch(ROWS, 30), ROWS[1].tolist()
    for number, one in enumerate(ROWS.tolist()):
        assert off(engine.begin().run(one, 30), together[number]) < 0.02
    sequence = engine.begin()
    sequence.run([*row[:20], *ROWS[0].tolist()], 1)
    sequence.cut(20)
    assert off(sequence.run(row[20:], 30), together[1]) < 0.02
    sequence.cut(20)
    single = torch.cat([sequence.run([token], 1) for token in row[20:]])
    assert off(single, together[1]) < 0.02


@needs_products
@pytest.mark.parametrize("name", SHAPES)
@torch.inference_mode()
def test_an_adapter_beside_it_says_nearly_what_peft_merges(name: str, tmp_path: Path) -> None:
    base = dense_base(tmp_path / "base", name)
    adapter = random_adapter(base, tmp_path / "adapter")
    plain = in_8_bits(base)
    untouched, found = plain.batch(ROWS, 20), plain.beside(adapter).batch(ROWS, 20)
    truth = TransformersEngine(merged_by_peft(base, adapter)).batch(ROWS, 20)
    assert off(found, truth) < 0.2
    assert off(untouched, truth) > 0.8
    assert torch.equal(plain.batch(ROWS, 20), untouched)


def test_products_that_are_missing_or_overflow_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has = has_int8_products.__wrapped__
    with monkeypatch.context() as patch:
        patch.setattr(torch.ops, "quantized", None)
        assert not has()

    overflown = torch.tensor(128.0 * 127)
    monkeypatch.setattr(int8_products, "int8_product", lambda *_: lambda _: overflown)
    assert not has()


@needs_products
@torch.inference_mode()
def test_a_large_base_is_served_in_8_bits_and_shares_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = dense_base(tmp_path / "base", "qwen2", torch.bfloat16)
    adapter = random_adapter(base, tmp_path / "adapter")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(memory, "SMALL", 0)
    plain, adapted = load_engine(base), load_engine(base, adapter)
    assert torch.equal(plain.batch(ROWS, 20), in_8_bits(base).batch(ROWS, 20))
    assert off(plain.batch(ROWS, 20), adapted.batch(ROWS, 20)) > 0.8
    assert plain.size < 1.3 * (base.parameters + 420 * 64) > adapted.size


@needs_products
def test_on_a_processor_without_wide_registers_it_says_the_same(tmp_path: Path) -> None:
    base = dense_base(tmp_path, "qwen2")
    program = (
        "import sys, torch\n"
        "from test_int8 import ROWS, in_8_bits\n"
        "from homespun_model.bases.base import load_base\n"
        "torch.save(in_8_bits(load_base(sys.argv[1])).batch(ROWS, 20), sys.argv[2])\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "said.pt")],
        env=os.environ
        | {"ATEN_CPU_CAPABILITY": "default", "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=Path(__file__).parent,
        check=True,
    )
    assert off(torch.load(tmp_path / "said.pt"), in_8_bits(base).batch(ROWS, 20)) < 0.05
