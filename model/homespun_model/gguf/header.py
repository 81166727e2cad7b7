"""What a GGUF file says of itself: its fields, and where each tensor lies in it.

A file is as untrusted as any other: every count and length is held against the bytes that are
there before anything is made of it. The layout is ggml's (docs/gguf.md in ggml). Knows nothing of
models, and reads no weights.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gguf import (
    GGML_QUANT_SIZES,
    GGUF_DEFAULT_ALIGNMENT,
    GGMLQuantizationType,
    GGUFValueType,
)

from homespun_model.errors import BaseError

_ARCHITECTURE = "general.architecture"
MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_HEADER = 64 << 20  # bytes; a quarter of a million tokens and their merges are a quarter of it
MOST_DIMENSIONS = 4
MOST_ITEMS = 1 << 18  # fields or tensors; large models have hundreds of each
MOST_TEXTS = 1 << 21  # of one field
_SCALARS = {
    GGUFValueType.UINT8: "u1",
    GGUFValueType.INT8: "i1",
    GGUFValueType.UINT16: "u2",
    GGUFValueType.INT16: "i2",
    GGUFValueType.UINT32: "u4",
    GGUFValueType.INT32: "i4",
    GGUFValueType.FLOAT32: "f4",
    GGUFValueType.BOOL: "?",
    GGUFValueType.UINT64: "u8",
    GGUFValueType.INT64: "i8",
    GGUFValueType.FLOAT64: "f8",
}
_TYPES = {kind.value: np.dtype("<" + code) for kind, code in _SCALARS.items()}
# A field and a tensor take at least so many bytes: no count can be larger than these fit.
_LEAST_FIELD, _LEAST_TENSOR, _LEAST_STRING = 13, 32, 8


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file."""

    name: str
    shape: tuple[int, ...]
    """Rows first, as torch has it."""
    kind: GGMLQuantizationType
    begin: int
    """Its first byte in the file."""
    bytes: int

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return math.prod(self.shape)

    @property
    def bits(self) -> float:
        """Of each number, what a block shares counted in."""
        return 8 * self.bytes / self.numbers


@dataclass(frozen=True, slots=True)
class Header:
    """All of a file but its weights."""

    path: Path
    fields: Mapping[str, Any]
    """Scalars and text as Python has them, arrays of text as lists, of numbers as numpy's."""
    tensors: Mapping[str, StoredTensor]

    def without_fields(self) -> Header:
        """What reading weights takes: a vocabulary and its merges are the most of a header."""
        architecture = {_ARCHITECTURE: self.architecture}
        return replace(self, fields=architecture)

    @property
    def architecture(self) -> str:
        """The kind of model; "" where the file does not say."""
        return str(self.fields.get(_ARCHITECTURE, ""))

    def model_field(self, name: str, default: Any = None) -> Any:
        """A field of this architecture, ``block_count`` for one."""
        return self.fields.get(f"{self.architecture}.{name}", default)


