"""The forward pass of dense decoders on a CPU, without modules: Llama, Qwen2 and Qwen3 of any size.

Products of the same input are one product, and keys and values go where room was made before. The
last layer runs only where logits are wanted. Heads that share keys are one head with more rows: for
one token that takes attention a tenth of the time. But for rounding, it computes what transformers
does. An adapter of a large model stands beside weights that all its engines share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Size, Tensor

from homespun_model.engines.dense_arithmetic import ROOM
from homespun_model.engines.dense_layers import Layer, Parts, adapted, adapted_head, products_of
from homespun_model.engines.dense_shape import Shape
from homespun_model.engines.engine import CachedSequence
from homespun_model.engines.lora import Factors, not_loaded, read_lora


class DenseCpuEngine:
    """Runs one dense decoder, whose weights may be those of others too."""

    def __init__(self, shape: Shape, parts: Parts, shared: DenseCpuEngine | None = None) -> None:
        """``shared``: whose weights they are, which is known as long as somebody uses it."""
        self._shape, self._parts, self._how, self._shared = shape, parts, parts.how, shared
        self.size, self.vocabulary = parts.size, shape.vocabulary

    def beside(self, folder: Path) -> DenseCpuEngine:
        """This one with the adapter in ``folder``, and the same weights; StoreError."""
        shape, parts = self._shape, self._parts
        lora = read_lora(folder, {name: Size(size) for name, size in shape.weights().items()})
        if odd := sorted(lora.keys() - products_of(shape)):
            raise not_loaded(folder, f"{odd[0]} is no product in the base")
        layers = [adapted(each, n, shape, parts.how, lora) for n, each in enumerate(parts.layers)]
        size = parts.how.dtype.itemsize * sum(map(Factors.count, lora.values()))
        head = adapted_head(parts, lora)
        return DenseCpuEngine(shape, replace(parts, layers=layers, head=head, size=size), self)

    def begin(self) -> CachedSequence:
        """A reading of nothing yet."""
        return _DenseSequence(self, self._room(1, 0))

    def batch(self, rows: Tensor, keep: int) -> Tensor:
        """``Engine.batch``: all rows in one pass, whose layers keep nothing for later."""
        layers = self._shape.layers
        held = self._room(*rows.shape, layers=1).expand(layers, *[-1] * 5)
        return self.run(rows, held, 0, keep)

    def run(self, rows: Tensor, held: Tensor, begin: int, keep: int) -> Tensor:
        """Logits (batch, keep, vocabulary) of the last ``keep`` of ``rows`` (batch, tokens), whose
        keys and values are put into ``held`` (layers, 2, batch, key heads, places, width) at the
        place ``begin``."""
        batch, count = rows.shape
        end, last = begin + count, self._shape.layers - 1
        turns = self._how.places(begin, end)
        places = held[..., begin:end, :].unbind(0)
        keys, values = (each[..., :end, :].unbind(0) for each in held.unbind(1))
        mask = self._mask(count, end)
        x = self._parts.embedding(rows.flatten())  # (batch · tokens, hidden)
        for number, layer in enumerate(self._parts.layers):
            queries = self._read(layer, x, turns, places[number])
            if number == last and keep < count:
                x = x.view(batch, count, -1)[:, count - keep :].flatten(0, 1)
                queries, mask = queries[..., count - keep :, :], self._mask(keep, end)
            if len(x):
                queries = queries.to(self._how.kept)
                seen = _attended(queries, keys[number], values[number], mask).to(self._how.dtype)
                x = self._written(layer, x, seen)
        logits: Tensor = self._parts.head(self._how.entering(x, self._parts.norm)).float()
        return logits.view(batch, keep, self._shape.vocabulary)

    def _read(self, layer: Layer, x: Tensor, turns: Tensor, places: Tensor) -> Tensor:
        """Queries (batch, heads, tokens, width); keys and values go to their ``places``."""
        shape, batch, count = self._shape, places.shape[1], len(turns)
        entering = self._how.entering(x, layer.norm)
        qkv = layer.qkv(entering).view(batch, count, -1, shape.width)
        self._how.turn(qkv[:, :, : shape.heads + shape.key_heads], layer.qk_norm, turns)
        kv = qkv[:, :, shape.heads :].view(batch, count, 2, shape.key_heads, shape.width)
        places.copy_(kv.permute(2, 0, 3, 1, 4))
        return qkv[:, :, : shape.heads].transpose(1, 2)

    def _written(self, layer: Layer, x: Tensor, seen: Tensor) -> Tensor:
        """``x`` (tokens, hidden) with what attention and the inner layers add."""
        x = x + layer.out(seen)
        gate, up = layer.gate_up(self._how.entering(x, layer.inner_norm)).chunk(2, -1)
        written: Tensor = x + layer.down(self._how.inner(F.silu(gate) * up))
        return written

    def _mask(self, count: int, end: int) -> Tensor | None:
        """What the last ``count`` of ``end`` tokens do not see, -inf of 0, for all the heads that
        share keys; None where that needs no telling."""
        if count <= 1 or count == end:
            return None
        hidden = torch.full((count, end), -torch.inf, dtype=self._how.kept).triu(end - count + 1)
        return hidden.repeat(self._shape.heads // self._shape.key_heads, 1)

    def _room(self, batch: int, places: int, *, layers: int | None = None) -> Tensor:
        """(layers, 2, batch, key heads, places, width)"""
        shape = self._shape
        sizes = (layers or shape.layers, 2, batch, shape.key_heads, places, shape.width)
        return torch.empty(sizes, dtype=self._how.kept)


class _DenseSequence:
    """Keys and values in one tensor, which grows in steps."""

    def __init__(self, engine: DenseCpuEngine, held: Tensor) -> None:
        self._engine = engine
        self._length = 0
        self._held = held

    def run(self, ids: Sequence[int], keep: int) -> Tensor:
        end = self._length + len(ids)
        self._make_room(end)
        logits = self._engine.run(torch.tensor([list(ids)]), self._held, self._length, keep)
        self._length = end
        return logits[0]

    def cut(self, length: int) -> None:
        self._length = min(self._length, length)

    def size(self) -> int:
        return self._held.nbytes

    def _make_room(self, length: int) -> None:
        *outer, room, width = self._held.shape
        if length > room:
            wider = self._held.new_empty(*outer, -(-length // ROOM) * ROOM, width)
            wider[..., : self._length, :] = self._held[..., : self._length, :]
            self._held = wider


def _attended(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Causal attention of the last tokens to all, (batch · tokens, heads · width)."""
    batch, heads, count, width = queries.shape
    if mask is None and count > 1:
        attended = F.scaled_dot_product_attention(
            queries, keys, values, is_causal=True, enable_gqa=True
        )
    else:
        packed = queries.reshape(batch, keys.shape[1], -1, width)
        attended = F.scaled_dot_product_attention(packed, keys, values, attn_mask=mask)
    return attended.reshape(queries.shape).transpose(1, 2).reshape(batch * count, heads * width)
