"""The starter's card: what it is, what it was trained on, and how far it got.

Written from the run's own files, so that it cannot say what did not happen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from homespun_finetune.pretrain.overlap import SEED
from homespun_finetune.pretrain.settings import Recipe
from homespun_finetune.pretrain.sources import SourceRepository

PREPARED = "prepared.json"
LOSSES = "losses.jsonl"
EARLIER = "earlier.json"  # of weights that the run went on from
MEASURED = "measured.json"  # by the measure step


def write_card(recipe: Recipe, run: Path, sources: list[SourceRepository], out: Path) -> None:
    """Write ``README.md`` beside the weights in ``out`` from the run's losses, data and figures."""
    prepared = json.loads((run / PREPARED).read_text(encoding="utf-8"))
    losses = [json.loads(line) for line in (run / LOSSES).read_text().splitlines()]
    sections = (
        _head(recipe, _parameters(out), _tokens(run, losses)),
        _data(prepared, sources),
        _held_out(sources),
        *_figures(run / MEASURED),
        _losses(losses),
        _limits(),
    )
    (out / "README.md").write_text("\n".join(sections), encoding="utf-8")


def _parameters(weights: Path) -> int:
    with safe_open(weights / "model.safetensors", framework="np") as tensors:
        names = tensors.keys()
        return sum(prod(tensors.get_slice(name).get_shape()) for name in names)


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


def _data(prepared: dict[str, Any], sources: list[SourceRepository]) -> str:
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


def _held_out(sources: list[SourceRepository]) -> str:
    names = ", ".join(s.repository for s in sources if s.use == "measure")
    return f"""## Kept for measurement

Whole repositories that no training data comes from: {names}.
"""


def _figures(measured: Path) -> Iterator[str]:
    if not measured.exists():
        return
    figures = json.loads(measured.read_text(encoding="utf-8"))
    rows = "\n".join(
        f"| {row['repository']} | {row['language']} | {row['exact_line']:.1%} "
        f"| {row['ends_itself']:.1%} | {row['bits_per_byte']:.3f} |"
        for row in figures["lines"]
    )
    yield f"""## The rest of a line in unseen code

{figures["lines"][0]["holes"]} random cursors in each repository kept for measurement, in files of \
its commonest language, the model on its own: no path, no related code, no fine-tuning.

| repository | language | exact | ends by itself | bits a byte |
|---|---|---|---|---|
{rows}
"""
    overlap = figures["overlap"]
    yield f"""## Written down again

{overlap["pieces"]} greedy completions of up to 128 tokens, each begun in a file of the training \
data; the longest run of tokens that one shares with any training file, word for word: \
{overlap["median"]} in the median, {overlap["p95"]} at the 95th percentile, {overlap["longest"]} \
at most (0 stands for less than {SEED}).
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
