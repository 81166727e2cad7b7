"""What an evaluation asks for beside holes: lines to type again, functions that were learnt.

Made by mining, from the split that it made, and read from the repository only when asked for: most
of what it could give is never wanted. Knows no models.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import zip_longest
from typing import TypeVar

from homespun_corpus.mining.selection import KeptFunctions
from homespun_corpus.mining.split import HeldOut
from homespun_corpus.place import Place, place_at
from homespun_corpus.repo.repository import Repository
from homespun_corpus.repo.union import union
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.retrieval.secret_window import clear_of_secrets
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.notebooks import readable

MIN_TYPED = 8  # characters of a line, or there is nothing to save

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TypedLine:
    """One line of a new function, as its author was about to type it.

    ``place``: the cursor behind the line's indentation; of the function only what stands above is
    there, and the file goes on behind it. ``text``: the line without indentation and line end.
    """

    id: str
    language: str
    place: Place
    text: str


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

    def lines(self, seed: int, most: int) -> list[TypedLine]:
        """Lines of the new functions, a round of one line a file at a time, in a seeded order."""
        new = (held for held in self.held if held.part == "test" and held.novelty == "new")
        written = ((held, at) for held in new for at in self._lines(held.function))
        order = in_turn(written, _pile, lambda item: _name(item[0].function, item[1]), seed)
        return [self._typed(*item) for item in order[:most]]

    def learnt_functions(self, seed: int, most: int) -> list[LearntFunction]:
        """Functions of the training set, a seeded sample."""
        first = nsmallest(most, self.kept, key=lambda f: _rank(seed, _name(f, f.span.start)))
        return [
            LearntFunction(_name(f, f.span.start), f.path, f.language, self._text(f)) for f in first
        ]

    def _lines(self, function: Function) -> Iterator[int]:
        """Where each line worth typing begins, as bytes of the blob."""
        source = self._source(function)
        for part in function.parts:
            at = part.start
            for line in source[at : part.end].splitlines(keepends=True):
                if len(line.strip()) >= MIN_TYPED:
                    yield at + len(line) - len(line.lstrip())
                at += len(line)

    def _typed(self, held: HeldOut, at: int) -> TypedLine:
        function = held.function
        source = self._source(function)
        end = source.find(b"\n", at)
        text = source[at : end if end >= 0 else None][: function.span.end - at].decode().rstrip()
        before, after = source[:at].decode(), source[function.span.end :].decode()
        written = before + after
        language = function.language or None
        place = place_at(written, len(before), path=function.path, language=language)
        place = clear_of_secrets(written, place)
        place = replace(place, related=self.indexes[held.repository].related(place))
        return TypedLine(_name(function, at), function.language, place, text)

    def _source(self, function: Function) -> bytes:
        return readable(self.repository.read(function.blob_id))

    def _text(self, function: Function) -> str:
        return function.text(self._source(function)).decode()


def _pile(item: tuple[HeldOut, int]) -> str:
    held, _ = item
    return held.function.path


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
