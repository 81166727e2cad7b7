"""Base models: find one, make sure that it is safe to load, and load it.

A base is the bundled starter, one of the shelf, a folder, or a model on the Hugging Face hub, and
the last only when its user names it: nothing here reads a base's name out of a manifest or a
repository, and a folder called like a base of the catalogue is not taken for it. Weights are
safetensors and nothing else, and no code that lies beside them is ever run. torch and transformers
are imported when weights are loaded, not before. Knows nothing of prompts and adapters.
"""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.bases.base_files import (
    hash_of,
    loaded_files,
    one_line,
    read_config,
    weight_files,
)
from homespun_model.bases.families import (
    FORMAT_FILE,
    FimFormat,
    FimIds,
    by_name,
    detect,
    read_format,
)
from homespun_model.bases.fitted import Fitted, fitted_to
from homespun_model.bases.identity import (
    DIGITS,
    BaseIdentity,
    BaseRecord,
    architecture_of,
    publishers_name,
    vocabulary_hash,
)
from homespun_model.bases.prompt import BUILDERS, Budget, PromptBuilder, versions_for
from homespun_model.bases.token_healing import Lexicon
from homespun_model.bases.tokenizer import TextTokenizer, read_tokenizer
from homespun_model.catalogue.catalogue import STARTER, published
from homespun_model.catalogue.shelf import default_shelf
from homespun_model.errors import BaseError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

