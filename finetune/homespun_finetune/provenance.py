"""What an adapter and its ancestors were trained on, by function: kept beside its weights.

A function is known by the hash of its text, whatever file it moves to; its path is kept as well, so
that an exclusion can be held against it. No code is kept. Knows neither models nor decisions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.notebooks import readable

FILE = "learnt.jsonl"
DIGITS = 16


@dataclass(frozen=True, slots=True)
class Provenance:
    """``functions``: (hash of the text, path), of an adapter and of all that it goes back to."""

    functions: frozenset[tuple[str, str]]

    @property
    def texts(self) -> frozenset[str]:
        """The hashes alone."""
        return frozenset(digest for digest, _ in self.functions)

    @property
    def paths(self) -> frozenset[str]:
        """Where the functions were."""
        return frozenset(path for _, path in self.functions)

    def and_(self, other: Provenance | None) -> Provenance:
        """Both together: of an adapter that goes on from another."""
        return Provenance(self.functions | other.functions) if other else self

    def write(self, folder: Path) -> None:
        """Put it beside the adapter in ``folder``."""
        lines = "".join(json.dumps(entry) + "\n" for entry in sorted(self.functions))
        (folder / FILE).write_text(lines, encoding="utf-8")


def of(repository: Repository, functions: Iterable[Function]) -> Provenance:
    """What training on ``functions`` teaches."""
    found = zip(functions, digests(repository, functions), strict=True)
    return Provenance(frozenset((digest, function.path) for function, digest in found))


def digests(repository: Repository, functions: Iterable[Function]) -> Iterator[str]:
    """The hash of each function's text; those of one file should come together."""
    blob, source = "", b""
    for function in functions:
        if function.blob_id != blob:
            blob, source = function.blob_id, readable(repository.read(function.blob_id))
        yield digest_of(source[function.span.start : function.span.end])


def digest_of(text: bytes) -> str:
    """How a function is known."""
    return hashlib.sha256(text).hexdigest()[:DIGITS]


def read(folder: Path) -> Provenance | None:
    """What ``write`` wrote; None where that cannot be told."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        return Provenance(frozenset((str(digest), str(path)) for digest, path in entries))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
