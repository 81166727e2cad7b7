"""A trained checkpoint → the folder that transformers, peft and vLLM load: bf16 safetensors."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from homespun_model.bases.families import FORMAT_FILE, STARTER, FimFormat
from transformers import Qwen3ForCausalLM


def export(
    model: Qwen3ForCausalLM, vocabulary: Path, out: Path, format: FimFormat = STARTER
) -> None:
    """Write weights, config, tokenizer and FIM format into ``out``, which then stands alone.

    ``vocabulary`` is the folder of ``save_vocabulary``. The weights are stored in bfloat16 and
    without the tied output matrix, which transformers restores.
    """
    out.mkdir(parents=True, exist_ok=True)
    model.to(dtype=torch.bfloat16)  # type: ignore[call-arg]
    for config in (model.config, model.generation_config):
        config.use_cache = True  # off while training; who generates wants it
    model.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(vocabulary / name, out / name)
    (out / FORMAT_FILE).write_text(format.to_json(), encoding="utf-8")
