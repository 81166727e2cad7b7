"""An adapter's files, and whether they describe plain LoRA, before anything of it is loaded.

Knows no weights and no store.
"""

from __future__ import annotations

import json
from pathlib import Path

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
# Settings that make peft build classes by name, or look for files elsewhere, or that change what
# the weights of an adapter come to: what is published here sets none of them.
_NOT_PLAIN = (
    "alora_invocation_tokens",
    "alpha_pattern",
    "arrow_config",
    "auto_mapping",
    "corda_config",
    "eva_config",
    "fan_in_fan_out",
    "kasa_config",
    "layer_replication",
    "lora_ga_config",
    "megatron_config",
    "monteclora_config",
    "rank_pattern",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "use_rslora",
    "velora_config",
)


def odd_config(folder: Path) -> list[str]:
    """What of the adapter's configuration is not plain LoRA, one line each."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return [f"{CONFIG} is not JSON"]
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        return [f"{CONFIG} does not describe a LoRA adapter"]
    odd = [key for key in _NOT_PLAIN if config.get(key)]
    if isinstance(config.get("init_lora_weights"), str):  # a way that changes the base's weights
        odd.append("init_lora_weights")
    return [f"{CONFIG} sets {key}: not plain LoRA" for key in odd]