def read_header(path: Path) -> Header:
    """The header of the file at ``path``. BaseError, one line, for what is no whole GGUF file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < len(MAGIC):
                raise _wrong(path, "it is cut off")
            with mmap.mmap(file.fileno(), min(size, MOST_HEADER), access=mmap.ACCESS_READ) as held:
                return _Reader(path, held, size).header()
    except (OSError, ValueError) as error:  # ValueError: it grew shorter meanwhile
        raise BaseError(f"{path} cannot be read: {error}") from error


def _wrong(path: Path, why: str) -> BaseError:
    return BaseError(f"{path} is no GGUF file that can be read: {why}")


class _Reader:
    """Reads on from the beginning of a file, never past its end."""

    def __init__(self, path: Path, held: mmap.mmap, size: int) -> None:
        self._path, self._held, self._size = path, held, size
        self._at = 0

    def header(self) -> Header:
        self._begin()
        tensors = self._count(_LEAST_TENSOR, MOST_ITEMS)
        fields = self._count(_LEAST_FIELD, MOST_ITEMS)
        read = self._by_name(self._field() for _ in range(fields))
        if (parts := read.get("split.count", 1)) != 1:
            raise self._refusal(
                f"it is one of {parts} parts: join them with llama-gguf-split --merge"
            )
        alignment = self._alignment(read.get("general.alignment", GGUF_DEFAULT_ALIGNMENT))
        stored = self._by_name(self._tensor() for _ in range(tensors))
        begin = -(-self._at // alignment) * alignment
        placed = {name: self._placed(stored[name], begin, alignment) for name in stored}
        self._lie_apart(placed)
        return Header(self._path, read, placed)

    def _begin(self) -> None:
        if self._take(len(MAGIC)) != MAGIC:
            raise self._refusal("it does not begin as one")
        version = self._number("<I")
        if version & 0xFFFF == 0:
            raise self._refusal("its bytes are in the order of big-endian machines")
        if version not in VERSIONS:
            raise self._refusal(f"its version is {version}, and only 2 and 3 are known")

    def _by_name(self, items: Iterator[tuple[str, Any]]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for name, item in items:
            if name in named:
                raise self._refusal(f"it holds {name[:80]!r} twice")
            named[name] = item
        return named

    def _field(self) -> tuple[str, Any]:
        name, kind = self._text(), self._number("<I")
        if kind != GGUFValueType.ARRAY:
            return name, self._scalar(kind)
        kind = self._number("<I")
        if kind == GGUFValueType.STRING:
            return name, self._texts(self._count(_LEAST_STRING, MOST_TEXTS))
        dtype = self._dtype(kind)
        data = self._take(self._count(dtype.itemsize) * dtype.itemsize)
        return name, np.frombuffer(data, dtype)

    def _scalar(self, kind: int) -> Any:
        if kind == GGUFValueType.STRING:
            return self._text()
        dtype = self._dtype(kind)
        number = np.frombuffer(self._take(dtype.itemsize), dtype)[0]
        # The shortest decimal that is this float: what its maker's config said.
        return float(str(number)) if kind == GGUFValueType.FLOAT32 else number.item()

    def _tensor(self) -> tuple[str, StoredTensor]:
        name, dimensions = self._text(), self._number("<I")
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise self._refusal(f"{name[:80]!r} has {dimensions} dimensions")
        shape = tuple(self._number("<Q") for _ in range(dimensions))[::-1]
        number, begin = self._number("<I"), self._number("<Q")
        try:
            kind = GGMLQuantizationType(number)
        except ValueError:
            raise self._refusal(f"{name[:80]!r} is of type {number}, which is not known") from None
        block, size = GGML_QUANT_SIZES[kind]
        if not all(shape) or shape[-1] % block:
            raise self._refusal(f"{name[:80]!r} cannot be {list(shape)} numbers in {kind.name}")
        return name, StoredTensor(name, shape, kind, begin, math.prod(shape) // block * size)

    def _placed(self, tensor: StoredTensor, begin: int, alignment: int) -> StoredTensor:
        """With its place in the file, where the header had it in the weights."""
        if tensor.begin % alignment:
            raise self._refusal(f"{tensor.name[:80]!r} does not begin where a tensor may")
        placed = replace(tensor, begin=begin + tensor.begin)
        if placed.begin + placed.bytes > self._size:
            raise self._refusal(f"{tensor.name[:80]!r} ends behind it: it is cut off")
        return placed

    def _lie_apart(self, tensors: Mapping[str, StoredTensor]) -> None:
        in_order = sorted(tensors.values(), key=lambda tensor: tensor.begin)
        for one, next_one in pairwise(in_order):
            if one.begin + one.bytes > next_one.begin:
                raise self._refusal(f"{one.name[:80]!r} and {next_one.name[:80]!r} overlap")

    def _alignment(self, said: object) -> int:
        if not isinstance(said, int) or said <= 0 or said & (said - 1):
            raise self._refusal(f"it aligns tensors to {str(said)[:20]} bytes, no power of two")
        return said

    def _dtype(self, kind: int) -> np.dtype[Any]:
        if kind not in _TYPES:
            raise self._refusal(f"a field is of type {kind}, which is not known")
        return _TYPES[kind]

    def _count(self, least: int, most: int = MOST_HEADER) -> int:
        """How many follow, of which each takes at least so many bytes."""
        count = self._number("<Q")
        if count > most or count * least > self._size - self._at:
            raise self._refusal(
                f"it is cut off, or wrong in saying that {count} of something follow"
            )
        return count

    def _text(self) -> str:
        data = self._take(self._number("<Q"))
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise self._refusal("a text in it is not in UTF-8") from None

    def _texts(self, count: int) -> list[str]:
        """``_text``, so many times: a vocabulary has 300,000, and every start reads them all."""
        held, at, texts = self._held, self._at, []
        for _ in range(count):
            begin = at + 8
            end = begin + int.from_bytes(held[at:begin], "little")
            data = held[begin:end]
            if len(data) < end - begin or begin > len(held):
                break
            try:
                texts.append(data.decode("utf-8"))
            except UnicodeDecodeError:
                break
            at = end
        self._at = at
        return texts if len(texts) == count else [*texts, self._text()]  # which says what is wrong

    def _number(self, form: str) -> int:
        number: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return number

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._held):
            more = "its header is too long" if end <= self._size else "it is cut off"
            raise self._refusal(more)
        data = self._held[self._at : end]
        self._at = end
        return data

    def _refusal(self, why: str) -> BaseError:
        return _wrong(self._path, why)
