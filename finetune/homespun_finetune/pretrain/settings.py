"""The recipe, read from one TOML file. Every field is required: a recipe has no defaults."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

RECIPE = Path(__file__).parent / "starter.toml"


@dataclass(frozen=True)
class DataSettings:
    """What goes into the prepared documents."""

    seed: int
    megabytes: int
    max_repository_share: float
    held_out_share: float
    holes_per_kilochar: float
    plain: float
    bare: float
    related: float


@dataclass(frozen=True)
class VocabularySettings:
    """The byte-level BPE vocabulary; ``size`` counts the sentinels."""

    size: int
    sample_megabytes: int


@dataclass(frozen=True)
class ModelSettings:
    """The shape of a ``Qwen3ForCausalLM`` with tied embeddings."""

    context_length: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int


@dataclass(frozen=True)
class PretrainSettings:
    """The schedule. Shares are of all steps; rates are peaks."""

    tokens: int
    rows_per_step: int
    rows_per_pass: int
    muon_rate: float
    adamw_rate: float
    weight_decay: float
    warmup: float
    decay: float
    final_rate: float
    end_weight: float
    middle_weight: float
    seed: int
    checkpoint_minutes: float


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what the starter becomes, besides the list of repositories."""

    data: DataSettings
    vocabulary: VocabularySettings
    model: ModelSettings
    train: PretrainSettings

    @classmethod
    def read(cls, path: Path = RECIPE) -> Recipe:
        """The recipe in a TOML file. A missing or an unknown key is a ``TypeError`` naming it."""
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(
            data=DataSettings(**raw.pop("data")),
            vocabulary=VocabularySettings(**raw.pop("vocabulary")),
            model=ModelSettings(**raw.pop("model")),
            train=PretrainSettings(**raw.pop("train")),
            **raw,
        )
