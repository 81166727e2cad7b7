"""What a base is, apart from the files that hold its weights.

One model in two quantisations or formats is one base: an adapter of the one is served on the other.
So a base is known by its architecture, its vocabulary and its publisher's name and revision; only
where nobody names it, by the weights themselves. Knows no store and loads no weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from homespun_model.catalogue.shelf import NAME_FILE
from homespun_model.errors import BaseError

DIGITS = 16
UNKNOWN = "an unknown base"  # what one is called that nobody names
SAMPLED_TOKENS = 1000
_SHAPE = ("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size")


@dataclass(frozen=True, slots=True)
class BaseIdentity:
    """Bases that are the same here take each other's adapters."""

    architecture: str
    """Model type and shape."""
    tokenizer: str
    """A hash of the vocabulary."""
    name: str | None = None
    """What the publisher calls it, with ``revision``."""
    revision: str | None = None
    sha256: str | None = None
    """Of the weights, where there is no name."""

    @property
    def key(self) -> str:
        """A short name for files."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]

    def is_same(self, other: BaseIdentity) -> bool:
        """Whether both are one model: of which revision a quantisation is, nobody may say."""
        unknown = None in (self.revision, other.revision)
        return self == (replace(other, revision=self.revision) if unknown else other)

    @classmethod
    def from_json(cls, value: object) -> BaseIdentity | None:
        """What a manifest says, which may be anything; None for what is no identity."""
        if not isinstance(value, Mapping):
            return None
        known: dict[str, Any] = {field.name: value.get(field.name) for field in fields(cls)}
        if not all(item is None or isinstance(item, str) for item in known.values()):
            return None
        return cls(**known) if known["architecture"] and known["tokenizer"] else None


@dataclass(frozen=True, slots=True)
class BaseRecord:
    """A base as a manifest names it: what it is, what it was called and what was loaded."""

    id: str
    weights_hash: str
    """sha256 of the weights that were trained on or loaded: a record, no part of the identity."""
    identity: BaseIdentity | None = None
    """None in manifests from before there were identities: there, the weights decide."""

    @property
    def key(self) -> str:
        """Names what is served for this base in a store."""
        if self.identity is None:
            return hashlib.sha256(self.weights_hash.encode()).hexdigest()[:DIGITS]
        return self.identity.key

    def is_same(self, other: BaseRecord) -> bool:
        """Whether both are one base: the same identity, or the same weights under any name."""
        if self.weights_hash == other.weights_hash:
            return True
        if self.identity is None or other.identity is None:
            return False
        return self.identity.is_same(other.identity)

    def to_json(self) -> dict[str, Any]:
        """The ``base`` of a manifest."""
        about: dict[str, Any] = {"id": self.id, "weights_hash": self.weights_hash}
        return about | ({"identity": asdict(self.identity)} if self.identity else {})

    @classmethod
    def in_manifest(cls, manifest: Mapping[str, Any]) -> BaseRecord | None:
        """The base that a manifest, which is data, names; None where it names none."""
        about = manifest.get("base")
        if not isinstance(about, Mapping):
            return None
        name, weights = about.get("id"), about.get("weights_hash")
        if not isinstance(name, str) or not isinstance(weights, str):
            return None
        return cls(name, weights, BaseIdentity.from_json(about.get("identity")))


def which(
    base: BaseRecord | str | None, records: Sequence[BaseRecord | None], called: Sequence[str]
) -> list[int]:
    """Which of several ``base`` is, whatever they are called; where none is, those of its name.

    A name alone stands for a base that cannot be looked at any more, None for every one.
    """
    if base is None:
        return list(range(len(called)))
    if isinstance(base, str):
        return [i for i, name in enumerate(called) if name == base]
    same = [i for i, one in enumerate(records) if one is not None and one.is_same(base)]
    return same or which(base.id, records, called)


def architecture_of(config: Mapping[str, Any]) -> str:
    """Model type and shape, as a base's config says them."""
    text = config.get("text_config")
    inner = text if isinstance(text, Mapping) else config
    sizes = (f"{key}={inner.get(key, config.get(key))}" for key in _SHAPE)
    return " ".join((str(config.get("model_type")), *sizes))


def vocabulary_hash(size: int, token: Callable[[int], str | None]) -> str:
    """A hash of a vocabulary: its size, and its tokens at ids spread evenly over it.

    All of a large one would cost each start a third of a second. What some converters fill it up
    with to the number of the model's rows does not count.
    """
    while size and token(size - 1) == f"[PAD{size - 1}]":
        size -= 1
    ids = range(0, size, max(1, size // SAMPLED_TOKENS))
    tokens = json.dumps([size, *map(token, ids)])
    return hashlib.sha256(tokens.encode()).hexdigest()[:DIGITS]


def publishers_name(folder: Path) -> tuple[str, str | None] | None:
    """Name and revision that lie beside a base's weights; None where nobody knows them. BaseError:
    not readable."""
    file = folder / NAME_FILE
    if not file.is_file():
        return None
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        name, revision = about["name"], about.get("revision")
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise BaseError(f"{file} does not say the base's name: delete it or fetch it again") from (
            error
        )
    if name is None:
        return None
    if not (isinstance(name, str) and name and (revision is None or isinstance(revision, str))):
        raise BaseError(f"{file} does not say the base's name: delete it or fetch it again")
    return name, revision
