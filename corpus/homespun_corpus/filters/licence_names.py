"""Which licences a file says it is under, by SPDX ids, and whether a team excludes one of them.

A file speaks in its header (``licence``): an SPDX line, or a notice of the licences that are known
by one. What a whole folder is under, a LICENSE file in it, is not asked. Knows text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from homespun_corpus.filters.licence import licence_header
from homespun_corpus.syntax.lexical import LexicalRules

EXCLUDED_LICENCE = "excluded-licence"

_SPDX = re.compile(r"SPDX-License-Identifier:?[ \t]*([^\n]*)", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9][\w.+-]*")
_WORDS = frozenset({"and", "or", "with"})
# Notices as they stand in files, and the id without its version.
_NOTICES = (
    (re.compile(r"\bGNU General Public Licen[sc]e", re.IGNORECASE), "GPL"),
    (re.compile(r"\bGNU (?:Lesser|Library) General Public Licen[sc]e", re.IGNORECASE), "LGPL"),
    (re.compile(r"\bGNU Affero General Public Licen[sc]e", re.IGNORECASE), "AGPL"),
    (re.compile(r"\bMozilla Public Licen[sc]e", re.IGNORECASE), "MPL"),
    (re.compile(r"\bApache Licen[sc]e", re.IGNORECASE), "Apache"),
    (re.compile(r"\bEclipse Public Licen[sc]e", re.IGNORECASE), "EPL"),
)
_VERSION = re.compile(r"\b(?:version|v\.?) ?(\d+(?:\.\d+)?)", re.IGNORECASE)
_LATER = re.compile(r"\bany later version\b", re.IGNORECASE)
_MARKS = re.compile(r"[\s*#/;%\"'!<>-]+")  # of any comment, between the words of a sentence


def is_excluded(source: bytes, rules: LexicalRules, patterns: Sequence[str]) -> bool:
    """Whether a licence that the file names is one of ``patterns``: SPDX ids, with ``*`` for any
    characters."""
    if not patterns or (header := licence_header(source, rules)) is None:
        return False
    text = source[: header.end].decode("utf-8", "replace")
    wanted = [pattern.lower() for pattern in patterns]
    return any(fnmatchcase(name.lower(), one) for name in licences(text) for one in wanted)


def licences(header: str) -> Iterator[str]:
    """The ids in a header; of a choice of licences, each."""
    for expression in _SPDX.findall(header):
        yield from (name for name in _ID.findall(expression) if name.lower() not in _WORDS)
    said = _MARKS.sub(" ", header)
    for notice, name in _NOTICES:
        if found := notice.search(said):
            version = _VERSION.search(said, found.end())
            yield f"{name}-{_numbered(name, version[1], said)}" if version else name


def _numbered(name: str, version: str, said: str) -> str:
    version = version if "." in version else f"{version}.0"
    if not name.endswith("GPL"):
        return version
    return f"{version}-or-later" if _LATER.search(said) else f"{version}-only"
