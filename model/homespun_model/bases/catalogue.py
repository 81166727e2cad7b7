"""The catalogue: published bases of the families, as data.

With the number of parameters that their publishers state. Nothing is looked up anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


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
