"""The loss of a batch: cross entropy of its labels, each with its own weight."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch.nn import functional

from homespun_finetune.batches import IGNORED
from homespun_finetune.fused_loss import weighted_nats

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


@torch.no_grad()
def has_plain_head(model: torch.nn.Module) -> bool:
    """Whether logits are hidden states times the output layer: no bias, no scale, no cap."""
    causal = _causal(model)
    if causal.get_output_embeddings() is None or not hasattr(causal, causal.base_model_prefix):
        return False
    body, head = _parts(model)
    device = next(model.parameters()).device
    ids = torch.arange(1, PROBED + 1, device=device)[None] % len(head)
    was_training = model.training
    model.eval()
    logits = model(input_ids=ids, use_cache=False).logits
    hidden = body(input_ids=ids, use_cache=False).last_hidden_state
    model.train(was_training)
    product, rounding = hidden @ head.T, ROUNDING.get(logits.dtype, 1e-3)
    return product.shape == logits.shape and torch.allclose(
        product, logits, rtol=rounding, atol=rounding
    )


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
