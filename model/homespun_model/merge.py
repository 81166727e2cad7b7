"""An adapter merged into a base's weights, after making sure that it may be.

Nothing of a revision is loaded before its hashes, its base and its prompt version are checked and
its configuration is found to be plain LoRA. Knows nothing of prompts or suggestions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from homespun_model.errors import StoreError
from homespun_model.prompt import PROMPT_VERSION
from homespun_model.revision import CONFIG, WEIGHTS, Revision, problems

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from homespun_model.base import Base

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
_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


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
        raise _unloadable(folder, error) from error
    return cast("PreTrainedModel", whole.eval())


def merged_weights(weights: Mapping[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """``merged`` for float32 weights by name, of which the changed ones are new; without peft."""
    from safetensors import SafetensorError

    try:
        rank, alpha = _rank_and_alpha(folder / CONFIG)
        whole = dict(weights)
        for name, (down, up) in _factors(folder / WEIGHTS).items():
            if name not in whole:
                raise ValueError(f"the base has no {name}")
            whole[name] = _added(whole[name], down, up, rank, alpha)
    except (OSError, ValueError, SafetensorError) as error:
        raise _unloadable(folder, error) from error
    return whole


def _unloadable(folder: Path, error: Exception) -> StoreError:
    reason = " ".join(str(error).split())[:200]
    return StoreError(f"adapter {folder.name} does not load: {reason}")


def _rank_and_alpha(file: Path) -> tuple[int, float]:
    config = json.loads(file.read_text(encoding="utf-8"))
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise ValueError(f"{CONFIG} says r={rank!r} and lora_alpha={alpha!r}")
    return rank, alpha


def _factors(file: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """The two matrices, (rank, inputs) and (outputs, rank), for each of the base's weights."""
    from safetensors.torch import load

    stored = load(file.read_bytes())
    stems = [name.removesuffix(_DOWN) for name in stored if name.endswith(_DOWN)]
    found = {
        stem.removeprefix(_PREFIX) + ".weight": (stored.pop(stem + _DOWN), stored.pop(stem + _UP))
        for stem in stems
        if stem + _UP in stored
    }
    if stored or not found:
        odd = min(stored, default="nothing")
        raise ValueError(f"{WEIGHTS} holds {odd}: not plain LoRA")
    return found


def _added(weight: Tensor, down: Tensor, up: Tensor, rank: int, alpha: float) -> Tensor:
    """W + alpha / rank · B · A, as Hu et al. (arXiv:2106.09685) have it."""
    if (down.shape, up.shape) != ((rank, weight.shape[-1]), (weight.shape[0], rank)):
        shapes = " and ".join(str(tuple(part.shape)) for part in (down, up, weight))
        raise ValueError(f"factors and weights of shapes {shapes} do not fit with r={rank}")
    whole = weight + (alpha / rank) * (up.float() @ down.float())
    if not whole.isfinite().all():
        raise ValueError("its weights hold values that are no numbers")
    return whole


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
    odd = [key for key in _NOT_PLAIN if config.get(key)]
    if isinstance(config.get("init_lora_weights"), str):  # a way that changes the base's weights
        odd.append("init_lora_weights")
    return [f"{CONFIG} sets {key}: not plain LoRA" for key in odd]
