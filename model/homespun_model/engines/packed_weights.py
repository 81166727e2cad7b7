"""A dense decoder in 8 bits: weights rotated and quantized once, as tensors that a file can hold.

They are called ``layers.0.qkv``, with ``.scales`` and maybe ``.bias``, ``layers.0.norm``, ``norm``,
``embedding`` and ``head``. Knows no files itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from homespun_model.bases.processor import has_bf16
from homespun_model.engines.dense_arithmetic import Rotated
from homespun_model.engines.dense_layers import (
    PRODUCTS,
    Layer,
    Parts,
    layer_of,
    layer_weights,
)
from homespun_model.engines.dense_products import Product
from homespun_model.engines.dense_shape import EMBEDDING, HEAD, NORM, Shape
from homespun_model.engines.int8_products import Int8Rows, int8_products, int8_rows
from homespun_model.engines.stored_rows import StoredRows

Packed = Mapping[str, Tensor]
VERSION = "2"
"""Raised with every change of what packed weights are."""
EMBEDDED = "embedding"
_SCALES, _BIAS = ".scales", ".bias"


def pack(shape: Shape, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of weights by transformers' names, which are taken out of their mapping one by one."""
    how = Rotated(shape)
    packed: dict[str, Tensor] = {}
    for number in range(shape.layers):
        packed |= _packed_layer(shape, weights, number, how)
    norm, embedding = weights.pop(NORM).float(), weights.pop(EMBEDDING)
    head = embedding if shape.tied else weights.pop(HEAD)
    looked_up = int8_rows(embedding, lambda rows: how.added(rows.float().t()).t())
    packed |= _named(EMBEDDED, looked_up)
    packed |= _named("head", int8_rows(head, lambda rows: how.folded(rows.float(), norm)))
    return packed | {"norm": norm}


def made_as(shape: Shape) -> str:
    """Changes where ``pack`` would make something else, or it would be read in another way."""
    return f"{VERSION} {shape}"


def packed_parts(shape: Shape, packed: Packed, stored: StoredRows | None = None) -> Parts:
    """The decoder that ``pack`` made these of, on copies of them; ``stored``: what is looked up in
    its embedding instead of a copy.

    Keys and values are kept in bf16 where the processor computes with it: half the memory of every
    document that somebody types in, and little beside what 8 bits round.
    """
    # The longest first, that no core waits for another at the end.
    names = ["head", *(stem + field for stem in _stems(shape) for field in PRODUCTS)]
    made = int8_products(_weights(packed, name) for name in names)
    products = dict(zip(names, made, strict=True))
    return Parts(
        how=Rotated(shape, torch.bfloat16 if has_bf16() else torch.float32),
        embedding=_embedding(packed, stored),
        layers=[_layer(shape, packed, products, stem) for stem in _stems(shape)],
        norm=packed["norm"].clone(),
        head=products["head"],
        size=sum(packed[name].nbytes for name in packed if stored is None or name != EMBEDDED),
    )


def _embedding(packed: Packed, stored: StoredRows | None) -> Callable[[Tensor], Tensor]:
    held = _rows(packed, EMBEDDED)
    if stored is None:
        return held.clone().rows
    scales = held.scales.clone()
    return lambda ids: Int8Rows(stored[ids], scales[ids]).all()


def _stems(shape: Shape) -> list[str]:
    return [f"layers.{number}." for number in range(shape.layers)]


def _packed_layer(
    shape: Shape, weights: dict[str, Tensor], number: int, how: Rotated
) -> dict[str, Tensor]:
    """By names in the file; one layer at a time is float32."""
    names = [name for name in weights if name.startswith(f"model.layers.{number}.")]
    exact = {name: weights.pop(name).float() for name in names}
    own, stem = layer_weights(exact, number, shape, how), _stems(shape)[number]
    packed = {stem + name: norm for name, norm in own.norms.items()}
    for field, (rows, bias) in own.products.items():
        packed |= _named(stem + field, int8_rows(rows))
        if bias is not None:
            packed[stem + field + _BIAS] = bias
    return packed


def _named(name: str, rows: Int8Rows) -> dict[str, Tensor]:
    return {name: rows.numbers, name + _SCALES: rows.scales}


def _rows(packed: Packed, name: str) -> Int8Rows:
    return Int8Rows(packed[name], packed[name + _SCALES])


def _weights(packed: Packed, name: str) -> tuple[Int8Rows, Tensor | None]:
    """Rows and bias of a product."""
    bias = packed.get(name + _BIAS)
    return _rows(packed, name), None if bias is None else bias.clone()


def _layer(shape: Shape, packed: Packed, products: Mapping[str, Product], stem: str) -> Layer:
    norms = ["norm", "inner_norm", *(["qk_norm"] if shape.qk_norm else [])]
    return layer_of(
        {name: packed[stem + name].clone() for name in norms},
        {field: products[stem + field] for field in PRODUCTS},
    )
