"""The loss of a batch: cross entropy of its labels, each with its own weight."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.nn import functional

from homespun_finetune.batches import IGNORED

Batch = dict[str, torch.Tensor]


def weighted_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean nats a token over the batch, each token with its weight; a scalar.

    ``batch`` is as ``collate`` makes it: ``input_ids`` (B, T), ``labels`` and ``weights`` (B, K).
    """
    labels = batch["labels"]
    kept = labels.shape[1]
    options = {"logits_to_keep": kept} if _can_keep(model) else {}
    output = model(input_ids=batch["input_ids"], use_cache=False, **options)
    logits = output.logits[:, -kept:].float()  # (B, K, V)
    losses = functional.cross_entropy(
        logits.transpose(1, 2), labels, reduction="none", ignore_index=IGNORED
    )  # (B, K)
    weights = batch["weights"]
    return (losses * weights).sum() / weights.sum()


def _can_keep(model: Any) -> bool:
    """Whether the base computes the logits of the last positions only when asked to."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(inner.forward).parameters
