"""The layers of a dense decoder as a forward pass wants them: products of the same input are one.

Made from weights by transformers' names; what an adapter adds is placed beside them. Knows no
sequences and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from homespun_model.engines.dense_arithmetic import Arithmetic, arithmetic
from homespun_model.engines.dense_products import Addition, Product, product, with_additions
from homespun_model.engines.dense_shape import EMBEDDING, HEAD, NORM, Shape
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
PRODUCTS = tuple(_FUSED)


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


@dataclass(frozen=True, slots=True)
class Parts:
    """All of a decoder, however its weights are held."""

    how: Arithmetic
    embedding: Callable[[Tensor], Tensor]
    """Of ids (tokens,), rows (tokens, hidden)."""
    layers: Sequence[Layer]
    norm: Tensor
    head: Product
    size: int
    """Bytes of weights."""


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """What a layer is made of."""

    norms: Mapping[str, Tensor]
    """As ``Layer`` calls them; nothing where it has none."""
    products: Mapping[str, tuple[Tensor, Tensor | None]]
    """Rows (outputs, inputs) and bias of each."""


def parts_of(shape: Shape, weights: dict[str, Tensor]) -> Parts:
    """In the precision of ``weights``, float32 or bf16, which are copied, and taken out of their
    mapping one by one."""
    how, size = arithmetic(shape, weights[EMBEDDING].dtype), _size(shape, weights)
    layers = [_layer(weights, number, shape, how) for number in range(shape.layers)]
    norm, embedding = weights.pop(NORM).clone(), weights.pop(EMBEDDING).clone()
    head = how.folded(embedding if shape.tied else weights.pop(HEAD), norm)
    return Parts(
        how=how,
        embedding=lambda ids: F.embedding(ids, embedding),
        layers=layers,
        norm=norm,
        head=product(head, twice=shape.is_small()),
        size=size,
    )


def layer_weights(
    weights: dict[str, Tensor], number: int, shape: Shape, how: Arithmetic
) -> LayerWeights:
    """Those of the layer of this number, taken out of ``weights``.

    So no more than one layer is in memory a second time.
    """
    stem = f"model.layers.{number}."
    own = {
        name.removeprefix(stem): weights.pop(name)
        for name in list(weights)
        if name.startswith(stem)
    }
    norms = {
        "norm": own["input_layernorm.weight"].clone(),
        "inner_norm": own["post_attention_layernorm.weight"].clone(),
    }
    if shape.qk_norm:
        norms["qk_norm"] = _qk_norm(own, shape, how)
    products = {field: _fused(own, field, how) for field in _FUSED}
    return LayerWeights(norms, products)


def layer_of(norms: Mapping[str, Tensor], products: Mapping[str, Product]) -> Layer:
    """The layer with these norms and products, by ``Layer``'s names."""
    parts: dict[str, Any] = {"qk_norm": None, **norms, **products}
    return Layer(**parts)


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
                down = _inputs(factors.down, field, norms[norm] if norm else None, how)
                additions.append(addition(outputs, down, _outputs(factors.up, name, how), how))
        products[field] = with_additions(getattr(layer, field), additions)
    return replace(layer, **products)


def adapted_head(parts: Parts, lora: Lora) -> Product:
    """The head with what an adapter adds."""
    if (factors := lora.get(HEAD_MODULE)) is None:
        return parts.head
    down = parts.how.folded(factors.down, parts.norm)
    return with_additions(parts.head, [addition(slice(None), down, factors.up, parts.how)])


def addition(outputs: slice, down: Tensor, up: Tensor, how: Arithmetic) -> Addition:
    """Factors (rank, inputs) and (outputs, rank) as a product adds them: turned, which takes a row
    a quarter of the time."""
    return Addition(outputs, *(part.t().to(how.dtype).contiguous() for part in (down, up)))


def products_of(shape: Shape) -> set[str]:
    """The names of all modules that are products."""
    names = [name for modules, _ in _FUSED.values() for name in modules]
    found = {f"model.layers.{n}.{name}" for n in range(shape.layers) for name in names}
    return found if shape.tied else found | {HEAD_MODULE}


def _layer(weights: dict[str, Tensor], number: int, shape: Shape, how: Arithmetic) -> Layer:
    own = layer_weights(weights, number, shape, how)
    twice = shape.is_small()
    return layer_of(
        own.norms,
        {field: product(*each, twice=twice) for field, each in own.products.items()},
    )


def _fused(own: dict[str, Tensor], field: str, how: Arithmetic) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of several modules as one product."""
    modules, norm = _FUSED[field]
    rows = torch.cat([_outputs(own.pop(f"{name}.weight"), name, how) for name in modules])
    biases = [_outputs(own.pop(f"{n}.bias"), n, how) for n in modules if f"{n}.bias" in own]
    rows = _inputs(rows, field, own[f"{norm}.weight"] if norm else None, how)
    return rows, torch.cat(biases) if biases else None


def _outputs(rows: Tensor, name: str, how: Arithmetic) -> Tensor:
    """Rows (or the bias) of a module as whoever takes its outputs wants them."""
    if name in _QK:
        return how.ordered(rows)
    return how.added(rows) if name in (*_FUSED["out"][0], *_FUSED["down"][0]) else rows


def _inputs(rows: Tensor, field: str, norm: Tensor | None, how: Arithmetic) -> Tensor:
    """Rows (…, inputs) of a product as its input wants them."""
    if norm is not None:
        return how.folded(rows, norm)
    return how.inner(rows) if field == "down" else rows


def _qk_norm(own: dict[str, Tensor], shape: Shape, how: Arithmetic) -> Tensor:
    heads = {"q": shape.heads, "k": shape.key_heads}
    norms = [
        how.norm(own[f"self_attn.{name}_norm.weight"]).repeat(count)
        for name, count in heads.items()
    ]
    return how.ordered(torch.cat(norms)).view(-1, shape.width)


def _size(shape: Shape, weights: Mapping[str, Tensor]) -> int:
    """Bytes: the embedding is held to look rows up, and, where it is the head, as a product too."""
    embedding = weights[EMBEDDING].nbytes
    others = sum(weights[name].nbytes for name in shape.weights()) - embedding
    products = others + (embedding if shape.tied else 0)
    return embedding + products * (2 if shape.is_small() else 1)
