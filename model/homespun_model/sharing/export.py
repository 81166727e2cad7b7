"""A revision in the forms that other programs take.

``peft``    a folder of peft's own two files, naming its base as the hub does: peft, vLLM
``gguf``    one file of llama.cpp's, to be put on the base's GGUF file: llama.cpp, Ollama, LM Studio
``merged``  the base with the adapter in its weights, a folder of transformers': whatever takes one

Written beside and renamed: a folder is there whole or not at all.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from homespun_model.bases.base import Base
from homespun_model.bases.memory import is_small
from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.engines.lora import Factors, Lora, read_lora
from homespun_model.errors import BaseError, StoreError, StoreInputError
from homespun_model.files.disk import flush_files
from homespun_model.gguf.architectures import ARCHITECTURES
from homespun_model.gguf.weights import Place, layer_places
from homespun_model.store.admission import check
from homespun_model.store.revision import Revision

Form = Literal["peft", "gguf", "merged"]
GGUF_FILE = "adapter.gguf"


def export(
    revision: Revision, base: Base, folder: Path, form: Form, *, called: str | None = None
) -> Path:
    """``export_adapter`` of a ``revision``, which is of ``base``; StoreError where it is not."""
    check(revision, base)
    return export_adapter(revision.path, base, folder, form, called=called)


def export_adapter(
    adapter: Path, base: Base, folder: Path, form: Form, *, called: str | None = None
) -> Path:
    """Write an ``adapter`` of ``base``, a folder of peft's, into a ``folder`` that is not there yet
    or empty; what is to be named to the other program. ``called``: what that calls the base, for
    peft's form; None: its publisher's name. StoreError, StoreInputError or BaseError."""
    folder = folder.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreInputError(f"{folder} holds something: name a folder that is new or empty")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".coming-") as work:
            made = Path(work) / folder.name
            made.mkdir()
            if form == "peft":
                _write_peft(adapter, base, made, called)
            elif form == "gguf":
                _write_gguf(adapter, base, made)
            else:
                _write_merged(adapter, base, made)
            flush_files(made)
            if folder.exists():
                folder.rmdir()
            made.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder / GGUF_FILE if form == "gguf" else folder


def _write_peft(adapter: Path, base: Base, folder: Path, called: str | None) -> None:
    """vLLM's resolver compares ``base_model_name_or_path`` with what its --model was."""
    shutil.copyfile(adapter / WEIGHTS, folder / WEIGHTS)
    config = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    known = base.published[0] if base.published else base.id
    config["base_model_name_or_path"] = called or known
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")


def _write_gguf(adapter: Path, base: Base, folder: Path) -> None:
    shapes = {name: weight.shape for name, weight in base.tensors(torch.bfloat16).items()}
    lora_as_gguf(read_lora(adapter, shapes), base, folder / GGUF_FILE)


def lora_as_gguf(lora: Lora, base: Base, file: Path) -> None:
    """An adapter of ``base`` in llama.cpp's form, float32 whatever the base's own file is in.

    A scale of alpha / rank is in the factors. BaseError where llama.cpp has no such base.
    """
    import gguf

    kinds = {kind.model_type: (name, kind) for name, kind in ARCHITECTURES.items()}
    if (found := kinds.get(str(base.config.get("model_type")))) is None:
        known = ", ".join(kinds)
        raise BaseError(f"{base.id} is none of the models that go into GGUF here: {known}")
    places = layer_places(base.config, found[1])
    writer = gguf.GGUFWriter(str(file), found[0])
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(max(len(each.down) for each in lora.values())))
    for module, factors in lora.items():
        _, _, layer, rest = module.split(".", 3)
        place = places[f"{rest}.weight"]
        writer.add_tensor(f"blk.{layer}.{place.stored}.lora_a", _numbers(factors.down))
        writer.add_tensor(f"blk.{layer}.{place.stored}.lora_b", _numbers(_turned(factors, place)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _turned(factors: Factors, place: Place) -> Tensor:
    """B with its rows in ggml's order, which for some models is another for queries and keys."""
    if place.heads is None:
        return factors.up
    halves = factors.up.view(place.heads, 2, -1, factors.up.shape[1])
    return halves.transpose(1, 2).reshape(factors.up.shape)


def _numbers(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    numbers: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = tensor.contiguous().numpy()
    return numbers


def _write_merged(adapter: Path, base: Base, folder: Path) -> None:
    """In bf16, a small base in float32; with the base's own tokenizer."""
    from homespun_model.engines.lora_merged import merged

    dtype = torch.float32 if is_small(base.parameters) else torch.bfloat16
    model = merged(base.load_model(dtype), adapter)
    from transformers import PreTrainedTokenizerFast

    model.save_pretrained(str(folder))
    fast: Any = PreTrainedTokenizerFast  # untyped
    fast(tokenizer_object=base.files.tokenizer).save_pretrained(str(folder))
