"""Generic adapters where a base finds its own."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from homespun_model.bases.base import Base
from homespun_model.bases.generic_adapter import CARD, own_folder
from homespun_model.bases.plain_lora import WEIGHTS
from random_adapters import random_adapter


def give_generic(base: Base, adapter: Path, /, name: str = "own", **about: Any) -> Path:
    """Put a copy of ``adapter`` into the user's own folder; ``about`` changes its card."""
    folder = own_folder() / name
    shutil.copytree(adapter, folder)
    card = {
        "base": base.record.to_json(),
        "prompt_version": base.prompt_versions[-1],
        "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        "tokens": 1000,
        "date": "2026-01-01",
    }
    (folder / CARD).write_text(json.dumps(card | about), encoding="utf-8")
    return folder


def random_generic(base: Base, folder: Path, /, name: str = "own", **about: Any) -> Path:
    """One that was taught nothing and changes much, made in ``folder``."""
    return give_generic(base, random_adapter(base, folder / name), name, **about)