# Longer prompts would hold nothing: the window around a cursor is about this long (place.py).
MAX_CONTEXT = 2048
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Base:
    """A base model that was found and looked at; its weights load on demand."""

    id: str
    """What it is called: "starter", its name on the shelf, the folder's path or the hub's name."""
    directory: Path
    weights_hash: str
    """sha256 over its safetensors files: what was loaded, not what it is (``record``)."""
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
    def record(self) -> BaseRecord:
        """What it is, for manifests and for the store; made when first asked for."""
        name, revision = self.published or (None, None)
        identity = BaseIdentity(
            architecture=self.architecture,
            tokenizer=vocabulary_hash(self.tokenizer.size, self.tokenizer.token),
            name=name,
            revision=revision,
            sha256=None if name else self.weights_hash,
        )
        return BaseRecord(self.id, self.weights_hash, identity)

    @cached_property
    def parameters(self) -> int:
        """Numbers in the files that load, of which only the headers are read. BaseError."""
        from safetensors import SafetensorError, safe_open

        total = 0
        try:
            for path in loaded_files(self.directory):
                with safe_open(path, framework="numpy") as file:
                    shapes = (file.get_slice(name).get_shape() for name in file.keys())  # noqa: SIM118
                    total += sum(map(math.prod, shapes))
        except (OSError, SafetensorError) as error:
            raise BaseError(f"base {self.id!r} does not load: {_why(error)}") from error
        return total

    @cached_property
    def fitted(self) -> Fitted:
        """What was fitted to it, or to the nearest in size."""
        return fitted_to(self.parameters)

    @cached_property
    def lexicon(self) -> Lexicon:
        """The vocabulary's tokens by their text; made when first asked for."""
        return Lexicon(self.tokenizer)

    def load_model(self, dtype: torch.dtype | None = None, device: str = "cpu") -> PreTrainedModel:
        """A fresh copy of the weights in ``dtype`` (float32 unless given), in evaluation mode."""
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        transformers.utils.logging.set_verbosity(logging.CRITICAL)  # what is wrong is one line
        try:
            loading: Any = transformers.AutoModelForCausalLM.from_pretrained(
                self.directory,
                dtype=dtype or torch.float32,
                attn_implementation="sdpa",  # the config cannot ask for a kernel from elsewhere
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
        except Exception as error:  # whatever the libraries make of a broken folder
            raise BaseError(f"base {self.id!r} does not load: {_why(error)}") from error
        model: PreTrainedModel = loading[0]  # from_pretrained has put it into evaluation mode
        model.requires_grad_(False)
        if wrong := _wrong_with(model, sorted(loading[1]["missing_keys"])):
            raise BaseError(f"base {self.id!r} does not load: {wrong}")
        return _moved(model, device)


def load_base(name: str = STARTER, *, fim_format: str | None = None) -> Base:
    """The base called ``name``: "starter", one of the shelf, a folder, or a hub name.

    A hub name is downloaded unless it is in the local cache already, so pass only what the user
    asked for. ``fim_format`` names the family where it cannot be told. BaseError: one line.
    """
    directory = _find(name)
    config = read_config(directory)
    weights = weight_files(directory)
    tokenizer = read_tokenizer(directory)
    format = _format(name, directory, config, tokenizer, fim_format)
    fim = format.resolve(tokenizer.token_to_id)
    text = TextTokenizer(tokenizer, forbidden=fim.stop, guard=format.guard)
    _check_vocabulary(directory, config, text)
    weights_hash = hash_of(weights)
    return Base(
        id=name if _is_called(name) else str(directory),
        directory=directory,
        weights_hash=weights_hash,
        format=format,
        fim=fim,
        tokenizer=text,
        context_length=_context_length(config),
        architecture=architecture_of(config),
        published=_published(name, directory, weights_hash),
    )


def _published(name: str, directory: Path, weights_hash: str) -> tuple[str, str | None] | None:
    """Name and revision: of the starter, what it weighs; of a hub's model, the snapshot's."""
    if name == STARTER:
        return name, weights_hash[:DIGITS]
    return (name, directory.name) if _is_hub_name(name) else publishers_name(directory)


def _is_called(name: str) -> bool:
    """Whether a base is known by its name, wherever its files lie."""
    return name == STARTER or default_shelf().has(name) or _is_hub_name(name)


def _find(name: str) -> Path:
    if name == STARTER:
        return _starter()
    if default_shelf().has(name):
        return default_shelf().folder(name)
    if published().find(name) is not None:
        raise BaseError(f"{name} is not on this machine yet: homespun models get {name}")
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder.resolve()
    if _is_hub_name(name):
        return _from_hub(name)
    raise BaseError(
        f"there is no base {name!r}: give a name that `homespun models` lists, a "
        "folder, or a hub name (org/model)"
    )


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


def _from_hub(name: str) -> Path:
    import huggingface_hub

    try:
        # Only data: no pickled weights and no Python reach the disk.
        found = huggingface_hub.snapshot_download(
            name, allow_patterns=["*.safetensors", "*.safetensors.index.json", "*.json"]
        )
    except Exception as error:
        raise BaseError(
            f"{name!r} is not a folder here, and the hub did not give it: {one_line(error)}"
        ) from error
    return Path(found)


def _format(
    name: str,
    directory: Path,
    config: dict[str, Any],
    tokenizer: Tokenizer,
    wanted: str | None,
) -> FimFormat:
    """What the user says, else what lies beside the weights, else what the names tell."""
    if wanted is not None:
        return by_name(wanted)
    if (directory / FORMAT_FILE).is_file():
        return read_format(directory / FORMAT_FILE)
    names = [name if _is_hub_name(name) else directory.name, str(config.get("_name_or_path", ""))]
    return detect(names, tokenizer.token_to_id)


def _check_vocabulary(directory: Path, config: dict[str, Any], tokenizer: TextTokenizer) -> None:
    """A tokenizer with more ids than the model has rows would crash in the middle of a run."""
    size = config.get("vocab_size")
    if isinstance(size, int) and tokenizer.size > size:
        raise BaseError(
            f"{directory}: the tokenizer has {tokenizer.size} ids, the model only {size}: "
            "they do not belong together"
        )


def _context_length(config: dict[str, Any]) -> int:
    length = config.get("max_position_embeddings")
    return min(length, MAX_CONTEXT) if isinstance(length, int) and length > 0 else MAX_CONTEXT


def _wrong_with(model: PreTrainedModel, missing: list[str]) -> str | None:
    """What keeps loaded weights from being used; transformers makes up what is missing."""
    import torch

    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"its weights lack {missing[0]}{more}: save or download it again"
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            return f"{name} holds values that are no numbers: save or download it again"
    return None


def _moved(model: PreTrainedModel, device: str) -> PreTrainedModel:
    import torch

    try:
        model.to(torch.device(device))  # type: ignore[arg-type]
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BaseError(
            f"device {device!r} cannot be used: {one_line(error)}; choose another with --device"
        ) from error
    return model


def _why(error: Exception) -> str:
    """What stopped transformers, where its own words would lead astray."""
    if "trust_remote_code" in str(error):
        return "it needs code of its own, which is never run here: choose another base"
    if "ignore_mismatched_sizes" in str(error):
        return "its weights do not have the shapes that its config.json says"
    return one_line(error)
