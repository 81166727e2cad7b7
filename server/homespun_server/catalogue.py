"""``homespun models``: bases that work, the memory each needs, and which fit this machine.

The families come from the model room; the models named here are examples of them, with the number
of parameters that their publishers state. Nothing is looked up anywhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from homespun_model.bases.families import families
from homespun_model.bases.memory import gib, machine_memory, needed


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A published base of a family."""

    family: str
    name: str
    parameters: float
    """In billions."""


CATALOGUE = (
    CatalogueEntry("starter", "starter", 0.02),
    CatalogueEntry("starcoder", "bigcode/tiny_starcoder_py", 0.16),
    CatalogueEntry("qwen2.5-coder", "Qwen/Qwen2.5-Coder-0.5B", 0.49),
    CatalogueEntry("santacoder", "bigcode/gpt_bigcode-santacoder", 1.1),
    CatalogueEntry("deepseek-coder", "deepseek-ai/deepseek-coder-1.3b-base", 1.3),
    CatalogueEntry("qwen2.5-coder", "Qwen/Qwen2.5-Coder-1.5B", 1.5),
    CatalogueEntry("codegemma", "google/codegemma-2b", 2.5),
    CatalogueEntry("stable-code", "stabilityai/stable-code-3b", 2.8),
    CatalogueEntry("starcoder2", "bigcode/starcoder2-3b", 3.0),
    CatalogueEntry("granite-code", "ibm-granite/granite-3b-code-base-2k", 3.5),
    CatalogueEntry("mellum", "JetBrains/Mellum-4b-base", 4.0),
    CatalogueEntry("codellama", "codellama/CodeLlama-7b-hf", 6.7),
    CatalogueEntry("starcoder2", "bigcode/starcoder2-7b", 7.2),
    CatalogueEntry("qwen2.5-coder", "Qwen/Qwen2.5-Coder-7B", 7.6),
    CatalogueEntry("seed-coder", "ByteDance-Seed/Seed-Coder-8B-Base", 8.3),
)


def show(*, as_json: bool) -> int:
    """Print the table; sizes in GiB of memory."""
    memory = machine_memory()
    rows = [_row(example, memory) for example in CATALOGUE]
    names = [family.name for family in families()]
    if as_json:
        print(json.dumps({"memory_gib": gib(memory), "families": names, "models": rows}))
        return 0
    print(f"{'base':<42}{'family':<16}{'serve':>8}{'train':>8}   fits here (about)")
    for row in rows:
        print(
            f"{row['base']:<42}{row['family']:<16}"
            f"{row['serve_gib']:>6.1f} G{row['train_gib']:>6.1f} G   {row['fits']}"
        )
    print(f"\nThis machine has {gib(memory)} GiB of memory. Families: {', '.join(names)}.")
    print("Any other model of these families works too: give --base a folder or a hub name.")
    return 0


def _row(example: CatalogueEntry, memory: int) -> dict[str, Any]:
    parameters = int(example.parameters * 1e9)
    need = needed(parameters)
    fits = "serve and train" if need.train < memory else "serve" if need.serve < memory else "no"
    return {
        "base": example.name,
        "family": example.family,
        "parameters": parameters,
        "serve_gib": gib(need.serve),
        "train_gib": gib(need.train),
        "fits": fits,
    }
