"""What one blob says in one language: the expensive part of mining, a pure function of its bytes.

Whatever depends on a path, a commit, the settings or other files comes later, so a reading can be
made in any process and kept for as long as the rules stay the same. Knows no git and no cache.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from homespun_corpus.dedup.contamination import GramTrace, gram_trace
from homespun_corpus.dedup.format_key import text_key
from homespun_corpus.dedup.near_duplicates import (
    KEY_BYTES,
    SKETCH_BYTES,
    Sketch,
    grams,
    sketches,
    tokens,
)
from homespun_corpus.filters.licence import licence_header
from homespun_corpus.filters.plain_text import whole_text
from homespun_corpus.filters.quality import content_reason, own_reasons, unreadable
from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.reading.lazy_functions import LazyFunctions, function_row
from homespun_corpus.syntax.functions import Function, extract
from homespun_corpus.syntax.languages import TEXT, Language, by_name
from homespun_corpus.syntax.notebooks import CellText, readable
from homespun_corpus.syntax.parsing import ParseTimeout
from homespun_corpus.syntax.spans import Span

TIMEOUT = "parse-timeout"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """Functions, without a path until they get one, and each one's key, own reason and sketch.

    ``reason``: why the content keeps the whole file out. ``unread``: no parser may have it.
    ``secrets``: the lines that hold one. ``sketches[i]`` is None where ``reasons[i]`` is not.
    ``header``: where a licence ends that the file begins with, 0 without one. ``gram_trace``: of
    the file and its functions. ``notebook``: whether it is one. A file that its path keeps out is
    not ``judged``: it has functions and keys alone.
    """

    reason: str | None
    unread: bool = False
    functions: Sequence[Function] = ()
    keys: tuple[bytes, ...] = ()
    reasons: tuple[str | None, ...] = ()
    secrets: tuple[Span, ...] = ()
    sketches: tuple[Sketch | None, ...] = ()
    header: int = 0
    gram_trace: GramTrace = b""
    notebook: bool = False


def read_blob(
    blob: bytes, language: Language, *, judged: bool, path: str = "", blob_id: str = ""
) -> ParsedFile:
    """Read a blob; one that takes too long to parse has that as its reason."""
    source = readable(blob)
    found = partial(ParsedFile, notebook=isinstance(source, CellText))
    if why := _why_unread(source):
        return found(why, unread=True)
    try:
        functions = _functions(source, language, path, blob_id)
    except ParseTimeout:
        return found(TIMEOUT, unread=True)
    reason = content_reason(source)
    keys = tuple(text_key(f.text(source)) for f in functions)
    if reason is not None or not judged:
        return found(reason, functions=tuple(functions), keys=keys)
    secrets = find_secrets(source)
    codes = [tokens(f.text(source), language.lexical) for f in functions]
    reasons = own_reasons(source, functions, secrets, codes)
    header = licence_header(source, language.lexical)
    pieces = (tokens(source, language.lexical), *codes)
    return found(
        reason,
        functions=tuple(functions),
        keys=keys,
        reasons=tuple(reasons),
        secrets=tuple(Span(secret.start, secret.end) for secret in secrets),
        sketches=tuple(_sketches(codes, reasons)),
        header=header.end if header else 0,
        gram_trace=gram_trace(map(grams, pieces)),
    )


def _why_unread(source: bytes) -> str | None:
    return (source.reason if isinstance(source, CellText) else None) or unreadable(source)


def _functions(source: bytes, language: Language, path: str, blob_id: str) -> list[Function]:
    if language is TEXT:
        return whole_text(source, path=path, blob_id=blob_id)
    return extract(source, path=path, language=language, blob_id=blob_id)


def _sketches(
    codes: Sequence[Sequence[bytes]], reasons: Sequence[str | None]
) -> Iterator[Sketch | None]:
    clean = (code for code, reason in zip(codes, reasons, strict=True) if reason is None)
    found = sketches(clean)
    return (next(found) if reason is None else None for reason in reasons)


def encode_parsed(parsed: ParsedFile) -> bytes:
    """A reading as bytes that ``decode_parsed`` can check."""
    row = [
        parsed.reason,
        parsed.unread,
        [function_row(function) for function in parsed.functions],
        parsed.reasons,
        [(span.start, span.end) for span in parsed.secrets],
        [item is None for item in parsed.sketches],
        parsed.header,
        parsed.notebook,
    ]
    binary = (b"".join(parsed.keys), b"".join(filter(None, parsed.sketches)), parsed.gram_trace)
    text = json.dumps([*row, *map(len, binary)]).encode()
    return zlib.compress(b"\n".join((text, b"".join(binary))), 1)


def decode_parsed(data: bytes, language: str, *, path: str, blob_id: str) -> ParsedFile:
    """What ``encode_parsed`` was given, as the file at ``path``; ValueError for anything else."""
    try:
        text, _, binary = zlib.decompress(data).partition(b"\n")
        reason, unread, functions, reasons, secrets, without, *rest = json.loads(text)
        header, notebook, *sizes = rest
        keys, sketched, traced = _cut(binary, sizes)
        found = _each(sketched, SKETCH_BYTES)
        return ParsedFile(
            reason,
            unread,
            LazyFunctions(functions, language, path, blob_id),
            tuple(_each(keys, KEY_BYTES)),
            tuple(reasons),
            tuple(Span(*span) for span in secrets),
            tuple(None if none else next(found) for none in without),
            header,
            traced,
            notebook,
        )
    except (zlib.error, TypeError, ValueError, StopIteration, RuntimeError) as error:
        raise ValueError("not a reading") from error


def encode_spans(spans: Iterable[Span]) -> bytes:
    """Spans as bytes that ``decode_spans`` can check."""
    return zlib.compress(json.dumps([(span.start, span.end) for span in spans]).encode(), 1)


def decode_spans(data: bytes) -> list[Span]:
    """What ``encode_spans`` was given; ValueError for anything else."""
    try:
        return [Span(*span) for span in json.loads(zlib.decompress(data))]
    except (zlib.error, TypeError, ValueError) as error:
        raise ValueError("no spans") from error


def _cut(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    stream = io.BytesIO(data)
    return [stream.read(size) for size in sizes]


def _each(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def read_encoded(blob: bytes, language: str, *, judged: bool) -> bytes:
    """``read_blob`` as another process answers it."""
    return encode_parsed(read_blob(blob, by_name(language), judged=judged))
