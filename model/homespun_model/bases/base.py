"""Base models: find one, make sure that it is safe to load, and load it.

A base is the bundled starter, one of the shelf, a folder, a GGUF file, or a model on the Hugging
Face hub, and the last only when its user names it: nothing here reads a base's name out of a
manifest or a repository, and a folder called like a base of the catalogue is not taken for it.
Weights are safetensors or GGUF and nothing else, and no code that lies beside them is ever run.
torch and transformers are imported when weights are loaded, not before. Of adapters it knows where
its generic one lies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.bases.base_files import ggufs_in, one_line
from homespun_model.bases.extras import TRANSFORMERS, lacking
from homespun_model.bases.families import (
    FORMAT_FILE,
    FimFormat,
    FimIds,
    by_name,
    detect,
    read_format,
)
from homespun_model.bases.fitted import Fitted, fitted_to
from homespun_model.bases.generic_adapter import Found, find
from homespun_model.bases.identity import (
    DIGITS,
    BaseIdentity,
    BaseRecord,
    architecture_of,
    publishers_name,
    vocabulary_hash,
)
from homespun_model.bases.model_files import ModelFiles
from homespun_model.bases.prompt import BUILDERS, Budget, PromptBuilder, versions_for
from homespun_model.bases.safetensors_folder import SafetensorsFolder
from homespun_model.bases.token_healing import Lexicon
from homespun_model.bases.tokenizer import TextTokenizer
from homespun_model.bases.weightless_folder import WeightlessFolder
from homespun_model.catalogue.catalogue import STARTER, published
from homespun_model.catalogue.shelf import default_shelf
from homespun_model.errors import BaseError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Longer prompts would hold nothing: the window around a cursor is about this long (place.py).
MAX_CONTEXT = 2048
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Base:
    """A base model that was found and looked at; its weights load on demand."""

    id: str
    """What it is called: "starter", its name on the shelf, the path of the folder or file, or the
    hub's name."""
    files: ModelFiles = field(compare=False, repr=False)
    """What it is made from."""
    weights_hash: str
    """sha256 over the files of its weights: what was loaded, not what it is (``record``)."""
    format: FimFormat
    fim: FimIds
    tokenizer: TextTokenizer = field(compare=False)
    context_length: int
    """Tokens of prompt and middle together, at most MAX_CONTEXT."""
    architecture: str
    """Model type and shape."""
    published: tuple[str, str | None] | None
    """Name and revision, where they are known."""

    @property
    def prompt_versions(self) -> tuple[int, ...]:
        """The versions of the prompt that this base can be asked with, the one to train on last."""
        return versions_for(self.format.order)

    def prompts(self, version: int | None = None) -> PromptBuilder:
        """The prompt builder for this base: training, scoring and serving all take it from here.

        ``version``: an adapter's, one of ``prompt_versions``; None for the one to train on.
        """
        build = BUILDERS[self.prompt_versions[-1] if version is None else version]
        return build(self.tokenizer, self.fim, Budget.of(self.context_length))

    @cached_property
    def vocabulary(self) -> str:
        """The hash of its tokens, by which whatever has the same is known."""
        return vocabulary_hash(self.tokenizer.size, self.tokenizer.token)

    @cached_property
    def record(self) -> BaseRecord:
        """What it is, for manifests and for the store; made when first asked for."""
        name, revision = self.published or (None, None)
        identity = BaseIdentity(
            architecture=self.architecture,
            tokenizer=self.vocabulary,
            name=name,
            revision=revision,
            sha256=None if name else self.weights_hash,
        )
        return BaseRecord(self.id, self.weights_hash, identity)

    @cached_property
    def found_generic(self) -> Found:
        """Its generic adapter, or why there is none; looked for when first asked for."""
        return find(self.record, self.prompt_versions)

    @property
    def generic(self) -> Path | None:
        """The folder of its generic adapter, a plain one of peft's; None where there is none."""
        found = self.found_generic.adapter
        return found.path if found is not None else None

    @property
    def released(self) -> date | None:
        """When it came out; None where the catalogue does not know."""
        return published().released(self.published[0]) if self.published else None

    @property
    def config(self) -> Mapping[str, Any]:
        """What transformers keeps in a ``config.json``, whatever the format."""
        return self.files.config

    def tensors(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """The weights by transformers' names, all of them finite, for an engine of one's own.

        They may be views of a file: copy what is kept. BaseError where they cannot be read.
        """
        return self.files.tensors(dtype)

    @cached_property
    def parameters(self) -> int:
        """Numbers in what loads, of which only the headers are read. BaseError."""
        return self.files.parameters()

    @cached_property
    def fitted(self) -> Fitted:
        """What was fitted to it, or to the nearest in size."""
        return fitted_to(self.parameters)

    @cached_property
    def lexicon(self) -> Lexicon:
        """The vocabulary's tokens by their text; made when first asked for."""
        return Lexicon(self.tokenizer)

    def load_model(self, dtype: torch.dtype | None = None, device: str = "cpu") -> PreTrainedModel:
        """A fresh copy of the weights in ``dtype`` (float32 unless given), in evaluation mode.

        By transformers; BaseError where that is not installed.
        """
        import torch

        if line := lacking(TRANSFORMERS):
            raise BaseError(f"base {self.id!r} runs only by transformers here: {line}")
        model = self.files.model(dtype or torch.float32)
        model.requires_grad_(False)
        return _moved(model, device)


def load_base(
    name: str = STARTER,
    *,
    fim_format: str | None = None,
    fetch: bool = True,
    weightless: bool = False,
) -> Base:
    """The base called ``name``: "starter", one of the shelf, a folder, a GGUF file, or a hub name.

    A hub name is downloaded unless it is in the local cache already, so pass only what the user
    asked for, or not ``fetch``. ``fim_format`` names the family where it cannot be told.
    ``weightless``: one may be without weights, for whoever asks another machine. BaseError: one
    line.
    """
    files = _weightless(name) if weightless else None
    files = files or _find(name, fetch)
    format = _format(name, files, fim_format)
    fim = format.resolve(files.tokenizer.token_to_id)
    text = TextTokenizer(files.tokenizer, forbidden=fim.stop, guard=format.guard)
    _check_vocabulary(files, text)
    weights_hash = files.weights_hash()
    return Base(
        id=name if _is_called(name) else str(files.path),
        files=files,
        weights_hash=weights_hash,
        format=format,
        fim=fim,
        tokenizer=text,
        context_length=_context_length(files.config),
        architecture=architecture_of(files.config),
        published=_published(name, files, weights_hash),
    )


def _published(name: str, files: ModelFiles, weights_hash: str) -> tuple[str, str | None] | None:
    """Name and revision: of the starter, what it weighs; of a hub's model, the snapshot's; of any
    other, what lies beside it, or whose the catalogue says that these bytes are."""
    if name == STARTER:
        return name, weights_hash[:DIGITS]
    if _is_hub_name(name):
        return name, files.path.name
    noted = None if files.beside is None else publishers_name(files.beside)
    return noted or published().named_by(weights_hash)


def _is_called(name: str) -> bool:
    """Whether a base is known by its name, wherever its files lie."""
    return name == STARTER or default_shelf().has(name) or _is_hub_name(name)


def _find(name: str, fetch: bool) -> ModelFiles:
    if name == STARTER:
        return SafetensorsFolder.at(_starter())
    if default_shelf().has(name):
        return _in_folder(default_shelf().folder(name))
    if published().find(name) is not None:
        raise BaseError(f"{name} is not on this machine yet: homespun models get {name}")
    path = Path(name).expanduser()
    if name and path.is_dir():
        return _in_folder(path.resolve())
    if name and path.is_file():
        return _in_file(path.absolute())
    if _is_hub_name(name):
        return SafetensorsFolder.at(_from_hub(name, fetch))
    raise BaseError(
        f"there is no base {name!r}: give a name that `homespun models` lists, a folder, a GGUF "
        "file, or a hub name (org/model)"
    )


def _weightless(name: str) -> ModelFiles | None:
    """What a folder holds that has a tokenizer and no weights; None for any other."""
    folder = Path(name).expanduser()
    is_name = name == STARTER or default_shelf().has(name) or published().find(name) is not None
    if is_name or not name or not folder.is_dir():
        return None
    return WeightlessFolder.at(folder.resolve())


def _in_folder(folder: Path) -> ModelFiles:
    """What transformers saved there, else the only GGUF file."""
    ggufs = ggufs_in(folder)
    if not ggufs or any(folder.glob("*.safetensors")):
        return SafetensorsFolder.at(folder)
    if len(ggufs) > 1:
        raise BaseError(f"{folder} holds {len(ggufs)} GGUF files: name one, {ggufs[0].name} …")
    return _in_file(ggufs[0])


def _in_file(path: Path) -> ModelFiles:
    from homespun_model.bases.gguf_file import GgufFile  # numpy's import would be felt

    return GgufFile.at(path)


def _starter() -> Path:
    folder = Path(str(resources.files(__package__))) / STARTER
    if not (folder / "config.json").is_file():
        raise BaseError(
            "the starter's weights are missing from this installation: install it again"
        )
    return folder


def _is_hub_name(name: str) -> bool:
    """org/model, and not a slip in the path of a folder: ``bases/`` would be there."""
    return bool(HUB_NAME.fullmatch(name)) and not Path(name).parent.exists()


def _from_hub(name: str, fetch: bool) -> Path:
    import huggingface_hub

    try:
        # Only data: no pickled weights and no Python reach the disk.
        found = huggingface_hub.snapshot_download(
            name,
            allow_patterns=["*.safetensors", "*.safetensors.index.json", "*.json"],
            local_files_only=not fetch,
        )
    except Exception as error:
        raise BaseError(
            f"{name!r} is not a folder here, and the hub did not give it: {one_line(error)}"
        ) from error
    return Path(found)


def _format(name: str, files: ModelFiles, wanted: str | None) -> FimFormat:
    """What the user says, else what lies beside the weights, else what the names tell."""
    if wanted is not None:
        return by_name(wanted)
    if files.beside is not None and (files.beside / FORMAT_FILE).is_file():
        return read_format(files.beside / FORMAT_FILE)
    names = (name, *files.names[1:]) if _is_hub_name(name) else files.names
    return detect(names, files.tokenizer.token_to_id)


def _check_vocabulary(files: ModelFiles, tokenizer: TextTokenizer) -> None:
    """A tokenizer with more ids than the model has rows would crash in the middle of a run."""
    size = files.config.get("vocab_size")
    if isinstance(size, int) and tokenizer.size > size:
        raise BaseError(
            f"{files.path}: the tokenizer has {tokenizer.size} ids, the model only {size}: "
            "they do not belong together"
        )


def _context_length(config: Mapping[str, Any]) -> int:
    length = config.get("max_position_embeddings")
    return min(length, MAX_CONTEXT) if isinstance(length, int) and length > 0 else MAX_CONTEXT


def _moved(model: PreTrainedModel, device: str) -> PreTrainedModel:
    import torch

    try:
        model.to(torch.device(device))  # type: ignore[arg-type]
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BaseError(
            f"device {device!r} cannot be used: {one_line(error)}; choose another with --device"
        ) from error
    return model
