"""The tensors of a model in a GGUF file, by transformers' names and in its order of rows.

What a model of this architecture has, and nothing else: a tensor too many means another model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homespun_model.gguf.architectures import (
    EMBEDDING,
    HEAD,
    ROPE_FACTORS,
    Architecture,
    architecture_in,
    unlike,
)
from homespun_model.gguf.dequantize import dequantized, is_readable
from homespun_model.gguf.header import Header
from homespun_model.gguf.tying import tied_embedding

if TYPE_CHECKING:
    from torch import Tensor, dtype

WORKERS = 2  # numpy lets go of the interpreter as it computes; more would take turns for memory


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor of the model is found in the file, and what it must be there."""

    stored: str
    shape: tuple[int, ...]
    heads: int | None = None
    """Of how many heads the rows are, where they stand in ggml's order."""


Named = Iterator[tuple[str, Place]]


def places_of(header: Header, config: Mapping[str, Any]) -> dict[str, Place]:
    """Where each tensor of the model lies. BaseError for one that is missing, has another shape,
    is in blocks of no use, or is no part of such a model."""
    places = dict(_checked(header, _expected(header, config)))
    known = {place.stored for place in places.values()} | {ROPE_FACTORS}
    if config["tie_word_embeddings"]:
        known |= {EMBEDDING, HEAD}
    if more := sorted(header.tensors.keys() - known):
        raise unlike(header, f"{more[0][:80]!r} is no part of one")
    return places


def tensors_of(header: Header, places: Mapping[str, Place], dtype: dtype) -> dict[str, Tensor]:
    """All tensors, in ``dtype``, by name. BaseError for values that are no numbers."""

    def read(place: Place) -> Tensor:
        tensor = dequantized(header.path, header.tensors[place.stored], dtype)
        return tensor if place.heads is None else _in_halves(tensor, place.heads)

    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(places, pool.map(read, places.values()), strict=True))


def layer_places(config: Mapping[str, Any], kind: Architecture) -> dict[str, Place]:
    """Where each tensor of a layer lies, below ``blk.<number>.``, by its name in transformers."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    width = config.get("head_dim") or hidden // heads
    return dict(_layer({"num_key_value_heads": heads, **config, "head_dim": width}, kind))


def _in_halves(rows: Tensor, heads: int) -> Tensor:
    """Rows of heads (heads · width, …) whose pairs stand side by side, put half a head apart."""
    pairs = rows.view(heads, -1, 2, *rows.shape[1:])
    return pairs.transpose(1, 2).reshape(rows.shape)


def _checked(header: Header, expected: Named) -> Named:
    for name, place in expected:
        stored = header.tensors.get(place.stored)
        if stored is None:
            raise unlike(header, f"it lacks {place.stored}")
        if stored.shape != place.shape:
            sizes = f"{list(stored.shape)}, not {list(place.shape)}"
            raise unlike(header, f"the shape of {place.stored} is {sizes}")
        if not is_readable(stored.kind):
            raise unlike(header, f"{place.stored} is in {stored.kind.name}, which is not read")
        yield name, place


def _expected(header: Header, config: Mapping[str, Any]) -> Named:
    """Every tensor of the model, lazily: a config may tell of more layers than there can be."""
    kind = architecture_in(header)
    hidden = config["hidden_size"]
    rows = (config["vocab_size"], hidden)
    yield "model.embed_tokens.weight", Place(tied_embedding(header) or EMBEDDING, rows)
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", Place(HEAD, rows)
    yield from _norm("model.norm", "output_norm", hidden, kind)
    layer = list(_layer(config, kind))
    for number in range(config["num_hidden_layers"]):
        for name, place in layer:
            stored = f"blk.{number}.{place.stored}"
            yield f"model.layers.{number}.{name}", Place(stored, place.shape, place.heads)


def _layer(config: Mapping[str, Any], kind: Architecture) -> Named:
    hidden, width = config["hidden_size"], config["head_dim"]
    yield from _norm("input_layernorm", "attn_norm", hidden, kind)
    yield from _norm("post_attention_layernorm", "ffn_norm", hidden, kind)
    if kind.norms_heads:
        yield from _norm("self_attn.q_norm", "attn_q_norm", width, kind)
        yield from _norm("self_attn.k_norm", "attn_k_norm", width, kind)
    yield from _attention(config, kind)
    yield from _feed_forward(config, kind)


def _attention(config: Mapping[str, Any], kind: Architecture) -> Named:
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    hidden, width = config["hidden_size"], config["head_dim"]
    turned = (heads, key_heads) if kind.interleaved else (None, None)
    has_bias = config.get("attention_bias", config.get("use_bias", False))
    for name, stored, shape, of in (
        ("q_proj", "attn_q", (heads * width, hidden), turned[0]),
        ("k_proj", "attn_k", (key_heads * width, hidden), turned[1]),
        ("v_proj", "attn_v", (key_heads * width, hidden), None),
        ("o_proj", "attn_output", (hidden, heads * width), None),
    ):
        bias = has_bias if kind.biases is None else stored in kind.biases
        yield from _linear(f"self_attn.{name}", stored, shape, bias, of)


def _feed_forward(config: Mapping[str, Any], kind: Architecture) -> Named:
    wider = (config["intermediate_size"], config["hidden_size"])
    bias = config.get("mlp_bias", config.get("use_bias", False))
    if kind.plain:
        yield from _linear("mlp.c_fc", "ffn_up", wider, bias)
        yield from _linear("mlp.c_proj", "ffn_down", wider[::-1], bias)
        return
    yield from _linear("mlp.gate_proj", "ffn_gate", wider, bias)
    yield from _linear("mlp.up_proj", "ffn_up", wider, bias)
    yield from _linear("mlp.down_proj", "ffn_down", wider[::-1], bias)


def _linear(
    name: str, stored: str, shape: tuple[int, int], bias: bool, heads: int | None = None
) -> Named:
    yield f"{name}.weight", Place(f"{stored}.weight", shape, heads)
    if bias:
        yield f"{name}.bias", Place(f"{stored}.bias", shape[:1], heads)


def _norm(name: str, stored: str, width: int, kind: Architecture) -> Named:
    yield f"{name}.weight", Place(f"{stored}.weight", (width,))
    if kind.plain:
        yield f"{name}.bias", Place(f"{stored}.bias", (width,))
