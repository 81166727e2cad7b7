"""The adapter itself: a fresh one, one to go on from, and its files.

One shape for all, so that adapters swap while serving. Knows no training.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from homespun_model.bases.plain_lora import WEIGHTS
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft import set_peft_model_state_dict as put_state
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from homespun_finetune.errors import TrainingError
from homespun_finetune.settings import TrainSettings

PREFIX = "base_model.model."  # of modules, in files of adapters


def lora(model: PreTrainedModel, settings: TrainSettings) -> PeftModel:
    """The base with a fresh adapter on every linear layer but the output; it is neutral yet."""
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return cast(PeftModel, get_peft_model(model, config))


def go_on_from(model: PeftModel, folder: Path) -> None:
    """Put the weights of the adapter in ``folder`` into the model's fresh one.

    TrainingError unless it has exactly these weights in exactly these shapes.
    """
    try:
        state = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"the adapter in {folder} cannot be read: {error}") from error
    shapes = {
        name: tensor.shape
        for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }
    if {name: tensor.shape for name, tensor in state.items()} != shapes:
        raise TrainingError(
            f"the adapter in {folder} has another shape than those that are trained now: "
            "train from the base, without --refresh"
        )
    put_state(model, state)


def save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    """Write the adapter in peft's own format, safetensors only, naming the base it belongs to.

    TrainingError where it cannot be written.
    """
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    try:
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        _config_of(model, base).save_pretrained(str(folder))
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            f"the adapter cannot be written to {folder}: {reason}; make room there, or choose "
            "another --store"
        ) from error


def _config_of(model: PeftModel, base: str) -> LoraConfig:
    config = cast(LoraConfig, model.peft_config["default"])
    config.base_model_name_or_path = base
    config.target_modules = sorted(config.target_modules or ())  # a set would differ every time
    config.inference_mode = True
    return config
