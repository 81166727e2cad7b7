"""What a shared store served when this machine last looked, so that nobody replaces what they have
not seen. In the local store's folder; lost, it has to be looked at once more."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from homespun_model.files.disk import replace


@dataclass(frozen=True, slots=True)
class Seen:
    """Of the store at ``url``, in the local store at ``root``."""

    root: Path
    url: str

    def is_still(self, name: str, data: bytes) -> bool:
        """Whether a file of the shared store is what was seen of it."""
        try:
            return self._file(name).read_text(encoding="ascii") == _digest(data)
        except (OSError, ValueError):
            return False

    def note(self, name: str, data: bytes) -> None:
        """A file is this now. Where that cannot be written, it is as if it had not been seen."""
        file = self._file(name)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace(file, _digest(data), by_way_of=file.parent)

    def _file(self, name: str) -> Path:
        return self.root / ".shared" / _digest(f"{self.url}\n{name}".encode())[:32]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
