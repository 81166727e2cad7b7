"""Samples as rows of a dataset: its columns, its splits, and one number for all that is in them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from datasets import Dataset, DatasetDict, Features, Value

_NUMBERS = ("start", "end", "place_before", "place_after")
_TEXTS = (
    *("repository", "commit", "blob_id", "path", "function", "kind", "novelty", "middle"),
    *("place_path", "place_language", "place_prefix", "place_suffix"),
)
FEATURES = Features(
    {name: Value("int64") for name in _NUMBERS}
    | {name: Value("string") for name in _TEXTS}
    | {"place_related": [{"path": Value("string"), "text": Value("string")}]}
)
"""The columns of ``Sample.to_row``: what a few rows hold would not tell them all."""


def dataset_of(rows: dict[str, list[dict[str, Any]]]) -> DatasetDict:
    """The splits with the same columns in each, an empty one included."""
    empty: dict[str, list[Any]] = {name: [] for name in FEATURES}
    return DatasetDict(
        {
            name: Dataset.from_list(part, features=FEATURES)
            if part
            else Dataset.from_dict(empty, features=FEATURES)
            for name, part in rows.items()
        }
    )


def digest_of(rows: dict[str, list[dict[str, Any]]]) -> str:
    """One number for all rows of all splits, in order."""
    digest = hashlib.sha256()
    for name in sorted(rows):
        for row in rows[name]:
            digest.update(json.dumps([name, row], sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()
