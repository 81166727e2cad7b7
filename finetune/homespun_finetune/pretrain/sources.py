"""The repositories behind the starter: a committed list.

The list holds repository, commit and licence, nothing else: no code of theirs is part of this
project. A repository without a permissive licence file at that commit is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "repositories.tsv"
PERMISSIVE = frozenset(
    {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0", "0BSD", "Unlicense"}
)


class SourceError(Exception):
    """A repository of the list cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class SourceRepository:
    """One repository of the list. ``use`` is "train", or "measure" for one that is held out."""

    repository: str
    commit: str
    licence: str
    use: str


def read_sources(path: Path = SOURCES) -> list[SourceRepository]:
    """The list. A licence that is not permissive is a SourceError."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    sources = [SourceRepository(*line.split("\t")) for line in lines if line]
    for source in sources:
        parts = set(re.split(r"\+| OR | AND ", source.licence))
        if not parts <= PERMISSIVE:
            raise SourceError(f"{source.repository}: {source.licence} is not permissive enough")
    return sources
