"""Counts that somebody collects from a team: a file a day and machine, at the store's URL or in a
folder. Names nobody: a machine is a random name that is made for it."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from datetime import date
from pathlib import Path

import platformdirs

from homespun_model.errors import StoreError
from homespun_model.sharing.shared_files import ChangedMeanwhileError
from homespun_model.sharing.store_place import files_at
from homespun_model.sharing.url import StoreUrl, is_url

MOST = 1 << 24  # bytes


def put_usage(to: str, text: str) -> str:
    """Write ``text`` for today and this machine, over what it wrote today; where. StoreError."""
    name = f"usage/{date.today().isoformat()}-{_machine()}.jsonl"
    url = to if is_url(to) else Path(to).expanduser().absolute().as_uri()
    files = files_at(StoreUrl.of(url))
    if not files.exists():
        raise StoreError(f"there is no store at {to}: make the folder or bucket first")
    there = files.read(name, MOST)
    try:
        files.replace(name, text.encode(), there[1] if there else None)
    except ChangedMeanwhileError as error:
        raise StoreError(f"{to}/{name} changes just now: try again") from error
    return f"{StoreUrl.of(url)}/{name}"


def _machine() -> str:
    """Made once, of chance alone."""
    file = platformdirs.user_data_path("homespun", appauthor=False) / "machine"
    with contextlib.suppress(OSError, ValueError):
        if len(name := file.read_text(encoding="ascii").strip()) == 12 and name.isalnum():
            return name
    name = secrets.token_hex(6)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=file.parent) as work:
            new = Path(work) / "machine"
            new.write_text(name, encoding="ascii")
            new.replace(file)
    return name
