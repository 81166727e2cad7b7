"""Notebooks as the code in their cells.

A notebook's text is that of its code cells, a blank line between two. That text stands for the
file wherever one is read: every byte span counts in it, not in the JSON around it, and the blob id
names the notebook that it comes from, so the same blob gives the same text and the same spans.
Outputs and prose are no part of it. A notebook is told by its content, since a blob has no name.
"""

from __future__ import annotations

import json
from typing import Any

from homespun_corpus.syntax.languages import LANGUAGES

MAX_BYTES = 32 << 20  # of JSON, outputs included
_SPOKEN = (None, *(row.name for row in LANGUAGES if row.notebooks))
_MAGIC = ("%", "!")  # what the shell of a notebook reads, and no grammar


def readable(source: bytes) -> bytes:
    """The code of a notebook; anything else as it is."""
    if not source.startswith(b"{") or len(source) > MAX_BYTES or b'"nbformat"' not in source:
        return source
    try:
        notebook = json.loads(source)
    except (ValueError, RecursionError):
        return source
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return source
    if _language(notebook) not in _SPOKEN:
        return b""
    cells = (_code(cell) for cell in notebook["cells"] if isinstance(cell, dict))
    text = "\n\n".join(cell for cell in cells if cell)
    return (text + "\n").encode("utf-8", "replace") if text else b""


def _language(notebook: dict[str, Any]) -> str | None:
    """What the notebook's kernel speaks; None where it does not say."""
    metadata = notebook.get("metadata")
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        entry = metadata.get(name) if isinstance(metadata, dict) else None
        if isinstance(entry, dict) and key in entry:
            return str(entry[key]).lower()
    return None


def _code(cell: dict[str, Any]) -> str:
    """The text of a code cell without the lines that are not code; none of one for a shell."""
    source = cell.get("source", "")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    if cell.get("cell_type") != "code" or text.lstrip().startswith("%%"):
        return ""
    lines = text.splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(_MAGIC)).strip("\n")
