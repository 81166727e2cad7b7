"""What an evaluation asks for beside holes: related code, functions that were learnt.

Made by mining, from the split that it made, and read from the repository only when asked for: most
of what it could give is never wanted. Knows no models.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from itertools import zip_longest
from typing import TypeVar

from homespun_corpus.mining.sample import Sample
from homespun_corpus.mining.selection import KeptFunctions
from homespun_corpus.mining.split import HeldOut
from homespun_corpus.place import Related, place_at
from homespun_corpus.repo.repository import Repository
from homespun_corpus.repo.union import union
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.retrieval.secret_window import clear_of_secrets
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.notebooks import readable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LearntFunction:
    """The text of a function that training saw."""

    id: str
    path: str
    language: str
    text: str


@dataclass(frozen=True)
class EvalMaterial:
    """``indexes``: by repository, the tree at the split, as an editor's related code.

    ``repositories``: what was mined, in the manifest's order. ``kept``: what training read.
    ``held``: what is held out, for validation and for the test.
    """

    repositories: tuple[Repository, ...]
    indexes: Mapping[str, ContextIndex]
    kept: KeptFunctions
    held: tuple[HeldOut, ...]

    @property
    def repository(self) -> Repository:
        """Where every blob can be read."""
        return union(self.repositories)

    def tree(self) -> Iterator[str]:
        """The files of the trees at the split, without secrets."""
        return (text for index in self.indexes.values() for _, text in index.files())

    def related(self, hole: Sample) -> tuple[Related, ...]:
        """What an editor has at hand from other files where the author of a held-out function comes
        to a hole: of the function only what stands above is there, and the file goes on behind it.

        Empty for a hole of nothing that is held out.
        """
        held = next((held for held in self.held if _holds(held, hole)), None)
        if held is None:
            return ()
        function, source = held.function, self._source(held.function)
        before, after = source[: hole.start].decode(), source[function.span.end :].decode()
        written = before + after
        language = function.language or None
        place = place_at(written, len(before), path=function.path, language=language)
        return self.indexes[held.repository].related(clear_of_secrets(written, place))

    @cached_property
    def times(self) -> dict[str, int]:
        """When the commits were made in which held-out functions first appeared."""
        return {held.commit: held.time for held in self.held if held.time is not None}

    def learnt_functions(self, seed: int, most: int) -> list[LearntFunction]:
        """Functions of the training set, a seeded sample."""
        first = nsmallest(most, self.kept, key=lambda f: _rank(seed, _name(f, f.span.start)))
        return [
            LearntFunction(_name(f, f.span.start), f.path, f.language, self._text(f)) for f in first
        ]

    def _source(self, function: Function) -> bytes:
        return readable(self.repository.read(function.blob_id))

    def _text(self, function: Function) -> str:
        return function.text(self._source(function)).decode()


def _holds(held: HeldOut, hole: Sample) -> bool:
    function = held.function
    named = (held.repository, function.path, function.blob_id, function.qualified_name)
    inside = function.span.start <= hole.start <= function.span.end
    return inside and named == (hole.repository, hole.path, hole.blob_id, hole.function)


def in_turn(
    items: Iterable[T], pile: Callable[[T], str], name: Callable[[T], str], seed: int
) -> list[T]:
    """Items in rounds of one a pile: any number from the front comes from many piles.

    The seed and the names decide the order, not the order in which the items come.
    """
    piles: dict[str, list[T]] = defaultdict(list)
    for item in items:
        piles[pile(item)].append(item)
    sorted_piles = [
        sorted(piles[key], key=lambda item: _rank(seed, name(item)))
        for key in sorted(piles, key=lambda key: _rank(seed, key))
    ]
    return [item for turn in zip_longest(*sorted_piles) for item in turn if item is not None]


def _rank(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed} {text}".encode()).digest()


def _name(function: Function, at: int) -> str:
    return f"{function.path}@{function.blob_id[:12]}:{at}"
