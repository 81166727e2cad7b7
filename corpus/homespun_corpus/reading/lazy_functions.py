"""The functions of a file as a cache keeps them: each is made when somebody asks for it.

A history holds each file in many versions, and of most of their functions only the name is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from homespun_corpus.filters.plain_text import text_name
from homespun_corpus.syntax.functions import Function, Label
from homespun_corpus.syntax.spans import Span

_FIELDS = 11


def function_row(f: Function) -> list[Any]:
    """A function as JSON, without what its file says."""
    spans = f.span.start, f.span.end, f.body.start, f.body.end
    parts = [(part.start, part.end) for part in f.parts]
    return [f.name, f.qualified_name, f.kind, f.signature, f.doc, f.broken, parts, *spans]


class LazyFunctions(Sequence[Function]):
    """What ``function_row`` gave for each; ValueError for what it cannot have given."""

    def __init__(self, rows: list[list[Any]], language: str, path: str, blob_id: str) -> None:
        if any(len(row) != _FIELDS for row in rows):
            raise ValueError("not a function")
        self._rows = rows
        self._file = language, path, blob_id
        self._made: dict[int, Function] = {}

    def labels(self) -> Iterator[Label]:
        """The label of each."""
        return ((self._name(row, row[1]), row[2] == "class") for row in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Function: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Function]: ...

    def __getitem__(self, index: int | slice) -> Function | Sequence[Function]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index not in self._made:
            self._made[index] = self._make(self._rows[index])
        return self._made[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _make(self, row: list[Any]) -> Function:
        name, qualified_name, kind, signature, doc, broken, parts, start, end, body, body_end = row
        language, path, blob_id = self._file
        return Function(
            path=path,
            language=language,
            name=self._name(row, name),
            qualified_name=self._name(row, qualified_name),
            kind=kind,
            span=Span(start, end),
            signature=signature,
            doc=doc,
            body=Span(body, body_end),
            blob_id=blob_id,
            parts=tuple(Span(*part) for part in parts),
            broken=broken,
        )

    def _name(self, row: list[Any], name: str) -> str:
        """A text is called as its file is, which need not be the one that was read."""
        return text_name(self._file[1]) if row[2] == "text" else name


def labels(functions: Sequence[Function]) -> Iterator[Label]:
    """The label of each function of a file."""
    if isinstance(functions, LazyFunctions):
        return functions.labels()
    return (function.label for function in functions)
