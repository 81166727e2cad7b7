"""Files of a repository as functions, each blob read and parsed once a run.

Between the repository, which knows bytes, and everything that wants functions. Knows nothing of
splits or samples.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from homespun_corpus.functions import Function, extract
from homespun_corpus.hygiene import file_reason, own_reasons, unreadable
from homespun_corpus.languages import ParseTimeout, mined_language
from homespun_corpus.notebooks import readable
from homespun_corpus.repository import Repository

_FORMATTED = b" \t\n\r\f\v(),;\\"
_QUOTES = bytes.maketrans(b"'", b'"')


@dataclass(frozen=True, slots=True)
class FileFunctions:
    """The functions of one file, ``keys[i]`` naming what ``functions[i]`` says but for its format.

    ``reason``: why the whole file is left out of training, None for a clean one. ``reasons[i]``:
    why ``functions[i]`` is, by this file alone. ``unread``: no parser may have the file, so nobody
    knows its functions.
    """

    path: str
    blob_id: str
    reason: str | None
    functions: tuple[Function, ...] = ()
    keys: tuple[bytes, ...] = ()
    reasons: tuple[str | None, ...] = ()
    unread: bool = False


class Sources:
    """Reads files of one repository by path and blob id."""

    def __init__(self, repository: Repository, excluded: Callable[[str], bool]) -> None:
        self.repository = repository
        self._excluded = excluded
        self._read: dict[tuple[str, str], FileFunctions] = {}
        self._last = ("", b"")

    def file(self, path: str, blob_id: str) -> FileFunctions:
        """The functions of a file in a known language."""
        found = self._read.get((path, blob_id))
        if found is None:
            found = self._read[path, blob_id] = self._functions(path, blob_id)
        return found

    def tree(self, commit: str | None) -> list[FileFunctions]:
        """Every file in a known language, of a commit or of a plain folder."""
        files = self.repository.files(commit, wanted=lambda path: mined_language(path) is not None)
        return [self.file(file.path, file.blob_id) for file in files]

    def reason(self, function: Function) -> str | None:
        """Why a function is left out of training, by its file alone; None for a clean one."""
        file = self.file(function.path, function.blob_id)
        return file.reasons[bisect_left(file.functions, function.span, key=lambda f: f.span)]

    def text(self, blob_id: str) -> bytes:
        """A blob as it is read; the last one is kept, since functions come file by file."""
        if blob_id != self._last[0]:
            self._last = blob_id, readable(self.repository.read(blob_id))
        return self._last[1]

    def _functions(self, path: str, blob_id: str) -> FileFunctions:
        language = mined_language(path)
        assert language is not None
        source = self.text(blob_id)
        reason = "excluded" if self._excluded(path) else file_reason(path, source)
        if unreadable(source):
            return FileFunctions(path, blob_id, reason, unread=True)
        try:
            functions = extract(source, path=path, language=language, blob_id=blob_id)
        except ParseTimeout:
            return FileFunctions(path, blob_id, "parse-timeout", unread=True)
        keys = tuple(text_key(source[f.span.start : f.span.end]) for f in functions)
        own = [reason] * len(functions) if reason else own_reasons(source, functions)
        return FileFunctions(path, blob_id, reason, tuple(functions), keys, tuple(own))


def text_key(text: bytes) -> bytes:
    """The same for two texts that differ in nothing but what a formatter changes.

    That is white space, the kind of quotes, trailing commas, semicolons, and brackets around an
    expression. An edit of these alone goes for none either: it teaches nothing.
    """
    return hashlib.blake2b(text.translate(_QUOTES, _FORMATTED), digest_size=16).digest()
