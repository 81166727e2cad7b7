"""The starter's card: what it is, what it was trained on, and how far it got.

Written from the run's own files, so that it cannot say what did not happen.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from homespun_finetune.pretrain.settings import Recipe
from homespun_finetune.pretrain.sources import Source

PREPARED = "prepared.json"
LOSSES = "losses.jsonl"
EARLIER = "earlier.json"  # of weights that the run went on from


def write_card(
    recipe: Recipe, run: Path, sources: list[Source], parameters: int, out: Path
) -> None:
    """Write ``README.md`` into ``out`` from the run's losses and the summary of its data."""
    prepared = json.loads((run / PREPARED).read_text(encoding="utf-8"))
    losses = [json.loads(line) for line in (run / LOSSES).read_text().splitlines()]
    sections = (
        _head(recipe, parameters, _tokens(run, losses)),
        _data(prepared, sources),
        _held_out(sources),
        _losses(losses),
        _limits(),
    )
    (out / "README.md").write_text("\n".join(sections), encoding="utf-8")


def _tokens(run: Path, losses: list[dict[str, Any]]) -> str:
    now = f"{losses[-1]['tokens'] / 1e6:.1f}M tokens"
    earlier = run / EARLIER
    if not earlier.exists():
        return now
    seen = json.loads(earlier.read_text(encoding="utf-8"))["tokens"]
    return f"{now}, after {seen / 1e6:.1f}M in an earlier run"


def _head(recipe: Recipe, parameters: int, tokens: str) -> str:
    model = recipe.model
    return f"""# The starter

A fill-in-the-middle code model of {parameters / 1e6:.1f}M parameters, trained from scratch by
`python -m homespun_finetune.pretrain`. It exists so that Homespun works where no model hub can be
reached. It is small: fine-tuning on a repository is what makes it useful there.

| | |
|---|---|
| architecture | `Qwen3ForCausalLM`, hidden {model.hidden_size}, {model.layers} layers, \
{model.heads}/{model.kv_heads} heads of {model.head_dim}, intermediate {model.intermediate_size}, \
tied embeddings |
| vocabulary | byte-level BPE, {recipe.vocabulary.size} ids, sentinels included |
| context | {model.context_length} tokens, of which a prompt takes three quarters |
| weights | bfloat16 safetensors |
| prompt | format v1: suffix first, prefix and middle contiguous; `<|endoftext|>` ends a middle |
| trained on | {tokens}; end token weighted {recipe.train.end_weight:g}, \
other tokens of a middle {recipe.train.middle_weight:g} |
"""


def _data(prepared: dict[str, Any], sources: list[Source]) -> str:
    total = sum(prepared["bytes"].values())
    languages = ", ".join(f"{name} {n / total:.0%}" for name, n in prepared["bytes"].items())
    licences = Counter(s.licence for s in sources if s.use == "train").most_common()
    rejected = ", ".join(f"{reason} {n}" for reason, n in prepared["rejected"].items())
    return f"""## Data

{prepared["kept"]} files, {total / 1e6:.0f} MB, sampled from public repositories under permissive \
licences, which `repositories.tsv` beside the recipe lists with their commits.

- Languages: {languages}.
- Licences: {", ".join(f"{name} {n}" for name, n in licences)}.
- Left out (files): {rejected}.
"""


def _held_out(sources: list[Source]) -> str:
    names = ", ".join(s.repository for s in sources if s.use == "measure")
    return f"""## Kept for measurement

Whole repositories that no training data comes from: {names}.
"""


def _losses(losses: list[dict[str, Any]]) -> str:
    measured = [row for row in losses if row["held_out"]]
    shown = measured[:: max(1, len(measured) // 6)]
    if measured and shown[-1] is not measured[-1]:
        shown.append(measured[-1])
    rows = "\n".join(
        f"| {row['tokens'] / 1e6:.1f}M | {row['held_out']['all']:.3f} "
        f"| {row['held_out']['middle']:.3f} |"
        for row in shown
    )
    return f"""## Loss on held-out files

| tokens seen | nats a token | in middles |
|---|---|---|
{rows}
"""


def _limits() -> str:
    return """## Limits

It completes lines and short blocks, most reliably what the file and the prompt's related code
already show. It was not tuned to follow instructions, and what it writes has to be read.
"""
