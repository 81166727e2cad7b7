"""Files of a repository as functions, each blob read once a run, or once in many runs.

Between the repository, which knows bytes, and everything that wants functions. Knows nothing of
splits or samples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from homespun_corpus.blob_cache import BlobCache
from homespun_corpus.copies import Sketch
from homespun_corpus.echoes import Trace
from homespun_corpus.functions import Function
from homespun_corpus.languages import TEXT, by_name
from homespun_corpus.left_out import LeftOut
from homespun_corpus.licence_names import EXCLUDED_LICENCE, is_excluded
from homespun_corpus.notebooks import readable
from homespun_corpus.readers import Readers, Request
from homespun_corpus.readings import (
    TIMEOUT,
    Reading,
    decode,
    decode_spans,
    encode,
    encode_spans,
    read_blob,
)
from homespun_corpus.repository import Repository
from homespun_corpus.spans import Span
from homespun_corpus.texts import read_as

WORTH_PROCESSES = 32  # blobs: starting processes takes as long as reading some of them


@dataclass(frozen=True, slots=True)
class FileFunctions:
    """The functions of one file, ``keys[i]`` naming what ``functions[i]`` says but for its format.

    ``reason``: why the whole file is left out of training, None for a clean one. ``reasons[i]``:
    why ``functions[i]`` is, by this file alone. ``unread``: no parser may have the file, so nobody
    knows its functions. The rest is a clean file's, as ``readings.Reading`` says.
    """

    path: str
    blob_id: str
    reason: str | None
    functions: Sequence[Function] = ()
    keys: tuple[bytes, ...] = ()
    reasons: tuple[str | None, ...] = ()
    unread: bool = False
    secrets: tuple[Span, ...] = ()
    sketches: tuple[Sketch | None, ...] = ()
    header: int = 0
    trace: Trace = b""


@dataclass(frozen=True, slots=True, order=True)
class _Key:
    """What a reading depends on."""

    blob_id: str
    language: str
    judged: bool

    def __str__(self) -> str:
        return f"{self.blob_id} {self.language} {self.judged:d}"


class Sources:
    """Reads files of one repository by path and blob id."""

    def __init__(
        self,
        repository: Repository,
        left_out: LeftOut,
        *,
        licences: Sequence[str] = (),
        cache: BlobCache | None = None,
        readers: Readers | None = None,
    ) -> None:
        self.repository = repository
        self._left_out = left_out
        self._licences = licences
        self._cache = cache
        self._readers = readers
        self._read: dict[tuple[str, str], FileFunctions] = {}
        self._last = ("", b"")

    def file(self, path: str, blob_id: str) -> FileFunctions:
        """The functions of a file."""
        found = self._read.get((path, blob_id)) or self._unwanted(path, blob_id)
        if found is None:
            key = self._key(path, blob_id)
            found = self._put(path, key, self._kept(path, key) or self._reading(path, key))
        return found

    def files(self, named: Iterable[tuple[str, str]]) -> list[FileFunctions]:
        """Many files by path and blob id, read on all cores where that is worth it."""
        named = list(named)
        self.read_ahead(named)
        return [self.file(*name) for name in named]

    def read_ahead(self, named: Iterable[tuple[str, str]]) -> None:
        """Read files that may be asked for, if there are cores for it."""
        if self._readers is None:
            return
        missing: dict[_Key, str] = {}
        for path, blob_id in named:
            if (path, blob_id) not in self._read and not self._unwanted(path, blob_id):
                key = self._key(path, blob_id)
                kept = self._kept(path, key)
                if kept is None:
                    missing.setdefault(key, path)
                else:
                    self._put(path, key, kept)
        if len(missing) >= WORTH_PROCESSES:
            self._read_together(self._readers, missing)

    def tree(self, commit: str | None) -> list[FileFunctions]:
        """Every file of a commit or of a plain folder that may be text."""
        files = self.repository.files(commit, wanted=lambda path: read_as(path) is not None)
        return self.files((file.path, file.blob_id) for file in files)

    def reason(self, function: Function) -> str | None:
        """Why a function is left out of training, by its file alone; None for a clean one."""
        file, i = self._place(function)
        return file.reasons[i]

    def sketch(self, function: Function) -> Sketch:
        """What finds the copies of a function that has no reason."""
        file, i = self._place(function)
        sketch = file.sketches[i]
        assert sketch is not None
        return sketch

    def text(self, blob_id: str) -> bytes:
        """A blob as it is read; the last one is kept, since functions come file by file."""
        if blob_id != self._last[0]:
            self._last = blob_id, readable(self.repository.read(blob_id))
        return self._last[1]

    def recall(self, file: FileFunctions, what: str, find: Callable[[], list[Span]]) -> list[Span]:
        """What ``find`` finds in a file, or found in an earlier run: ``what`` names all it asks."""
        key = f"{self._key(file.path, file.blob_id)} {what}"
        data = self._cache.get(key) if self._cache else None
        with suppress(ValueError):
            if data is not None:
                return decode_spans(data)
        spans = find()
        if self._cache is not None:
            self._cache.put(key, encode_spans(spans))
        return spans

    def _place(self, function: Function) -> tuple[FileFunctions, int]:
        file = self.file(function.path, function.blob_id)
        return file, bisect_left(file.functions, function.span, key=lambda f: f.span)

    def _key(self, path: str, blob_id: str) -> _Key:
        language = read_as(path)
        assert language is not None
        return _Key(blob_id, language.name, self._left_out(path) is None)

    def _unwanted(self, path: str, blob_id: str) -> FileFunctions | None:
        """A file that is left out by its path and has no functions to account for: not read."""
        if read_as(path) is not TEXT:
            return None
        reason = self._left_out(path)
        return FileFunctions(path, blob_id, reason, unread=True) if reason else None

    def _kept(self, path: str, key: _Key) -> Reading | None:
        """What an earlier run has read, if it can be read again."""
        data = self._cache.get(str(key)) if self._cache else None
        try:
            return None if data is None else _decoded(data, path, key)
        except ValueError:
            return None

    def _reading(self, path: str, key: _Key) -> Reading:
        blob, language = self.repository.read(key.blob_id), by_name(key.language)
        reading = read_blob(blob, language, judged=key.judged, path=path, blob_id=key.blob_id)
        self._keep(key, reading, encode(reading) if self._cache else b"")
        return reading

    def _read_together(self, readers: Readers, missing: dict[_Key, str]) -> None:
        def requests() -> Iterator[Request]:
            for key, path in missing.items():
                blob = self.repository.read(key.blob_id)
                yield Request(path, key.language, key.judged, blob)

        answers = readers.read(requests())
        for (key, path), data in zip(missing.items(), answers, strict=True):
            reading = _decoded(data, path, key)
            self._keep(key, reading, data)
            self._put(path, key, reading)

    def _keep(self, key: _Key, reading: Reading, data: bytes) -> None:
        """For later runs; a file that took too long may have met a busy machine."""
        if self._cache is not None and reading.reason != TIMEOUT:
            self._cache.put(str(key), data)

    def _put(self, path: str, key: _Key, reading: Reading) -> FileFunctions:
        reason = self._left_out(path) or self._licence(key, reading) or reading.reason
        file = FileFunctions(
            path,
            key.blob_id,
            TIMEOUT if reading.reason == TIMEOUT else reason,
            reading.functions,
            reading.keys,
            (reason,) * len(reading.functions) if reason else reading.reasons,
            reading.unread,
            reading.secrets,
            reading.sketches,
            reading.header,
            reading.trace,
        )
        self._read[path, key.blob_id] = file
        return file

    def _licence(self, key: _Key, reading: Reading) -> str | None:
        """Whether the team excludes what the file is under; asked after reading, which is kept."""
        if not self._licences or not reading.header:
            return None
        blob, comment = self.repository.read(key.blob_id), by_name(key.language).comment
        excluded = is_excluded(readable(blob), comment, self._licences)
        return EXCLUDED_LICENCE if excluded else None


def _decoded(data: bytes, path: str, key: _Key) -> Reading:
    return decode(data, key.language, path=path, blob_id=key.blob_id)
