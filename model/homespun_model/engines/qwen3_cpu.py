"""The forward pass of small Qwen3 models on a CPU, without modules: the starter's fast path.

A token of a small model costs more Python and dispatch than arithmetic. So products of the same
input are one product, the norms' weights are folded into them, the rotation is one multiplication
of complex numbers, and keys and values go where room was made before. The last layer runs only
where logits are wanted. But for rounding, it computes what transformers does in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from homespun_model.engines.engine import CachedSequence
from homespun_model.engines.qwen3_weights import EMBEDDING, HEAD, NORM, Shape, Weights

ROOM = 256  # tokens for which room is made at a time

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: Linear
    """hidden → queries, keys and values, head by head."""
    qk_norm: Tensor
    """(query and key heads, width)"""
    out: Linear
    gate_up: Linear
    down: Linear


class Qwen3CpuEngine:
    """Runs a small Qwen3, one sequence at a time."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        self._heads, self._key_heads, self._width = shape.heads, shape.key_heads, shape.width
        # What keeps a norm from dividing by nothing, by the width of what it is given.
        widths = (shape.hidden, shape.width)
        self._eps = {n: torch.tensor((n * shape.eps) ** 0.5) for n in widths}
        self._embedding = weights[EMBEDDING]
        once = 0 if shape.tied else self._embedding.nbytes  # the others are in products: two copies
        self.size = 2 * sum(weight.nbytes for weight in weights.values()) - once
        self._layers = [self._fused(weights, number) for number in range(shape.layers)]
        self._norm = _rooted(weights[NORM])
        self._head = _linear(weights[EMBEDDING if shape.tied else HEAD])
        places = torch.arange(0, shape.width, 2, dtype=torch.float32)
        self._frequencies = 1.0 / shape.theta ** (places / shape.width)
        self._rope = torch.empty(0)

    def begin(self) -> CachedSequence:
        """A reading of nothing yet."""
        return _Qwen3Sequence(self, (len(self._layers), 2, self._key_heads, 0, self._width))

    def batch(self, rows: Tensor, keep: int) -> Tensor:
        """``Engine.batch``, one row after another."""
        return torch.stack([self.begin().run(row, keep) for row in rows.tolist()])

    def run(self, ids: Sequence[int], held: Tensor, begin: int, keep: int) -> Tensor:
        """Logits of the last ``keep`` of ``ids``, whose keys and values are put into ``held``
        (layers, 2, key heads, places, width) at the place ``begin``."""
        end, last = begin + len(ids), len(self._layers) - 1
        rope = self._rope_to(end)[begin:]
        places = held[..., begin:end, :].unbind(0)
        seen = held[..., :end, :].flatten(0, 1).unsqueeze(1).unbind(0)
        x = F.embedding(torch.tensor(ids), self._embedding)  # (tokens, hidden)
        for number, layer in enumerate(self._layers):
            queries = self._read(layer, x, rope, places[number])
            if number == last:
                x, queries = x[len(ids) - keep :], queries[..., len(ids) - keep :, :]
            if len(x):
                x = x + layer.out(_attended(queries, seen[2 * number], seen[2 * number + 1]))
                gate, up = layer.gate_up(self._normal(x)).chunk(2, -1)
                x = x + layer.down(F.silu(gate) * up)
        logits: Tensor = self._head(self._normal(x) * self._norm)
        return logits

    def _read(self, layer: _Layer, x: Tensor, rope: Tensor, places: Tensor) -> Tensor:
        """Queries (1, heads, tokens, width); keys and values go to their ``places``."""
        heads, key_heads = self._heads, self._key_heads
        qkv = layer.qkv(self._normal(x)).view(len(x), -1, self._width)
        qk = qkv[:, : heads + key_heads]
        torch.mul(_complex(self._normal(qk) * layer.qk_norm), rope, out=_complex(qk))
        kv = qkv[:, heads:].view(len(x), 2, key_heads, self._width)
        places.copy_(kv.permute(1, 2, 0, 3))
        return qkv[:, :heads].transpose(0, 1).unsqueeze(0)

    def _normal(self, x: Tensor) -> Tensor:
        """Divided by its length: the root of its width, which makes it a mean, is in the weights.

        In three small operations, where torch's own takes seven.
        """
        lengths: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return x / lengths.hypot(self._eps[x.shape[-1]])

    def _rope_to(self, end: int) -> Tensor:
        """How far each pair of a head is turned at each place: (end, 1, width / 2), complex."""
        if end > len(self._rope):
            angles = torch.outer(torch.arange(end + ROOM).float(), self._frequencies)
            self._rope = torch.polar(torch.ones_like(angles), angles).unsqueeze(1)
        return self._rope[:end]

    def _fused(self, weights: Weights, number: int) -> _Layer:
        def of(name: str) -> Tensor:
            return weights[f"model.layers.{number}.{name}.weight"]

        qk = torch.cat([of("self_attn.q_proj"), of("self_attn.k_proj")])
        qkv = torch.cat([self._paired(qk), of("self_attn.v_proj")])
        gate_up = torch.cat([of("mlp.gate_proj"), of("mlp.up_proj")])
        heads = [("self_attn.q_norm", self._heads), ("self_attn.k_norm", self._key_heads)]
        norms = torch.cat([_rooted(of(name)).repeat(count) for name, count in heads])
        return _Layer(
            qkv=_linear(qkv * _rooted(of("input_layernorm"))),
            qk_norm=self._paired(norms).view(-1, self._width),
            out=_linear(of("self_attn.o_proj")),
            gate_up=_linear(gate_up * _rooted(of("post_attention_layernorm"))),
            down=_linear(of("mlp.down_proj")),
        )

    def _paired(self, rows: Tensor) -> Tensor:
        """Rows of heads, (heads · width, …), so that those turned together stand together.

        transformers pairs the halves of a head. Scores are sums over a head: the order is free.
        """
        halves = rows.view(-1, 2, self._width // 2, *rows.shape[1:])
        return halves.transpose(1, 2).reshape(rows.shape)


class _Qwen3Sequence:
    """Keys and values in one tensor, which grows in steps."""

    def __init__(self, engine: Qwen3CpuEngine, shape: tuple[int, ...]) -> None:
        self._engine = engine
        self._length = 0
        self._held = torch.empty(shape)

    def run(self, ids: Sequence[int], keep: int) -> Tensor:
        end = self._length + len(ids)
        self._make_room(end)
        logits = self._engine.run(ids, self._held, self._length, keep)
        self._length = end
        return logits

    def cut(self, length: int) -> None:
        self._length = min(self._length, length)

    def size(self) -> int:
        return self._held.nbytes

    def _make_room(self, length: int) -> None:
        *outer, room, width = self._held.shape
        if length > room:
            wider = torch.empty(*outer, -(-length // ROOM) * ROOM, width)
            wider[..., : self._length, :] = self._held[..., : self._length, :]
            self._held = wider


def _complex(heads: Tensor) -> Tensor:
    """Pairs of numbers (tokens, heads, width) as one complex number each, in the same memory."""
    return torch.view_as_complex(heads.view(*heads.shape[:2], -1, 2))


def _attended(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal attention of the last tokens to all, (tokens, heads · width)."""
    count, end = queries.shape[2], keys.shape[2]
    mask = None
    if 1 < count < end:
        mask = torch.ones(count, end, dtype=torch.bool).tril(end - count)
    attended = F.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, is_causal=count == end, enable_gqa=True
    )
    return attended.transpose(1, 2).reshape(count, -1)


def _rooted(weight: Tensor) -> Tensor:
    """The weights of a norm, times the root of their number."""
    rooted: Tensor = weight * len(weight) ** 0.5
    return rooted


def _linear(weight: Tensor) -> Linear:
    """x → x weightᵀ, on two copies of the weights, each the fastest where it is used.

    One row goes through a plain product with the weights turned, half again as fast as with the
    weights as they are; more rows through oneDNN's with the weights reordered, which takes half of
    the usual one's time for a draft's rows and three quarters for a prompt's.
    """
    turned = weight.t().contiguous()
    try:
        reordered = torch.ops.mkldnn._reorder_linear_weight(weight)
        product = torch.ops.mkldnn._linear_pointwise.default
        product(turned.t()[:1], reordered, None, "none", [], "")
    except (AttributeError, RuntimeError):  # torch was built without it
        return lambda x: x.mm(turned)
    return lambda x: x.mm(turned) if len(x) == 1 else product(x, reordered, None, "none", [], "")
