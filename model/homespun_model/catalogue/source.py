"""What a source of a base is, and which files a base is made of, wherever it comes from.

Weights are GGUF or safetensors, beside them a few files of JSON: pickled weights and code of a
base's own are never asked for, so they never reach the disk. Knows no source there is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from homespun_model.catalogue.catalogue import BaseFile
from homespun_model.catalogue.transfer import Heard

GGUF_FILE = "model.gguf"
MAGIC = b"GGUF"
_DATA = re.compile(
    r"model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json"
    r"|(config|generation_config|tokenizer|fim_format)\.json"
)


class Source(Protocol):
    """Somewhere that a base can be had."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def intent(self) -> str:
        """What is about to be done, said before it is."""
        ...

    def files(self) -> tuple[BaseFile, ...]:
        """What the base is made of; may ask a network. FetchError: it is not to be had here."""
        ...

    def identity(self) -> tuple[str | None, str | None]:
        """Its publisher's name for the model and the revision, asked for after ``files``."""
        ...

    def bring(self, file: BaseFile, part: Path, heard: Heard) -> None:
        """All of one file into ``part``, going on from what is there. FetchError."""
        ...


def is_data(name: str) -> bool:
    """Whether a file of this name belongs to a base, and can do no harm as a file."""
    return bool(_DATA.fullmatch(name))


def is_gguf(path: Path) -> bool:
    """Whether a file says of itself that it is GGUF. OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
