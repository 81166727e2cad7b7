"""A dense decoder with its adapter, run over rows of any length without padding, to be trained.

All tokens of a batch stand one after the other: products see them together, attention row by row.
It computes what transformers and peft do with the same weights, but for rounding: whether it does
is tried on the model and not believed. For a CPU: on a GPU padding costs less than many small
products. Knows no loss and no optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from homespun_model.engines.dense_shape import Shape
from torch import Tensor

from homespun_finetune.lora_products import LoraProduct, gated, normed
from homespun_finetune.row_attention import attended


@dataclass(frozen=True, slots=True)
class _Layer:
    norm: Tensor
    qkv: LoraProduct
    qk_norms: tuple[Tensor, Tensor] | None
    """Of queries and of keys, each (width,)."""
    out: LoraProduct
    inner_norm: Tensor
    gate_up: LoraProduct
    down: LoraProduct


class PackedDecoder:
    """The layers of a peft model, whose factors are trained where they are."""

    def __init__(self, model: Any, shape: Shape, dtype: torch.dtype) -> None:
        """``model``: of peft, over a dense decoder of ``shape``. Its weights become views of what
        is used here where they have ``dtype`` already, and are copied where they have not."""
        body = model.get_base_model().model
        self._shape, self.dtype = shape, dtype
        self._embedding = body.embed_tokens.weight
        self._norm = body.norm.weight.detach().to(dtype)
        self._layers = [_layer(each, dtype, shape.qk_norm) for each in body.layers]
        self._frequencies = shape.rope.frequencies(shape.width)

    def __call__(self, rows: Sequence[Tensor]) -> Tensor:
        """Last hidden states (tokens, hidden) of ``rows`` of ids, one after the other."""
        lengths = [len(row) for row in rows]
        turns = self._turns(lengths)
        x = self._embedding[torch.cat(list(rows))].to(self.dtype)
        for layer in self._layers:
            x = x + layer.out(self._attended(layer, x, turns, lengths))
            entering = normed(x, layer.inner_norm, self._shape.eps)
            x = x + layer.down(gated(layer.gate_up(entering)))
        return normed(x, self._norm, self._shape.eps)

    def _attended(
        self, layer: _Layer, x: Tensor, turns: tuple[Tensor, Tensor], lengths: Sequence[int]
    ) -> Tensor:
        """(tokens, heads · width), each row's tokens seeing those before them in it."""
        shape = self._shape
        heads = layer.qkv(normed(x, layer.norm, shape.eps)).view(len(x), -1, shape.width)
        queries, keys, values = torch.split(
            heads, [shape.heads, shape.key_heads, shape.key_heads], 1
        )
        if layer.qk_norms is not None:
            of_queries, of_keys = layer.qk_norms
            queries = normed(queries, of_queries, shape.eps)
            keys = normed(keys, of_keys, shape.eps)
        queries, keys = _turned(queries, *turns), _turned(keys, *turns)
        rows = [torch.split(each, list(lengths)) for each in (queries, keys, values)]
        return torch.cat([attended(*row) for row in zip(*rows, strict=True)])

    def _turns(self, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Cosines and sines (tokens, 1, width) of each token's place in its row."""
        places = torch.cat([torch.arange(length) for length in lengths]).float()
        angles = torch.outer(places, self._frequencies).repeat(1, 2).unsqueeze(1)
        return angles.cos().to(self.dtype), angles.sin().to(self.dtype)


def packed(model: Any, dtype: torch.dtype) -> PackedDecoder | None:
    """The model packed; None where it is another architecture, or its adapter drops inputs."""
    if not hasattr(model, "peft_config") or model.peft_config["default"].lora_dropout:
        return None
    shape = Shape.of(model.get_base_model().config.to_dict())
    return None if shape is None else PackedDecoder(model, shape, dtype)


def _turned(heads: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Each head's halves turned against each other by its place."""
    first, second = heads.chunk(2, -1)
    return heads * cosines + torch.cat([-second, first], -1) * sines


def _layer(layer: Any, dtype: torch.dtype, qk_norm: bool) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    norms = [attention.q_norm, attention.k_norm] if qk_norm else []
    of_queries_and_keys = [norm.weight.detach().to(dtype) for norm in norms]
    return _Layer(
        norm=layer.input_layernorm.weight.detach().to(dtype),
        qkv=_product([attention.q_proj, attention.k_proj, attention.v_proj], dtype),
        qk_norms=cast(tuple[Tensor, Tensor], tuple(of_queries_and_keys)) if qk_norm else None,
        out=_product([attention.o_proj], dtype),
        inner_norm=layer.post_attention_layernorm.weight.detach().to(dtype),
        gate_up=_product([mlp.gate_proj, mlp.up_proj], dtype),
        down=_product([mlp.down_proj], dtype),
    )


@torch.no_grad()
def _product(modules: Sequence[Any], dtype: torch.dtype) -> LoraProduct:
    """The modules' weights as one, of which they are views from then on: nothing is held twice."""
    bases = [module.base_layer for module in modules]
    outputs = [len(base.weight) for base in bases]
    weight = torch.cat([base.weight.detach().to(dtype) for base in bases])
    for base, rows in zip(bases, torch.split(weight, outputs), strict=True):
        if base.weight.dtype == dtype:
            base.weight.data = rows
    biases = [base.bias for base in bases if base.bias is not None]
    return LoraProduct(
        weight=weight,
        bias=torch.cat([bias.detach().to(dtype) for bias in biases]) if biases else None,
        outputs=outputs,
        factors=tuple(
            (module.lora_A["default"].weight, module.lora_B["default"].weight) for module in modules
        ),
        scale=float(modules[0].scaling["default"]),
    )
