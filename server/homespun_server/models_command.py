"""``homespun models``: bases that work, the memory each needs, and which fit this machine."""

from __future__ import annotations

import json
from typing import Any

from homespun_model.bases.catalogue import CATALOGUE, CatalogueEntry
from homespun_model.bases.families import families
from homespun_model.bases.memory import gib, machine_memory, needed


def show(*, as_json: bool) -> int:
    """Print the table; sizes in GiB of memory."""
    memory = machine_memory()
    rows = [_row(entry, memory) for entry in CATALOGUE]
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


def _row(entry: CatalogueEntry, memory: int) -> dict[str, Any]:
    parameters = int(entry.parameters * 1e9)
    need = needed(parameters)
    fits = "serve and train" if need.train < memory else "serve" if need.serve < memory else "no"
    return {
        "base": entry.name,
        "family": entry.family,
        "parameters": parameters,
        "serve_gib": gib(need.serve),
        "train_gib": gib(need.train),
        "fits": fits,
    }
