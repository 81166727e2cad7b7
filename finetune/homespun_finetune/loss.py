"""The loss of a batch: cross entropy of the middle and its end, and of nothing else."""

from __future__ import annotations

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
    output = model(input_ids=batch["input_ids"], logits_to_keep=kept, use_cache=False)
    logits = output.logits[:, -kept:].float()  # (B, K, V); a few models keep all positions
    losses = functional.cross_entropy(
        logits.transpose(1, 2), labels, reduction="none", ignore_index=IGNORED
    )  # (B, K)
    weights = batch["weights"]
    return (losses * weights).sum() / weights.sum()
