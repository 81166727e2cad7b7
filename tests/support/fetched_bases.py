"""Bases small enough to fetch in a test: a row of a catalogue of the test's own, and its file."""

from __future__ import annotations

import hashlib
import random
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homespun_model.catalogue.catalogue import Catalogue, CatalogueEntry
from homespun_model.catalogue.shelf import Shelf
from homespun_server.models_command import ModelCommands

NAME = "qwen2.5-coder-tiny"
REVISION = "a" * 40
REPOSITORY = "org/Tiny-GGUF"
DATA = b"GGUF" + random.Random(0).randbytes(3_000_000)
PARTS = 3
REQUIREMENTS = [f"homespun-test-part{number + 1}==0.9.0" for number in range(PARTS)]


def entry(**changes: Any) -> CatalogueEntry:
    """A base of one GGUF file, to be had from the hub and from packages."""
    row: dict[str, Any] = {
        "name": NAME,
        "parameters": 1000,
        "family": "qwen2.5-coder",
        "licence": "Apache-2.0",
        "tested": True,
        "published": "org/Tiny",
        "hub": {"repository": REPOSITORY, "revision": REVISION},
        "packages": {"requirements": REQUIREMENTS, "member": ".bin"},
        "files": [
            {
                "name": "model.gguf",
                "source": "tiny-q4.gguf",
                "size": len(DATA),
                "sha256": hashlib.sha256(DATA).hexdigest(),
            }
        ],
    }
    return CatalogueEntry.from_dict(row | changes)


@dataclass
class Machine:
    """A user's folders, and the commands on them."""

    root: Path
    entries: tuple[CatalogueEntry, ...] = field(default_factory=lambda: (entry(),))

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.root / "bases")

    @property
    def settings(self) -> Path:
        return self.root / "config" / "config.toml"

    @property
    def commands(self) -> ModelCommands:
        return ModelCommands(self.shelf, Catalogue(self.entries), self.settings, 64 << 30)

    def get(self, source: str | None = None, given: str | None = None, name: str = NAME) -> int:
        return self.commands.get(name, source=source, given=given, as_json=False)

    def is_clean(self) -> bool:
        """Whether nothing lies on the shelf, not half a base either."""
        return self.shelf.names() == [] and not [*self.shelf.root.glob("[!.]*")]


def make_wheels(folder: Path, data: bytes = DATA, parts: int = PARTS) -> Path:
    """Wheels that carry ``data``, in a folder that pip's --find-links takes."""
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-len(data) // parts)
    for number in range(parts):
        name = f"homespun_test_part{number + 1}"
        info = f"{name}-0.9.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-0.9.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/part{number}.bin", data[number * step : (number + 1) * step])
            wheel.writestr(f"{name}/__init__.py", "raise RuntimeError('imported')\n")
            about = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 0.9.0\n"
            wheel.writestr(f"{info}/METADATA", about)
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder
