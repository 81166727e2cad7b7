"""The files of a base: its config and its weights, looked at before anything is loaded.

An index may name only what lies beside it, and pickled weights are refused. Loads nothing.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from homespun_model.errors import BaseError

# Attention that only looks back can be cut back to an earlier place; a running state cannot.
CUTTABLE_LAYERS = {"full_attention", "sliding_attention", "attention"}  # the last: Granite's own
INDEX = "model.safetensors.index.json"
_CHUNK = 1 << 20


def read_config(directory: Path) -> dict[str, Any]:
    """The parsed config.json; BaseError for an adapter, for none, or for layers we cannot serve."""
    if (directory / "adapter_config.json").exists():
        raise BaseError(f"{directory} is an adapter, not a base: give the base it was trained on")
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BaseError(f"{directory} is no base model: it has no config.json") from error
    except (OSError, ValueError) as error:
        raise BaseError(f"{directory / 'config.json'} cannot be read: {one_line(error)}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise BaseError(f"{directory / 'config.json'} names no model_type: not a base model")
    text = config.get("text_config", config)
    kinds = text.get("layer_types") if isinstance(text, dict) else None
    if isinstance(kinds, list) and (odd := [k for k in kinds if k not in CUTTABLE_LAYERS]):
        raise BaseError(f"{directory} has layers of kind {odd[0]!r}, which cannot be served yet")
    return config


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a base; BaseError without, or where an index names others."""
    weights = sorted(directory.glob("*.safetensors"))
    if weights:
        _check_index(directory, {file.name for file in weights})
        return weights
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt*")):
        raise BaseError(
            f"{directory} holds pickled weights only, which can run code: convert them with "
            "save_pretrained (safetensors) first"
        )
    raise BaseError(f"{directory} holds no weights (*.safetensors)")


def _check_index(directory: Path, weights: set[str]) -> None:
    """Only what lies here is hashed, and only safetensors are read without running anything."""
    if other := _indexed(directory) - weights:
        file = directory / INDEX
        raise BaseError(f"{file} names {min(map(repr, other))}, no safetensors file beside it")


def ggufs_in(folder: Path) -> list[Path]:
    """The files of a folder that are called as GGUF files are."""
    return sorted(path for path in folder.glob("*.gguf") if path.is_file())


def loaded_files(directory: Path) -> list[Path]:
    """Of the weights, those that transformers loads: some bases hold them a second time."""
    if (whole := directory / "model.safetensors").is_file():
        return [whole]
    return [directory / name for name in sorted(_indexed(directory))] or weight_files(directory)


def _indexed(directory: Path) -> set[str]:
    """The files that the index of a base in parts names; none where there is no index."""
    file = directory / INDEX
    if not file.exists():
        return set()
    try:
        return set(json.loads(file.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise BaseError(f"{file} is no index of weights: {one_line(error)}") from error


def hash_of(files: list[Path]) -> str:
    """sha256 over the contents of files, in order."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def hash_begun(files: list[Path]) -> Callable[[], str]:
    """``hash_of`` on a thread of its own, begun now: half a second beside a start. What is given
    waits for it, and raises what it raised; nobody waits at a process's end."""
    found = Future[str]()

    def work() -> None:
        try:
            found.set_result(hash_of(files))
        except BaseException as error:  # whoever asks for the hash is told
            found.set_exception(error)

    threading.Thread(target=work, name="hash", daemon=True).start()
    return found.result


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
