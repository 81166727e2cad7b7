"""``homespun complete``: one suggestion at a cursor of a file on the disk, for a terminal.

The same place, completer and adapter as in an editor, without a server around them.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_corpus.place import with_ends_of
from homespun_model.errors import ModelError
from homespun_model.sharing.store_place import StorePlace

from homespun_server.document_home import UNTIL_THEN, Home, home_of
from homespun_server.documents import Document, Encoding
from homespun_server.errors import CommandUsageError
from homespun_server.places import clear_place_in
from homespun_server.reasons import why_not_shown
from homespun_server.recheck import screened
from homespun_server.repository_index import read_now
from homespun_server.served_once import served_once
from homespun_server.serving import Serving
from homespun_server.settings import LaunchOptions
from homespun_server.shared_watch import how_old

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.decoding.completing import Suggestion


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor in a file, inside its text."""

    document: Document
    path: Path
    offset: int


def complete(
    options: LaunchOptions,
    file: Path,
    line: int,
    column: int,
    *,
    repository: str | None,
    as_json: bool,
) -> int:
    """Print the suggestion; with ``as_json`` as one object, shown or not."""
    cursor = cursor_in(file, line, column)
    with redirect_stdout(sys.stderr):  # whatever a library prints is not our answer
        suggestion = suggest(options, cursor, repository)
    if as_json:
        print(json.dumps(to_json(cursor, suggestion)), flush=True)
    elif why_not_shown(suggestion) is None:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # not a test's
        print(suggestion.text, flush=True)
    else:
        print(f"homespun: no suggestion: {why_not_shown(suggestion)}", file=sys.stderr)
    return 0


def cursor_in(file: Path, line: int, column: int) -> Cursor:
    """The cursor at ``line`` and ``column``, both from 1; CommandUsageError where there is none."""
    document = read_document(file)
    if not 1 <= line <= len(document.starts):
        raise CommandUsageError(f"{file} has {len(document.starts)} lines: there is no line {line}")
    start, end = document.line_span(line - 1)
    if not 1 <= column <= end - start + 1:
        raise CommandUsageError(
            f"line {line} of {file} has {end - start} characters: a cursor there is at column 1 "
            f"to {end - start + 1}, not {column}"
        )
    return Cursor(document, file.absolute(), start + column - 1)


def read_document(file: Path) -> Document:
    """A file of the disk as a document whose columns are characters."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise CommandUsageError(f"there is no file {file}") from error
    except IsADirectoryError as error:
        raise CommandUsageError(f"{file} is a folder: name a file") from error
    except UnicodeDecodeError as error:
        raise CommandUsageError(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise CommandUsageError(f"{file} cannot be read: {error.strerror}") from error
    return Document.create(text, uri=file.name, encoding=Encoding.UTF32)


def suggest(options: LaunchOptions, cursor: Cursor, repository: str | None) -> Suggestion:
    """What the model says at a cursor; ``repository`` in place of the file's own id."""
    place = StorePlace.of(options.store)
    store = place.store
    store.check_folder()
    home = home_of(cursor.path, known=store.has)
    if home.root is not None and home.root.problem is not None:
        raise CommandUsageError(f"{home.root.problem}; {UNTIL_THEN}")
    identity = home.root.identity if home.root else None
    if repository is not None:
        identity = repository
    served = served_once(options.without_server() if home.stays_here else options, store)
    serving = served.plain
    if serving.problem is not None:
        print(f"homespun: {serving.problem}", file=sys.stderr)
    if identity is not None:
        if (problem := brought_here(place, identity, served.base)) is not None:
            print(f"homespun: {problem}", file=sys.stderr)
        serving = served.current(identity) or serving
    return suggestion_at(serving, cursor, home)


def brought_here(place: StorePlace, identity: str, base: Base) -> str | None:
    """Ask a store's URL for what it serves; why that could not be, and how old what is here is."""
    try:
        place.pull(identity, base.record)
    except (ModelError, OSError) as error:
        return f"{error}; {how_old(place.age(identity))}"
    return None


def suggestion_at(serving: Serving, cursor: Cursor, home: Home) -> Suggestion:
    """As an editor would be told, with the whole repository read for it."""
    clear = clear_place_in(cursor.document, cursor.offset, home)
    completer = serving.completer
    place, ngrams = read_now(clear, home.root, completer.tokens, for_server=completer.is_shared)
    found = screened(place, completer.complete(place, ngrams=ngrams))
    return replace(found, text=with_ends_of(cursor.document.text, found.text))


def to_json(cursor: Cursor, suggestion: Suggestion) -> dict[str, Any]:
    """The stable shape of ``--json``: positions from 1, columns in characters."""
    document = cursor.document
    return {
        "text": suggestion.text,
        "start": _position(document, cursor.offset),
        "end": _position(document, cursor.offset + suggestion.replace),
        "revision": suggestion.revision,
        "base": suggestion.base,
        "generic": suggestion.generic,
        "mean_logprob": suggestion.mean_logprob,
        "shown": suggestion.shown,
        "stopped": suggestion.stopped,
        "milliseconds": suggestion.milliseconds,
    }


def _position(document: Document, offset: int) -> dict[str, int]:
    line, column = document.point(offset)
    return {"line": line + 1, "column": column + 1}
