"""Okapi BM25 over short documents that come and go: an inverted index, exact after every change.

Documents are small integers and terms are strings; what either stands for is the caller's business.
A term counts once in a document: over a dozen lines of code, counting how often gained nothing.

Ours, because no library does this: bm25s and rank-bm25 cannot add or remove a document, and
tantivy's scores depend on the order in which documents came.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75
SUMMED = 100_000  # postings, about, that one query adds up: a millisecond
CANDIDATES = 256
WORTH = 0.2  # of the best score: less is not looked at

Scores = NDArray[np.float64]  # by document
_NONE = array("i")


class Postings:
    """For each term, the documents that hold it, ascending."""

    def __init__(self) -> None:
        self._documents: dict[str, array[int]] = {}

    def __getitem__(self, term: str) -> array[int]:
        return self._documents.get(term, _NONE)

    def add(self, document: int, terms: Collection[str]) -> None:
        """``terms``: without repetition, and none that the document has already."""
        for term in terms:
            documents = self._documents.get(term)
            if documents is None:
                self._documents[term] = array("i", (document,))
            elif documents[-1] < document:
                documents.append(document)
            else:
                documents.insert(bisect_left(documents, document), document)

    def remove(self, document: int, terms: Collection[str]) -> None:
        """Undo ``add``, called with the same terms."""
        for term in terms:
            documents = self._documents[term]
            del documents[bisect_left(documents, document)]
            if not documents:
                del self._documents[term]


class Bm25:
    """Scores documents against weighted terms."""

    def __init__(self) -> None:
        self._postings = Postings()
        # How many terms each document has; 0 where a number is unused.
        self._lengths = np.zeros(1024, dtype=np.int32)
        self._count = 0
        self._total = 0
        self._cached_norms: Scores | None = None

    def add(self, document: int, terms: Collection[str]) -> None:
        """Add a document under an unused number, the lower the better; ``terms`` as a set."""
        if document >= len(self._lengths):
            grown = np.zeros(max(document + 1, 2 * len(self._lengths)), dtype=np.int32)
            grown[: len(self._lengths)] = self._lengths
            self._lengths = grown
        self._postings.add(document, terms)
        self._lengths[document] = len(terms)
        self._count += 1
        self._total += len(terms)
        self._cached_norms = None

    def remove(self, document: int, terms: Collection[str]) -> None:
        """Undo ``add``, called with the same terms."""
        self._postings.remove(document, terms)
        self._lengths[document] = 0
        self._count -= 1
        self._total -= len(terms)
        self._cached_norms = None

    def best(
        self, weights: Mapping[str, float], *, without: Sequence[int], count: int
    ) -> list[tuple[float, int]]:
        """The ``count`` best documents and their scores, in no order, and all that equal the last.

        The most common terms, beyond SUMMED postings, decide only among the CANDIDATES that the
        rarer ones have found. Depends on the documents there are, not on their numbers.
        """
        terms = self._terms(weights)
        rare = _within(SUMMED, terms)
        sums = self._sums(terms[:rare])
        sums[np.asarray(without, dtype=np.intp)] = 0.0
        found = _largest(sums, CANDIDATES)
        scores, norms = sums[found], self._norms()[found]
        for term in terms[rare:]:
            scores += term.gain * _held(term.documents, found) * norms
        kept = _largest(scores, count)
        return list(zip(scores[kept].tolist(), found[kept].tolist(), strict=True))

    def _terms(self, weights: Mapping[str, float]) -> list[_Term]:
        """Those of the terms that some document holds, the rarest first."""
        terms = []
        for term, weight in weights.items():
            if documents := self._postings[term]:
                gain = weight * self._rarity(len(documents))
                terms.append(_Term(np.frombuffer(documents, dtype=np.int32), gain))
        return sorted(terms, key=lambda term: len(term.documents))

    def _sums(self, terms: Sequence[_Term]) -> Scores:
        """What terms give to each document."""
        if not terms:
            return np.zeros(len(self._lengths))
        documents = np.concatenate([term.documents for term in terms])
        gains = np.repeat([term.gain for term in terms], [len(term.documents) for term in terms])
        return self._norms() * np.bincount(documents, gains, minlength=len(self._lengths))

    def _norms(self) -> Scores:
        """What a document's length makes of its sum; kept until a document changes."""
        if self._cached_norms is None:
            average = self._total / max(self._count, 1)
            self._cached_norms = 1 / (1 + K1 * (1 - B + B * self._lengths / max(average, 1)))
        return self._cached_norms

    def _rarity(self, documents: int) -> float:
        return math.log(1 + (self._count - documents + 0.5) / (documents + 0.5))


@dataclass(frozen=True, slots=True)
class _Term:
    documents: NDArray[np.int32]  # ascending, at least one
    gain: float


def _within(room: int, terms: Sequence[_Term]) -> int:
    """How many of the terms, at least one, have about ``room`` postings together."""
    for index, term in enumerate(terms):
        if room <= 0:
            return index
        room -= len(term.documents)
    return len(terms)


def _largest(values: Scores, count: int) -> NDArray[np.intp]:
    """Where the ``count`` largest positive values are, and all that equal the last of them."""
    places = np.flatnonzero(values >= max(values.max(initial=0.0) * WORTH, 1e-9))
    if len(places) > count:
        floor = np.partition(values[places], -count)[-count]
        places = places[values[places] >= floor]
    return places


def _held(documents: NDArray[np.int32], asked: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of ``asked`` are among ``documents``."""
    places = np.searchsorted(documents, asked)
    held: NDArray[np.bool_] = documents[np.minimum(places, len(documents) - 1)] == asked
    return held
