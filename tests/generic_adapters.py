"""Generic adapters that were taught nothing, where a base finds its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from homespun_model.bases.base import Base
from homespun_model.bases.generic_adapter import CARD, own_folder
from homespun_model.bases.plain_lora import WEIGHTS
from random_adapters import random_adapter


def give_generic(base: Base, /, name: str = "own", *, seed: int = 0, **about: Any) -> Path:
    """A generic adapter for ``base`` in the user's own folder; ``about`` changes its card."""
    folder = random_adapter(base, own_folder() / name, seed=seed)
    card = {
        "base": base.record.to_json(),
        "prompt_version": base.prompt_versions[-1],
        "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        "tokens": 1000,
        "date": "2026-01-01",
    }
    (folder / CARD).write_text(json.dumps(card | about), encoding="utf-8")
    return folder
