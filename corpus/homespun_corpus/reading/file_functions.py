"""The functions of one file, and why any of them is left out. Plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homespun_corpus.dedup.contamination import GramTrace
from homespun_corpus.dedup.near_duplicates import Sketch
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.languages import Language
from homespun_corpus.syntax.spans import Span


@dataclass(frozen=True, slots=True)
class FileFunctions:
    """The functions of one file, ``keys[i]`` naming what ``functions[i]`` says but for its format.

    ``language``: what it was read as, ``TEXT`` where we know no language. ``reason``: why the whole
    file is left out of training, None for a clean one. ``reasons[i]``: why ``functions[i]`` is, by
    this file alone. ``unread``: no parser may have the file, so nobody knows its functions. The
    rest is a clean file's, as ``readings.ParsedFile`` says.
    """

    path: str
    blob_id: str
    language: Language
    reason: str | None
    functions: Sequence[Function] = ()
    keys: tuple[bytes, ...] = ()
    reasons: tuple[str | None, ...] = ()
    unread: bool = False
    secrets: tuple[Span, ...] = ()
    sketches: tuple[Sketch | None, ...] = ()
    header: int = 0
    gram_trace: GramTrace = b""
