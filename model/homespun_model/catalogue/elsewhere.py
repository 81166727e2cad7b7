"""Models that other programs keep on this machine: Ollama's blobs, LM Studio's files.

Only looked for, to be named: nothing is copied, changed or read but Ollama's manifests, which are
data. Knows no families: whether one of them can be a base is its caller's question.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MODEL = "application/vnd.ollama.image.model"
MOST_FILES = 2000
MOST_BYTES = 1 << 20  # of a manifest
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Found:
    """A GGUF file of another program."""

    program: str
    name: str
    """What it is called there."""
    path: Path
    size: int
    """Bytes."""


def elsewhere() -> list[Found]:
    """All that is found where these programs keep their models."""
    home = Path.home()
    ollama = Path(os.environ.get("OLLAMA_MODELS") or home / ".ollama" / "models")
    studio = (home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models")
    found = [*_ollama(ollama), *(one for root in studio for one in _lm_studio(root))]
    return sorted(found, key=lambda one: (one.program, one.name))


def _ollama(root: Path) -> Iterator[Found]:
    """A manifest lies at registry/namespace/model/tag, and names the blob of the weights."""
    for manifest in islice((root / "manifests").glob("*/*/*/*"), MOST_FILES):
        blob = _blob(root, manifest)
        if blob is not None:
            name = f"{manifest.parent.name}:{manifest.name}"
            yield Found("Ollama", name, blob, blob.stat().st_size)


def _blob(root: Path, manifest: Path) -> Path | None:
    try:
        if manifest.stat().st_size > MOST_BYTES:
            return None
        layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
        digests = [one["digest"] for one in layers if one.get("mediaType") == MODEL]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    digest = _DIGEST.fullmatch(str(digests[0])) if len(digests) == 1 else None
    blob = root / "blobs" / f"sha256-{digest[1]}" if digest else None
    return blob if blob is not None and blob.is_file() else None


def _lm_studio(root: Path) -> Iterator[Found]:
    for path in islice(root.rglob("*.gguf"), MOST_FILES):
        if path.is_file():
            yield Found("LM Studio", path.stem, path, path.stat().st_size)
