"""Adapters that were taught nothing and change much, in the files that peft writes."""

from __future__ import annotations

from pathlib import Path

import torch
from homespun_model.bases.base import Base
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

ALPHA, RANK = 24, 3


def random_adapter(
    base: Base, folder: Path, dtype: torch.dtype = torch.float32, *, seed: int = 0
) -> Path:
    """An adapter of peft's, large enough to change what the base says."""
    torch.manual_seed(seed)
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    model = get_peft_model(base.load_model(), config)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter.data, std=0.1)
            parameter.data = parameter.data.to(dtype)
    model.save_pretrained(str(folder))
    return folder


def merged_by_peft(base: Base, folder: Path) -> PreTrainedModel:
    """A fresh copy of the base with the adapter in ``folder``, as peft itself merges it."""
    adapted = PeftModel.from_pretrained(base.load_model(), str(folder))
    whole: PreTrainedModel = adapted.merge_and_unload().eval()
    return whole
