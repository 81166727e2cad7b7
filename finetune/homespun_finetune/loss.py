"""The loss of a batch: cross entropy of its labels, each with its own weight."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch.nn import functional

from homespun_finetune.batches import IGNORED
from homespun_finetune.fused_loss import weighted_nats
from homespun_finetune.packed_decoder import PackedDecoder, packed

Batch = dict[str, torch.Tensor]
ROUNDING = {torch.bfloat16: 2e-2, torch.float16: 4e-3}  # of a product in that precision
PROBED = 8  # tokens of the forward pass that tells whether an output layer is a plain product


class WeightedLoss(torch.nn.Module):
    """A model whose forward pass is the loss of a batch: mean nats a token, each with its weight.

    A batch is as ``collate`` makes it: ``input_ids`` (B, T), ``labels`` and ``weights`` (B, K) for
    the last K positions. Where the logits are nothing but a product with the output layer, which
    is tried and not believed, they are never all in memory; elsewhere they are the model's own.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model
        self._has_plain_head = has_plain_head(model)

    def forward(
        self, input_ids: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The loss, a scalar."""
        kept = labels.shape[1]
        if self._has_plain_head:
            body, head = _parts(self.model)
            hidden = body(input_ids=input_ids, use_cache=False).last_hidden_state[:, -kept:]
            wanted = labels.clamp(min=0).flatten()  # ignored ones weigh nothing
            return weighted_nats(hidden.flatten(0, 1), head, wanted, weights.flatten())[0]
        options = {"logits_to_keep": kept} if _can_keep(self.model) else {}
        output = self.model(input_ids=input_ids, use_cache=False, **options)
        logits = output.logits[:, -kept:].float()  # (B, K, V)
        losses = functional.cross_entropy(
            logits.transpose(1, 2), labels, reduction="none", ignore_index=IGNORED
        )  # (B, K)
        return (losses * weights).sum() / weights.sum()


class PackedLoss(torch.nn.Module):
    """The same of a dense decoder on a CPU, without padding: see ``PackedDecoder``.

    The output layer runs where a weight is not nought and nowhere else.
    """

    def __init__(self, model: torch.nn.Module, decoder: PackedDecoder) -> None:
        super().__init__()
        self.model = model
        self._decoder = decoder
        self._head = _parts(model)[1].to(decoder.dtype)

    def forward(
        self, input_ids: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The loss, a scalar."""
        lengths, asked = _lengths(input_ids, labels), weights > 0
        rows = [row[:n] for row, n in zip(input_ids, lengths.tolist(), strict=True)]
        counted = torch.zeros_like(input_ids, dtype=torch.bool)
        counted[:, -labels.shape[1] :] = asked
        inside = torch.arange(input_ids.shape[1]) < lengths[:, None]
        with torch.autocast(input_ids.device.type, enabled=False):
            states = self._decoder(rows)[counted[inside]]
            return weighted_nats(states, self._head, labels[asked], weights[asked])[0]


def loss_of(model: torch.nn.Module, dtype: torch.dtype) -> WeightedLoss | PackedLoss:
    """The quicker of the two that computes what the model does; ``dtype`` of its products."""
    if next(model.parameters()).device.type == "cpu" and has_plain_head(model):
        decoder = packed(model, dtype)
        if decoder is not None and _agrees(decoder, model):
            return PackedLoss(model, decoder)
    return WeightedLoss(model)


def _lengths(input_ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Tokens of each row, (B,), before its padding: all but the last are followed by a label."""
    width, kept = input_ids.shape[1], labels.shape[1]
    last = (labels != IGNORED) * torch.arange(kept, device=labels.device)
    return last.amax(1) + width - kept + 2


@torch.no_grad()
def _agrees(decoder: PackedDecoder, model: torch.nn.Module) -> bool:
    """Whether rows packed leave the states that each leaves by itself."""
    body, head = _parts(model)
    ids = torch.arange(1, PROBED + 1) % len(head)
    rows = [ids[:3], ids]
    with _evaluating(model):
        alone = [body(input_ids=row[None], use_cache=False).last_hidden_state[0] for row in rows]
    found, wanted = decoder(rows).float(), torch.cat(alone).float()
    rounding = ROUNDING.get(decoder.dtype, 1e-3)
    return bool((found - wanted).norm() <= rounding * wanted.norm())


@torch.no_grad()
def has_plain_head(model: torch.nn.Module) -> bool:
    """Whether logits are hidden states times the output layer: no bias, no scale, no cap."""
    causal = _causal(model)
    if causal.get_output_embeddings() is None or not hasattr(causal, causal.base_model_prefix):
        return False
    body, head = _parts(model)
    device = next(model.parameters()).device
    ids = torch.arange(1, PROBED + 1, device=device)[None] % len(head)
    with _evaluating(model):
        logits = model(input_ids=ids, use_cache=False).logits
        hidden = body(input_ids=ids, use_cache=False).last_hidden_state
    product, rounding = hidden @ head.T, ROUNDING.get(logits.dtype, 1e-3)
    return product.shape == logits.shape and torch.allclose(
        product, logits, rtol=rounding, atol=rounding
    )


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Nothing is dropped meanwhile; it goes on as it was."""
    was_training = model.training
    model.eval()
    yield
    model.train(was_training)


def _causal(model: torch.nn.Module) -> Any:
    """The base inside an adapter."""
    return cast(Any, model).get_base_model() if hasattr(model, "get_base_model") else model


def _parts(model: torch.nn.Module) -> tuple[torch.nn.Module, torch.Tensor]:
    """The model without its output layer, and that layer's matrix (V, D)."""
    causal = _causal(model)
    return getattr(causal, causal.base_model_prefix), causal.get_output_embeddings().weight


def _can_keep(model: torch.nn.Module) -> bool:
    """Whether the base computes the logits of the last positions only when asked to."""
    return "logits_to_keep" in inspect.signature(_causal(model).forward).parameters
