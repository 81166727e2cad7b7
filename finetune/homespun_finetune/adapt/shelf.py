"""A generic adapter put where its base finds it, with a card that says whose it is.

It is renamed into place whole before an older one of the same base goes: whoever looks finds one of
the two at any moment. Knows not how it was trained.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homespun_model.bases.base import Base
from homespun_model.bases.generic_adapter import CARD, own_folder
from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.files.disk import flush, flush_files, write

from homespun_finetune.adapt.rounds import Round, public_name

LICENCE = "trained on permissively licensed code; it holds none of it as text"


def place(
    base: Base, adapter: Path, rounds: Sequence[Round], repositories: Sequence[dict[str, Any]]
) -> Path:
    """Copy ``adapter`` into the user's own folder, instead of what is there for the base; where it
    lies then. OSError."""
    root = own_folder()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    sha256 = hashlib.sha256((adapter / WEIGHTS).read_bytes()).hexdigest()
    target = root / f"{base.record.key}-{sha256[:8]}"
    with tempfile.TemporaryDirectory(dir=root, prefix=".coming-") as scratch:
        staged = Path(scratch) / target.name
        staged.mkdir()
        for name in (CONFIG, WEIGHTS):
            shutil.copyfile(adapter / name, staged / name)
        card = _card(base, rounds, repositories) | {"sha256": sha256}
        write(staged / CARD, json.dumps(card, indent=1) + "\n")
        flush_files(staged)
        if not target.exists():
            staged.rename(target)
    flush(root)
    for older in root.glob(f"{base.record.key}-*"):
        if older != target:
            shutil.rmtree(older, ignore_errors=True)
    return target


def _card(
    base: Base, rounds: Sequence[Round], repositories: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "base": replace(base.record, id=public_name(base)).to_json(),
        "prompt_version": base.prompt_versions[-1],
        "tokens": sum(one.tokens for one in rounds),
        "bits": {"bare": rounds[0].bits, "adapted": min(one.bits for one in rounds)},
        "repositories": list(repositories),
        "licence": LICENCE,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
