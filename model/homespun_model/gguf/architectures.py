"""The kinds of models that are read from GGUF files, and what sets each apart.

Only those whose every tensor and field is known: a model computed a little wrong looks right.
Data, and nothing of files or weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from homespun_model.errors import BaseError
from homespun_model.gguf.header import Header

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
ROPE_FACTORS = "rope_freqs.weight"
"""By how much each frequency of the rotation is slowed: Llama 3's long contexts."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind, called as transformers calls it."""

    model_type: str
    interleaved: bool = False
    """ggml turns neighbours of a head together, transformers those half a head apart: the rows of
    queries and keys stand in another order."""
    multipliers: bool = False
    """Granite's."""
    norms_heads: bool = False
    """Queries and keys are normed, head by head."""
    plain: bool = False
    """As GPT-2 was: norms with a bias, and two products in the feed-forward network, not three."""
    biases: frozenset[str] | None = None
    """The linear layers that have a bias; None: as the file has it."""


ARCHITECTURES = {
    "qwen2": Architecture("qwen2", biases=frozenset({"attn_q", "attn_k", "attn_v"})),
    "qwen3": Architecture("qwen3", norms_heads=True),
    "llama": Architecture("llama", interleaved=True),
    "granite": Architecture("granite", interleaved=True, multipliers=True),
    "starcoder2": Architecture("starcoder2", plain=True),
}


def architecture_in(header: Header) -> Architecture:
    """The kind that a file says it holds. BaseError for one that is not read."""
    kind = ARCHITECTURES.get(header.architecture)
    if kind is None:
        known = ", ".join(ARCHITECTURES)
        raise BaseError(
            f"{header.path} holds a model of the kind {header.architecture[:40]!r}: of GGUF files, "
            f"{known} can be a base"
        )
    return kind


def unlike(header: Header, why: str) -> BaseError:
    """For a file whose fields or tensors are not those of its architecture."""
    return BaseError(f"{header.path} is no {header.architecture} model that can be read: {why}")
