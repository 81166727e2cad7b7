"""Notebooks as the code in their cells.

A notebook's text is that of its code cells, a blank line between two. That text stands for the
file wherever one is read: every byte span counts in it, not in the JSON around it, and the blob id
names the notebook that it comes from, so the same blob gives the same text and the same spans.
Outputs and prose are no part of it. A notebook is told by its content, since a blob has no name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from homespun_corpus.syntax.ipython import python_of
from homespun_corpus.syntax.languages import LANGUAGES
from homespun_corpus.syntax.spans import Span

MAX_BYTES = 32 << 20  # of JSON, outputs included
OTHER_LANGUAGE = "other-language"
UNREADABLE = "unreadable-notebook"

_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\{")
_DATABRICKS = "application/vnd.databricks.v1+notebook"
_LANGUAGE = next(row.name for row in LANGUAGES if row.notebooks)
_SPOKEN = re.compile(rf"(?:i?{_LANGUAGE}|pyspark)[\d.]*(?: ?\(.*)?")
# A kernel whose language is not given is told by its name; environments have any.
_OTHER_KERNEL = re.compile(
    r"(?:ir|xr|sparkr.*|julia\b.*|bash|java|scala.*|almond|spark|sparkkernel|spylon.*|kotlin"
    r"|javascript|jslab|tslab|deno|gophernotes|gonb|rust|evcxr|ruby|iruby|i?haskell|octave|matlab"
    r"|sas|stata|nbstata|\.net-.*|i?perl|raku|php|lua|xlua|xsql|sql.*|xcpp.*|cling.*|wolfram.*|ocaml.*"
    r"|elixir|clojure|sagemath)"
)


class CellText(bytes):
    """A notebook's text: where its cells lie is for whoever parses it.

    ``reason``: why nothing of the notebook is read, None for one that is.
    """

    cells: tuple[Span, ...]
    reason: str | None

    def __new__(cls, cells: Iterable[str], reason: str | None = None) -> CellText:
        encoded = [cell.encode("utf-8", "replace") for cell in cells]
        text = super().__new__(cls, b"\n\n".join(encoded) + b"\n" if encoded else b"")
        text.cells, text.reason = tuple(_laid_out(map(len, encoded))), reason
        return text


def _laid_out(sizes: Iterable[int]) -> Iterator[Span]:
    """Each cell with its last line break, which the blank line below it follows."""
    start = 0
    for size in sizes:
        yield Span(start, start + size + 1)
        start += size + 2


def readable(source: bytes) -> bytes:
    """The code of a notebook, as ``CellText``; anything else as it is."""
    begin = _BEGIN.match(source)
    if begin is None or len(source) > MAX_BYTES or b'"nbformat"' not in source:
        return source
    try:
        notebook = json.loads(source[begin.end() - 1 :])
    except (ValueError, RecursionError):
        return source
    cells = _cells(notebook)
    if cells is None:
        return source
    spoken = _language(notebook)
    mixed = _DATABRICKS in _table(notebook, "metadata")
    codes = [cell for cell in cells if _is_python(cell, spoken)]
    texts = (python_of(_source(notebook, cell), mixed=mixed).strip("\n") for cell in codes)
    other = None if codes or _SPOKEN.fullmatch(spoken) else OTHER_LANGUAGE
    return CellText((text for text in texts if text and "\0" not in text), other)


def pieces(source: bytes) -> tuple[Span, ...]:
    """What of a source is parsed by itself: each cell of a notebook, or all of it."""
    return source.cells if isinstance(source, CellText) else (Span(0, len(source)),)


def _cells(notebook: Any) -> list[dict[str, Any]] | None:
    """The cells of any format since the second; None where there is no place for any."""
    if not isinstance(notebook, dict):
        return None
    sheets = notebook.get("worksheets")
    holders = [notebook, *(sheets if isinstance(sheets, list) else ())]
    lists = [holder.get("cells") for holder in holders if isinstance(holder, dict)]
    found = [cells for cells in lists if isinstance(cells, list)]
    if not found and not isinstance(sheets, list):
        return None
    return [cell for cells in found for cell in cells if isinstance(cell, dict)]


def _language(notebook: dict[str, Any]) -> str:
    """What the notebook's kernel speaks; Python where it does not say."""
    metadata = _table(notebook, "metadata")
    kernel = _table(metadata, "kernelspec")
    claims = (
        _table(metadata, "language_info").get("name"),
        kernel.get("language"),
        _table(metadata, _DATABRICKS).get("language"),
    )
    claimed = next((str(claim).lower() for claim in claims if claim), "")
    if claimed:
        return claimed
    name = str(kernel.get("name") or "").lower()
    return name if _OTHER_KERNEL.fullmatch(name) else _LANGUAGE


def _is_python(cell: dict[str, Any], spoken: str) -> bool:
    """Whether a cell is code and in Python; editors of several languages say so by cell."""
    if cell.get("cell_type") != "code":
        return False
    metadata = _table(cell, "metadata")
    claims = (
        _table(metadata, "vscode").get("languageId"),
        _table(metadata, "dotnet_interactive").get("language"),
        _table(metadata, "polyglot_notebook").get("kernelName"),
        metadata.get("kernel"),
        cell.get("language"),
        spoken,
    )
    claimed = next(claim for claim in claims if isinstance(claim, str) and claim)
    return _SPOKEN.fullmatch(claimed.lower()) is not None


def _source(notebook: dict[str, Any], cell: dict[str, Any]) -> str:
    """What was typed into a cell; lines without their ends are how formats 2 and 3 keep it."""
    source = cell["source"] if "source" in cell else cell.get("input")
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        is_bare = "cells" not in notebook and bool(lines) and not lines[0].endswith("\n")
        return ("\n" if is_bare else "").join(lines)
    return source if isinstance(source, str) else ""


def _table(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}
