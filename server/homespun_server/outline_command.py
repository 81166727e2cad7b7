"""``homespun models outline``: a base without its weights, for machines that only ask another."""

from __future__ import annotations

import json
from pathlib import Path

from homespun_model.bases.base import load_base
from homespun_model.bases.families import FORMAT_FILE
from homespun_model.bases.tokenizer import TOKENIZER_FILE
from homespun_model.catalogue.shelf import NAME_FILE
from homespun_model.errors import BaseError
from homespun_model.files.disk import replace

from homespun_server.errors import CommandUsageError


def outline(name: str, folder: Path) -> int:
    """Write what `--remote-base` takes into a ``folder`` that is new or empty."""
    base = load_base(name, fetch=False)
    if base.published is None:
        raise BaseError(f"nobody knows who published {name}: no adapter would be found for it")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandUsageError(f"{folder} holds something: name a folder that is new or empty")
    folder.mkdir(parents=True, exist_ok=True)
    called, revision = base.published
    files = {
        "config.json": json.dumps(dict(base.config), indent=2) + "\n",
        TOKENIZER_FILE: base.files.tokenizer.to_str(),
        FORMAT_FILE: base.format.to_json(),
        NAME_FILE: json.dumps({"name": called, "revision": revision}) + "\n",
    }
    for file, text in files.items():
        replace(folder / file, text, by_way_of=folder)
    print(f"{base.id} without its weights is in {folder}: homespun serve --remote-base {folder}")
    return 0
