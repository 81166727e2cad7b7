"""Onto the disk, so that it is still there after a crash: written, flushed, renamed into place.

Knows nothing of adapters.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(file: Path, text: str) -> None:
    """Write a new file, and onto the disk."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def replace(file: Path, text: str, *, by_way_of: Path) -> None:
    """Put ``text`` into ``file`` at once, and onto the disk; it is written in another folder."""
    with tempfile.TemporaryDirectory(dir=by_way_of, prefix=f"{file.name}-") as folder:
        new = Path(folder) / "new"
        write(new, text)
        new.replace(file)
    flush(file.parent)


def flush_files(folder: Path) -> None:
    """A folder and the files in it, onto the disk."""
    for entry in folder.iterdir():
        flush(entry)
    flush(folder)


def flush(path: Path) -> None:
    """Onto the disk. Windows has no such thing for folders."""
    if os.name == "nt" and path.is_dir():
        return
    fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
