"""The layers of a dense decoder as a forward pass wants them: products of the same input are one.

Made from weights by transformers' names; what an adapter adds is placed beside them. Knows no
sequences and no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from homespun_model.engines.dense_arithmetic import Arithmetic
from homespun_model.engines.dense_products import Addition, Product, product, with_additions
from homespun_model.engines.dense_shape import HEAD, Shape
from homespun_model.engines.lora import Lora

HEAD_MODULE = HEAD.removesuffix(".weight")
_QK = ("self_attn.q_proj", "self_attn.k_proj")
# The products of a layer, each by the modules that are fused in it, and the norm before it.
_FUSED = {
    "qkv": ((*_QK, "self_attn.v_proj"), "input_layernorm"),
    "out": (("self_attn.o_proj",), None),
    "gate_up": (("mlp.gate_proj", "mlp.up_proj"), "post_attention_layernorm"),
    "down": (("mlp.down_proj",), None),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: norms (hidden,) and products."""

    norm: Tensor
    qkv: Product
    """hidden → queries, keys and values, head by head."""
    qk_norm: Tensor | None
    """(query and key heads, width)"""
    out: Product
    inner_norm: Tensor
    gate_up: Product
    down: Product


def layer_of(weights: dict[str, Tensor], number: int, shape: Shape, how: Arithmetic) -> Layer:
    """The layer of this number, whose weights are taken out of ``weights``.

    So no more than one layer is in memory a second time.
    """
    stem = f"model.layers.{number}."
    own = {
        name.removeprefix(stem): weights.pop(name)
        for name in list(weights)
        if name.startswith(stem)
    }
    products = {
        name: product(*_fused(own, modules, norm, how), twice=shape.is_small())
        for name, (modules, norm) in _FUSED.items()
    }
    return Layer(
        norm=own["input_layernorm.weight"].clone(),
        qk_norm=_qk_norm(own, shape, how) if shape.qk_norm else None,
        inner_norm=own["post_attention_layernorm.weight"].clone(),
        **products,
    )


def adapted(layer: Layer, number: int, shape: Shape, how: Arithmetic, lora: Lora) -> Layer:
    """The layer with what an adapter adds."""
    norms = {"input_layernorm": layer.norm, "post_attention_layernorm": layer.inner_norm}
    stem, sizes = f"model.layers.{number}.", shape.weights()
    products: dict[str, Any] = {}
    for field, (modules, norm) in _FUSED.items():
        additions, begin = [], 0
        for name in modules:
            outputs = slice(begin, begin := begin + sizes[f"{stem}{name}.weight"][0])
            if (factors := lora.get(stem + name)) is not None:
                up = how.ordered(factors.up) if name in _QK else factors.up
                down = how.folded(factors.down, norms[norm]) if norm else factors.down
                additions.append(addition(outputs, down, up, how.dtype))
        products[field] = with_additions(getattr(layer, field), additions)
    return replace(layer, **products)


def addition(outputs: slice, down: Tensor, up: Tensor, dtype: torch.dtype) -> Addition:
    """Factors (rank, inputs) and (outputs, rank) as a product adds them: turned, which takes a row
    a quarter of the time."""
    return Addition(outputs, *(part.t().to(dtype).contiguous() for part in (down, up)))


def products_of(shape: Shape) -> set[str]:
    """The names of all modules that are products."""
    names = [name for modules, _ in _FUSED.values() for name in modules]
    found = {f"model.layers.{n}.{name}" for n in range(shape.layers) for name in names}
    return found if shape.tied else found | {HEAD_MODULE}


def _fused(
    own: dict[str, Tensor], modules: Sequence[str], norm: str | None, how: Arithmetic
) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of several modules as one product."""
    rows = torch.cat([_rows(own, name, "weight", how) for name in modules])
    biased = f"{modules[0]}.bias" in own
    bias = torch.cat([_rows(own, name, "bias", how) for name in modules]) if biased else None
    return how.folded(rows, own[f"{norm}.weight"]) if norm else rows, bias


def _rows(own: dict[str, Tensor], name: str, kind: str, how: Arithmetic) -> Tensor:
    rows = own.pop(f"{name}.{kind}")
    return how.ordered(rows) if name in _QK else rows


def _qk_norm(own: dict[str, Tensor], shape: Shape, how: Arithmetic) -> Tensor:
    heads = {"q": shape.heads, "k": shape.key_heads}
    norms = [
        how.norm(own[f"self_attn.{name}_norm.weight"]).repeat(count)
        for name, count in heads.items()
    ]
    return how.ordered(torch.cat(norms)).view(-1, shape.width)
