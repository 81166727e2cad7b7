"""A base's generic adapter: LoRA that teaches it this project's prompt, and nobody's style.

One comes with the program for some bases, and lies in ``generic/``; ``homespun models adapt`` makes
one for any other, into the user's own data folder. Each is a plain adapter of peft's, with a small
``generic.json`` beside it that says whose it is. What is damaged, or was made for another base or
another prompt, is never served. Knows no weights, and nothing of how one is made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from homespun_model.bases.identity import BaseRecord
from homespun_model.bases.plain_lora import WEIGHTS, odd_config

CARD = "generic.json"
"""``base`` as in a manifest, ``prompt_version``, ``sha256`` of the weights, ``tokens`` read,
``repositories``, ``licence`` of what was read, ``date``."""
FOLDER = "generic"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")  # no folder on its way


@dataclass(frozen=True, slots=True)
class GenericAdapter:
    """One that was found whole, and made for the base that it was looked up for."""

    path: Path
    """The folder of a plain adapter of peft's."""
    sha256: str
    """Of its weights."""
    prompt_version: int
    card: Mapping[str, Any]
    """All that is noted of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The generic adapter of a base, if there is one."""

    adapter: GenericAdapter | None = None
    problem: str | None = None
    """Why there is none, or a better one is ignored: one line for people."""


def own_folder() -> Path:
    """Where those lie that were made on this machine."""
    import platformdirs

    return platformdirs.user_data_path("homespun", appauthor=False) / FOLDER


def bundled_folder() -> Path:
    """Where those lie that came with the program."""
    return Path(str(resources.files(__package__))) / FOLDER


def own_names() -> tuple[str, ...]:
    """Of the folders of those that were made here: a new one has a new name."""
    return tuple(folder.name for folder, _ in _cards(own_folder()))


def spoken_of() -> set[str | None]:
    """The publishers' names for the bases that there are some for; None for those of nobody."""
    cards = (card for root in (own_folder(), bundled_folder()) for _, card in _cards(root))
    records = map(BaseRecord.in_manifest, cards)
    return {record.identity.name for record in records if record and record.identity}


def find(base: BaseRecord, versions: Collection[int]) -> Found:
    """The base's, for the newest of these versions of the prompt; the user's own before a bundled
    one, the newest first."""
    mine = [
        (card["prompt_version"], own, str(card.get("date", "")), folder, card)
        for own, root in ((True, own_folder()), (False, bundled_folder()))
        for folder, card in _cards(root)
        if _is_for(base, card) and card.get("prompt_version") in versions
    ]
    problem = None
    for *_, folder, card in sorted(mine, key=lambda one: one[:3], reverse=True):
        if (wrong := _problem(folder, card)) is None:
            version = card["prompt_version"]
            return Found(GenericAdapter(folder, card["sha256"], version, card), problem)
        problem = problem or f"the generic adapter in {folder} is ignored: {wrong}"
    return Found(None, problem)


def _cards(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folders of adapters below ``root``, each with what its card says."""
    try:
        folders = sorted(path for path in root.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return
    for folder in folders:
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(card, dict):
            yield folder, card


def _is_for(base: BaseRecord, card: Mapping[str, Any]) -> bool:
    made_for = BaseRecord.in_manifest(card)
    return made_for is not None and made_for.is_same(base)


def _problem(folder: Path, card: Mapping[str, Any]) -> str | None:
    """What is wrong with it, without loading anything of it."""
    if odd := odd_config(folder):
        return odd[0]
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        return f"{WEIGHTS} cannot be read: {error.strerror}"
    if hashlib.sha256(weights).hexdigest() != card.get("sha256"):
        return f"{WEIGHTS} is not what {CARD} says"
    return None
