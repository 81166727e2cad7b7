"""Code that says the same twice: exact copies and near-copies.

Two functions are exact copies if their tokens are the same, comments and white space aside; near
ones by the Jaccard similarity of their token 5-grams. MinHash finds the candidates and the sets
themselves decide, so that no verdict is an estimate. Knows no files and no trees.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from datasketch import MinHash, MinHashLSH

NEAR = 0.7  # similarity of two training functions, of which one is enough
SHINGLE = 5  # tokens
PERMUTATIONS = 256
CANDIDATE = 0.85  # of a threshold: a looser net, since the sets are compared afterwards

Shingles = NDArray[np.uint32]

_STRINGS = rb"\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_TOKEN = rb"|([\w\x80-\xff]+|[^\s\w])"
_TOKENS = {
    "#": re.compile(rb"#[^\n]*|(" + _STRINGS + rb")" + _TOKEN),
    "--": re.compile(rb"--\[\[(?s:.*?)\]\]|--[^\n]*|(" + _STRINGS + rb")" + _TOKEN),
    "//": re.compile(rb"//[^\n]*|/\*(?s:.*?)\*/|(" + _STRINGS + rb"|`[^`]*`)" + _TOKEN),
}


def tokens(text: bytes, comment: str) -> list[bytes]:
    """Words, signs and whole strings of a piece of code, without its comments."""
    return [string or word for string, word in _TOKENS[comment].findall(text) if string or word]


def token_spans(text: bytes, comment: str) -> list[tuple[int, int]]:
    """Where each of ``tokens`` stands in ``text``."""
    found = _TOKENS[comment].finditer(text)
    return [match.span() for match in found if match.lastindex is not None]


def exact_key(code: Sequence[bytes]) -> bytes:
    """The same for functions of the same tokens."""
    return hashlib.blake2b(b"\0".join(code), digest_size=16).digest()


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
    """Sets of shingles, asked whether one of them is at least ``threshold`` like another."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHashLSH

        self._threshold = threshold
        self._sets: list[Shingles] = []
        self._lsh: MinHashLSH = MinHashLSH(threshold * CANDIDATE, PERMUTATIONS)

    def has_near(self, grams: Shingles, sketch: MinHash) -> bool:
        """Whether something that was added is near."""
        found: Iterable[int] = self._lsh.query(sketch)
        return any(similarity(self._sets[i], grams) >= self._threshold for i in found)

    def add(self, grams: Shingles, sketch: MinHash) -> None:
        """Remember a set."""
        self._lsh.insert(len(self._sets), sketch)
        self._sets.append(grams)


def sketches(sets: Iterable[Shingles]) -> Iterator[MinHash]:
    """The MinHash of each set, in order."""
    from datasketch import MinHash

    hashed = (grams.tolist() for grams in sets)
    yield from MinHash.generator(hashed, num_perm=PERMUTATIONS, hashfunc=int)
