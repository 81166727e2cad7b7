"""An adapter merged into a base's weights, after making sure that it may be.

Nothing of a revision is loaded before its hashes, its base and its prompt version are checked and
its configuration is found to be plain LoRA. Knows nothing of prompts or suggestions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from homespun_model.errors import StoreError
from homespun_model.prompt import PROMPT_VERSION
from homespun_model.revision import CONFIG, Revision, problems

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from homespun_model.base import Base

# Settings that make peft build classes by name, or look for files elsewhere.
_NOT_PLAIN = ("auto_mapping", "corda_config", "eva_config", "lora_ga_config", "megatron_config")


def check(adapter: Revision, base: Base) -> None:
    """StoreError unless the revision is whole and was made for this base and these prompts."""
    wrong = problems(adapter) or _foreign(adapter.manifest, base) or _odd_config(adapter.path)
    if wrong:
        raise StoreError(f"adapter {adapter.name} of {adapter.repository} is refused: {wrong[0]}")


def merged(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """``model`` with the adapter in ``folder`` merged into its weights; StoreError if it cannot."""
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(
            model, str(folder), use_safetensors=True, torch_device=str(model.device)
        )
        whole = adapted.merge_and_unload(safe_merge=True)
    except Exception as error:  # whatever the libraries make of an adapter that does not fit
        reason = " ".join(str(error).split())[:200]
        raise StoreError(f"adapter {folder.name} does not load: {reason}") from error
    return cast("PreTrainedModel", whole.eval())


def _foreign(manifest: dict[str, Any], base: Base) -> list[str]:
    """The manifest is as untrusted as any file: it may lack every key."""
    trained_on = manifest.get("base")
    trained_on = trained_on if isinstance(trained_on, dict) else {}
    if trained_on.get("weights_hash") != base.weights_hash:
        return [f"it was trained on another base, {trained_on.get('id')!r}, not {base.id!r}"]
    version = manifest.get("prompt_version")
    if version != PROMPT_VERSION:
        return [f"it reads prompts of format v{version}, not v{PROMPT_VERSION}: train it again"]
    return []


def _odd_config(folder: Path) -> list[str]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return [f"{CONFIG} is not JSON"]
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        return [f"{CONFIG} does not describe a LoRA adapter"]
    return [f"{CONFIG} sets {key}: not plain LoRA" for key in _NOT_PLAIN if config.get(key)]
