"""Betterleaks' rules: the formats of some hundreds of services, kept up to date by others.

Its library scans inside this process, reads no file and asks no network. Where there is no wheel
of it nothing is found here, and our own rules stand alone. Its rules that guess by a name or by
entropy are left aside: ours know more that is harmless. So are those for addresses and user names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from homespun_corpus.filters.secret_allowlist import is_real

# Our own rules find private keys, with all their lines.
_NO_SECRET = re.compile(
    r"generic-|private-key$|.*-(?:id|(?<!webhook-)(?<!sensitive-)url|host|domain|username|user|name)"
    r"(?:\.\d+)?$"
)
_KEY_IDS = frozenset({"alibaba-access-key-id", "alibaba-sts-access-key-id"})  # learnt as pairs
# A comment that asks to be forgiven is the repository's own: it cannot make us keep a secret.
_ALLOW = re.compile(r"(?i)(?:better|git)leaks:allow")
# Some rules take a line's length squared, and all of them the number of findings squared.
MAX_LINE_CHARS = 5000
PIECE_CHARS = 32_000


def scanned_lines(text: str) -> Iterator[tuple[int, int]]:
    """First and last line of what the library takes for a secret, from 0."""
    scan = _library()
    if scan is None:
        return
    text = text.replace("\0", " ")  # its strings end at a zero
    if "leaks:" in text:
        text = _ALLOW.sub("", text)
    above = 0
    for piece in _pieces(text):
        for found in scan(piece):
            match, at = found["match"], found["location"]
            if _is_meant(found["rule_id"]) and is_real(match["value"]):
                yield above + at["start_line"] - 1, above + at["end_line"] - 1
        above += piece.count("\n")


def _pieces(text: str) -> Iterator[str]:
    """The text in whole lines, without the ends of those that are too long."""
    start = 0
    while start < len(text):
        end = start + PIECE_CHARS
        end = (text.find("\n", end) + 1 or len(text)) if end < len(text) else len(text)
        lines = text[start:end].split("\n")
        yield "\n".join(line[:MAX_LINE_CHARS] for line in lines)
        start = end


def _is_meant(rule: str) -> bool:
    return rule in _KEY_IDS or not _NO_SECRET.match(rule)


@cache
def _library() -> Callable[[str], list[dict[str, Any]]] | None:
    """Loads 20 MB and starts a few threads, so only once something is to be scanned."""
    try:
        from betterleaks import scan_string
    except ImportError:
        return None
    return lambda text: [finding.raw for finding in scan_string(text)]
