"""Whether a published adapter may be loaded at all, for a base, before anything of it is.

Its hashes, its base and its prompt version are checked, and its configuration is found to be plain
LoRA. Knows no weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.bases.identity import BaseRecord
from homespun_model.errors import StoreError
from homespun_model.store.revision import CONFIG, Revision, problems

if TYPE_CHECKING:
    from homespun_model.bases.base import Base

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


def check(adapter: Revision, base: Base) -> None:
    """StoreError unless the revision is whole and was made for this base and these prompts."""
    wrong = problems(adapter) or _foreign(adapter.manifest, base) or _odd_config(adapter.path)
    if wrong:
        raise StoreError(f"adapter {adapter.name} of {adapter.repository} is refused: {wrong[0]}")


def _foreign(manifest: dict[str, Any], base: Base) -> list[str]:
    """The manifest is as untrusted as any file: it may lack every key."""
    trained_on = BaseRecord.in_manifest(manifest)
    if trained_on is None or not trained_on.is_same(base.record):
        named = repr(trained_on.id) if trained_on else "which it does not say"
        return [f"it was trained on another base, {named}, not {base.id!r}"]
    version = manifest.get("prompt_version")
    if type(version) is not int or version not in base.prompt_versions:
        known = ", ".join(f"v{known}" for known in base.prompt_versions)
        return [f"it reads prompts of format v{version}, not {known}: train it again"]
    return []


def _odd_config(folder: Path) -> list[str]:
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
