"""Code that says the same twice: exact copies and near-copies.

Two functions are exact copies if their tokens are the same, comments and white space aside; near
ones by the Jaccard similarity of their token 5-grams. MinHash finds the candidates and the sets
themselves decide, so that no verdict is an estimate. Knows no files and no trees.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

NEAR = 0.7  # similarity of two training functions, of which one is enough
SHINGLE = 5  # tokens
# Those that share one band of MinHash are compared: 42% of the pairs that are 0.6 alike, 85% of
# those at NEAR, over 99% from 0.8 on.
BANDS, ROWS = 32, 8
KEY_BYTES = 16
SKETCH_BYTES = KEY_BYTES + 4 * BANDS

Shingles = NDArray[np.uint32]
Sketch = bytes
"""Of a function: KEY_BYTES that say which tokens it has, then a hash of each band, 4 bytes each."""

_STRINGS = rb"\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_TOKEN = rb"|([\w\x80-\xff]+|[^\s\w])"
_ROW_WEIGHTS = np.array([pow(2_654_435_761, i + 1, 1 << 32) for i in range(ROWS)], np.uint32)
# Comments that may span lines, and strings of their own, go with some of those that end with one.
_LONG_COMMENTS = {"--": rb"--\[\[(?s:.*?)\]\]|", "//": rb"/\*(?s:.*?)\*/|"}
_MORE_STRINGS = {"//": rb"|`[^`]*`"}


def tokens(text: bytes, comment: str) -> list[bytes]:
    """Words, signs and whole strings of a piece of code, without its comments.

    ``comment`` begins one that runs to the end of the line; empty for a text that may have none.
    """
    return [string or word for string, word in _tokens(comment).findall(text) if string or word]


def token_spans(text: bytes, comment: str) -> list[tuple[int, int]]:
    """Where each of ``tokens`` stands in ``text``."""
    found = _tokens(comment).finditer(text)
    return [match.span() for match in found if match.lastindex is not None]


@cache
def _tokens(comment: str) -> re.Pattern[bytes]:
    """What finds comments, strings (group 1), words and signs (group 2)."""
    line = re.escape(comment.encode()) + rb"[^\n]*|" if comment else b""
    strings = _STRINGS + _MORE_STRINGS.get(comment, b"")
    return re.compile(_LONG_COMMENTS.get(comment, b"") + line + rb"(" + strings + rb")" + _TOKEN)


def exact_key(sketch: Sketch) -> bytes:
    """The same for functions of the same tokens."""
    return sketch[:KEY_BYTES]


def grams(code: Sequence[bytes]) -> Shingles:
    """The hashed token 5-grams, in order; a shorter text is one gram."""
    # A gram's hash is a weighted sum of its tokens' hashes: any odd weights will do.
    hashes = np.array([crc32(token) for token in code], dtype=np.uint32)
    width = min(SHINGLE, len(hashes))
    if not width:
        return hashes
    found = np.zeros(len(hashes) - width + 1, dtype=np.uint32)
    for offset in range(width):
        weight = np.uint32(pow(2_654_435_761, offset + 1, 1 << 32))
        found += hashes[offset : len(hashes) - width + 1 + offset] * weight
    return found


def shingles(code: Sequence[bytes]) -> Shingles:
    """The set of hashed token 5-grams, sorted."""
    return np.unique(grams(code))


def similarity(one: Shingles, other: Shingles) -> float:
    """Jaccard similarity of two sets, 0 to 1."""
    shared = np.intersect1d(one, other, assume_unique=True).size
    total = one.size + other.size - shared
    return shared / total if total else 0.0


class NearIndex:
    """Functions by number, asked whether one that was added is at least ``threshold`` like another.

    Knows all their sketches from the start, so that most, which share no band with any other, cost
    next to nothing; ``shingles_of`` is only asked about the rest.
    """

    def __init__(
        self,
        sketches: Sequence[Sketch],
        shingles_of: Callable[[int], Shingles],
        threshold: float,
    ) -> None:
        self._shingles_of = shingles_of
        self._threshold = threshold
        self._groups = _groups(sketches)
        self._sets: dict[int, Shingles] = {}
        self._added: list[dict[int, list[int]]] = [{} for _ in range(BANDS)]

    def has_near(self, number: int) -> bool:
        """Whether something that was added is near."""
        found: dict[int, None] = {}
        for added, group in self._places(number):
            found.update(dict.fromkeys(added.get(group, ())))
        if not found:
            return False
        grams = self._set(number)
        return any(similarity(self._set(other), grams) >= self._threshold for other in found)

    def add(self, number: int) -> None:
        """Remember a function."""
        for added, group in self._places(number):
            added.setdefault(group, []).append(number)

    def _places(self, number: int) -> Iterator[tuple[dict[int, list[int]], int]]:
        """Where those that share a band with a function are remembered."""
        groups = self._groups[number]
        for band in np.flatnonzero(groups >= 0).tolist():
            yield self._added[band], int(groups[band])

    def _set(self, number: int) -> Shingles:
        if number not in self._sets:
            self._sets[number] = self._shingles_of(number)
        return self._sets[number]


def _groups(sketches: Sequence[Sketch]) -> NDArray[np.int32]:
    """(functions, BANDS): for each band the number of those that share it; -1 for one alone."""
    bands = np.frombuffer(b"".join(sketch[KEY_BYTES:] for sketch in sketches), dtype="<u4")
    bands = bands.reshape(len(sketches), BANDS)
    groups = np.full(bands.shape, -1, np.int32)
    for band in range(BANDS):
        _, inverse, counts = np.unique(bands[:, band], return_inverse=True, return_counts=True)
        shared = counts[inverse] > 1
        groups[shared, band] = inverse[shared]
    return groups


def sketches(codes: Iterable[Sequence[bytes]]) -> Iterator[Sketch]:
    """The sketch of each piece of code, given as its tokens, in order."""
    codes = list(codes)
    from datasketch import MinHash

    hashed = (shingles(code).tolist() for code in codes)
    found = MinHash.generator(hashed, num_perm=BANDS * ROWS, hashfunc=int)
    for code, minhash in zip(codes, found, strict=True):
        key = hashlib.blake2b(b"\0".join(code), digest_size=KEY_BYTES).digest()
        rows = minhash.hashvalues.astype(np.uint32).reshape(BANDS, ROWS)
        # Two bands of one hash by accident are one comparison more.
        yield key + (rows * _ROW_WEIGHTS).sum(axis=1, dtype=np.uint32).astype("<u4").tobytes()
