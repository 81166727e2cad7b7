"""What one blob says in one language: the expensive part of mining, a pure function of its bytes.

Whatever depends on a path, a commit, the settings or other files comes later, so a reading can be
made in any process and kept for as long as the rules stay the same. Knows no git and no cache.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from homespun_corpus.copies import Sketch, sketches, tokens
from homespun_corpus.functions import Function, Span, extract
from homespun_corpus.hygiene import content_reason, own_reasons, unreadable
from homespun_corpus.keys import text_key
from homespun_corpus.languages import Language, ParseTimeout, by_name
from homespun_corpus.notebooks import readable
from homespun_corpus.secrets import find_secrets

TIMEOUT = "parse-timeout"


@dataclass(frozen=True, slots=True)
class Reading:
    """Functions without a path or a blob id, and for each its key, own reason and sketch.

    ``reason``: why the content keeps the whole file out. ``unread``: no parser may have it.
    ``secrets``: the lines that hold one. ``sketches[i]`` is None where ``reasons[i]`` is not. A
    reading of a file that its path keeps out is not ``judged``: it has no reasons, no secrets and
    no sketches.
    """

    reason: str | None
    unread: bool = False
    functions: tuple[Function, ...] = ()
    keys: tuple[bytes, ...] = ()
    reasons: tuple[str | None, ...] = ()
    secrets: tuple[Span, ...] = ()
    sketches: tuple[Sketch | None, ...] = ()


def read_blob(blob: bytes, language: Language, *, judged: bool) -> Reading:
    """Read a blob; one that takes too long to parse has that as its reason."""
    source = readable(blob)
    reason = content_reason(source)
    if unreadable(source):
        return Reading(reason, unread=True)
    try:
        functions = extract(source, path="", language=language, blob_id="")
    except ParseTimeout:
        return Reading(TIMEOUT, unread=True)
    keys = tuple(text_key(source[f.span.start : f.span.end]) for f in functions)
    if reason is not None or not judged:
        return Reading(reason, functions=tuple(functions), keys=keys)
    secrets = find_secrets(source)
    reasons = own_reasons(source, functions, secrets)
    return Reading(
        reason,
        functions=tuple(functions),
        keys=keys,
        reasons=tuple(reasons),
        secrets=tuple(Span(secret.start, secret.end) for secret in secrets),
        sketches=tuple(_sketches(source, functions, reasons, language)),
    )


def _sketches(
    source: bytes, functions: Sequence[Function], reasons: Sequence[str | None], language: Language
) -> Iterator[Sketch | None]:
    clean = [f.span for f, reason in zip(functions, reasons, strict=True) if reason is None]
    codes = [tokens(source[span.start : span.end], language.comment) for span in clean]
    found = sketches(codes)
    return (next(found) if reason is None else None for reason in reasons)


def encode(reading: Reading) -> bytes:
    """A reading as bytes that ``decode`` can check."""
    row = [
        reading.reason,
        reading.unread,
        [_function_row(function) for function in reading.functions],
        b"".join(reading.keys).hex(),
        reading.reasons,
        [(span.start, span.end) for span in reading.secrets],
        [None if item is None else item.hex() for item in reading.sketches],
    ]
    return zlib.compress(json.dumps(row, ensure_ascii=True).encode(), 1)


def decode(data: bytes, language: str) -> Reading:
    """What ``encode`` was given; ValueError for anything else."""
    try:
        row = json.loads(zlib.decompress(data))
        reason, unread, functions, keys, reasons, secrets, sketches = row
        joined = bytes.fromhex(keys)
        return Reading(
            reason,
            unread,
            tuple(_function(item, language) for item in functions),
            tuple(joined[i : i + 16] for i in range(0, len(joined), 16)),
            tuple(reasons),
            tuple(Span(*span) for span in secrets),
            tuple(None if item is None else bytes.fromhex(item) for item in sketches),
        )
    except (zlib.error, TypeError, ValueError) as error:
        raise ValueError("not a reading") from error


def _function_row(f: Function) -> list[Any]:
    spans = f.span.start, f.span.end, f.body.start, f.body.end
    return [f.name, f.qualified_name, f.kind, f.signature, f.doc, f.broken, *spans]


def _function(row: list[Any], language: str) -> Function:
    name, qualified_name, kind, signature, doc, broken, start, end, body, body_end = row
    return Function(
        path="",
        language=language,
        name=name,
        qualified_name=qualified_name,
        kind=kind,
        span=Span(start, end),
        signature=signature,
        doc=doc,
        body=Span(body, body_end),
        blob_id="",
        broken=broken,
    )


def read_encoded(blob: bytes, language: str, *, judged: bool) -> bytes:
    """``read_blob`` as another process answers it."""
    return encode(read_blob(blob, by_name(language), judged=judged))
