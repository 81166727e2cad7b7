"""Code that says the same twice: exact copies and near-copies.

Two functions are exact copies if their tokens are the same, comments and white space aside; near
ones by the Jaccard similarity of their token 5-grams. MinHash finds the candidates and the sets
themselves decide, so that no verdict is an estimate. Knows no files and no trees.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from homespun_corpus.syntax.lexical import LexicalRules

NEAR = 0.7  # similarity of two training functions, of which one is enough
SHINGLE = 5  # tokens
# Those that share one band of MinHash are compared: 42% of the pairs that are 0.6 alike, 85% of
# those at NEAR, over 99% from 0.8 on.
BANDS, ROWS = 32, 8
KEY_BYTES = 16
SKETCH_BYTES = KEY_BYTES + 4 * BANDS
SETS_BYTES = 64 << 20  # of sets held to be compared again: about 80,000
SET_BYTES = 250  # of one, whatever it holds

Shingles = NDArray[np.uint32]
Sketch = bytes
"""Of a function: KEY_BYTES that say which tokens it has, then a hash of each band, 4 bytes each."""

# What stands between quotes, told alike in all languages.
_STRINGS = rb"\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_TOKEN = rb"|([\w\x80-\xff]+|[^\s\w])"
_ROW_WEIGHTS = np.array([pow(2_654_435_761, i + 1, 1 << 32) for i in range(ROWS)], np.uint32)


def tokens(text: bytes, rules: LexicalRules) -> list[bytes]:
    """Words, signs and whole strings of a piece of code, without its comments."""
    return [string or word for string, word in _tokens(rules).findall(text) if string or word]


def token_spans(text: bytes, rules: LexicalRules) -> list[tuple[int, int]]:
    """Where each of ``tokens`` stands in ``text``."""
    found = _tokens(rules).finditer(text)
    return [match.span() for match in found if match.lastindex is not None]


@cache
def _tokens(rules: LexicalRules) -> re.Pattern[bytes]:
    """What finds comments, strings (group 1), words and signs (group 2)."""
    strings = _STRINGS + (rb"|`[^`]*`" if rules.backticks else b"")
    return re.compile(_comments(rules) + rb"(" + strings + rb")" + _TOKEN)


def _comments(rules: LexicalRules) -> bytes:
    """What matches one in code that is whole: by its marks alone, a block only with its end."""
    block = line = b""
    if rules.block_comment is not None:
        block = rb"(?s:.*?)".join(re.escape(mark.encode()) for mark in rules.block_comment) + rb"|"
    if rules.line_comment:
        line = re.escape(rules.line_comment.encode()) + rb"[^\n]*|"
    return block + line


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

    Knows all their sketches from the start, one behind the other, so that most, which share no band
    with any other, cost next to nothing; ``shingles_of`` is only asked about the rest.
    """

    def __init__(
        self,
        sketches: bytes | bytearray,
        shingles_of: Callable[[int], Shingles],
        threshold: float,
    ) -> None:
        self._shingles_of = shingles_of
        self._threshold = threshold
        self._hashes = _columns(sketches)[:, KEY_BYTES // 4 :]
        self._bands = [_Band(self._hashes[:, band]) for band in range(BANDS)]
        self._shared = np.zeros(len(self._hashes), np.uint32)  # bit by band
        for number, band in enumerate(self._bands):
            self._shared[band.members] |= np.uint32(1 << number)
        self._added = np.zeros(len(self._hashes), np.bool_)
        self._sets: OrderedDict[int, Shingles] = OrderedDict()
        self._room = SETS_BYTES

    def has_near(self, number: int) -> bool:
        """Whether something that was added is near."""
        shared = int(self._shared[number])
        if not shared:
            return False
        alike = [
            band.sharing(self._hashes[number, place])
            for place, band in enumerate(self._bands)
            if shared >> place & 1
        ]
        found = np.unique(np.concatenate([members[self._added[members]] for members in alike]))
        if not found.size:
            return False
        grams = self._set(number)
        others = (self._set(other) for other in found.tolist())
        return any(similarity(other, grams) >= self._threshold for other in others)

    def add(self, number: int) -> None:
        """Remember a function."""
        self._added[number] = True

    def _set(self, number: int) -> Shingles:
        found = self._sets.pop(number, None)
        if found is None:
            found = self._shingles_of(number)
            self._room -= found.nbytes + SET_BYTES
            while self._room < 0 and self._sets:
                _, dropped = self._sets.popitem(last=False)
                self._room += dropped.nbytes + SET_BYTES
        self._sets[number] = found
        return found


class _Band:
    """Which functions have one band in common with which others, ascending."""

    def __init__(self, hashes: NDArray[np.uint32]) -> None:
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        ordered = hashes[order]
        shared = np.zeros(len(ordered), np.bool_)
        same = ordered[1:] == ordered[:-1]
        shared[1:] |= same
        shared[:-1] |= same
        self.members = order[shared]
        self._hashes, starts = np.unique(ordered[shared], return_index=True)
        self._starts = np.append(starts, len(self.members)).astype(np.int32)

    def sharing(self, hashed: np.uint32) -> NDArray[np.int32]:
        """Those that have a hash, which at least two have."""
        place = np.searchsorted(self._hashes, hashed)
        return self.members[self._starts[place] : self._starts[place + 1]]


def repeated(sketches: bytes | bytearray) -> NDArray[np.bool_]:
    """For each of some sketches, one behind the other, whether an earlier one is its exact copy."""
    keys = np.ascontiguousarray(_columns(sketches)[:, : KEY_BYTES // 4]).view(np.uint64)
    order = np.lexsort(keys.T)  # stable: of the same, the first comes first
    again = np.zeros(len(keys), np.bool_)
    again[order[1:]] = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    return again


def _columns(sketches: bytes | bytearray) -> NDArray[np.uint32]:
    """(functions, numbers of a sketch)."""
    return np.frombuffer(sketches, "<u4").reshape(-1, SKETCH_BYTES // 4)


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
