"""Packed weights in the user's cache, by the hash of what they were made of.

    <cache>/homespun/packed/<hash>.int8.safetensors
    <cache>/homespun/packed/coming                     one on its way
    <cache>/homespun/packed/lock                       held by whoever writes it

Whole or not there: written beside, onto the disk, and renamed. Nothing depends on it: what is cut
short or was made otherwise is made again, and where nothing can be written, nothing is kept. Knows
no models.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from pathlib import Path

import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from homespun_model.engines.stored_rows import StoredRows, can_read_rows
from homespun_model.files.disk import flush
from homespun_model.files.locks import try_lock

DAYS_KEPT = 30  # without use
_DAY = 86_400
_NAMES = {torch.int8: "I8", torch.float32: "F32"}
_ENDING = ".int8.safetensors"
_MOST_TOLD = 1 << 24  # bytes of a header

logger = logging.getLogger(__name__)


def folder() -> Path:
    """The user's own."""
    return platformdirs.user_cache_path("homespun", appauthor=False) / "packed"


def find(weights_hash: str, made_as: str) -> dict[str, Tensor] | None:
    """Views of the file, which is mapped; None where there is none that was made so."""
    file = folder() / f"{weights_hash}{_ENDING}"
    try:
        with safe_open(file, framework="pt") as opened:
            if (opened.metadata() or {}).get("made_as") != made_as:
                return None
            found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        os.utime(file)  # what was used lately is kept
    except (OSError, SafetensorError):
        return None
    return found


def rows(weights_hash: str, made_as: str, name: str) -> StoredRows | None:
    """One of its tensors, in 8 bits, that stays there; None where that cannot be."""
    file = folder() / f"{weights_hash}{_ENDING}"
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            told = json.loads(opened.read(min(size, _MOST_TOLD)))
        if told["__metadata__"]["made_as"] != made_as or not can_read_rows():
            return None
        begin, width = told[name]["data_offsets"][0], told[name]["shape"][1]
        return StoredRows(file, 8 + size + begin, width)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def keep(weights_hash: str, made_as: str, packed: dict[str, Tensor]) -> None:
    """So that ``find`` finds it; nothing is kept where that cannot be, or another writes."""
    try:
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        if (lock := try_lock(folder() / "lock")) is not None:
            with lock:
                _forget()
                _write(folder() / f"{weights_hash}{_ENDING}", made_as, packed)
    except (OSError, SafetensorError) as error:
        logger.warning("packed weights are not kept: %s", " ".join(str(error).split())[:200])


def _write(file: Path, made_as: str, packed: dict[str, Tensor]) -> None:
    """By way of another file, which the next that is kept writes over if this one ends halfway."""
    coming = file.with_name("coming")
    try:
        with coming.open("wb") as out:
            out.write(_header(made_as, packed))
            for tensor in packed.values():
                out.write(tensor.flatten().view(torch.uint8).numpy().data)
        flush(coming)
        coming.replace(file)
        flush(file.parent)
    finally:
        coming.unlink(missing_ok=True)


def _header(made_as: str, packed: dict[str, Tensor]) -> bytes:
    """What a file of safetensors begins with; their own ``save_file`` copies all that it saves."""
    told: dict[str, object] = {"__metadata__": {"made_as": made_as}}
    begin = 0
    for name, tensor in packed.items():
        end = begin + tensor.nbytes
        kind = _NAMES[tensor.dtype]
        told[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(told).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _forget() -> None:
    """What nobody has used for long."""
    for file in folder().glob(f"*{_ENDING}"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > DAYS_KEPT * _DAY:
                file.unlink()
