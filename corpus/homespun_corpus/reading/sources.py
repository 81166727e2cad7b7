"""Files of a repository as functions, each blob read once a run, or once in many runs.

Between the repository, which knows bytes, and everything that wants functions. Knows nothing of
splits or samples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import overload

from homespun_corpus.dedup.near_duplicates import Sketch
from homespun_corpus.filters.licence_names import EXCLUDED_LICENCE, is_excluded
from homespun_corpus.filters.path_filter import PathFilter
from homespun_corpus.filters.plain_text import read_as
from homespun_corpus.reading.blob_cache import BlobCache
from homespun_corpus.reading.file_functions import FileFunctions
from homespun_corpus.reading.lru import LruFiles
from homespun_corpus.reading.parsed_file import (
    TIMEOUT,
    ParsedFile,
    decode_parsed,
    decode_spans,
    encode_parsed,
    encode_spans,
    read_blob,
)
from homespun_corpus.reading.scope import Scope
from homespun_corpus.reading.worker_pool import BlobRequest, WorkerPool
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.languages import (
    TEXT,
    Language,
    by_name,
    language_for,
    may_be_script,
    mined_language,
    script_language,
)
from homespun_corpus.syntax.notebooks import UNREADABLE, readable
from homespun_corpus.syntax.spans import Span

WORTH_PROCESSES = 32  # blobs: starting processes takes as long as reading some of them
OnRead = Callable[[int, int], None]  # files read, of how many that are read together
RECENT_FUNCTIONS = 20_000  # in memory, about: 30 MB


@dataclass(frozen=True, slots=True, order=True)
class _Key:
    """What a reading depends on."""

    blob_id: str
    language: str
    judged: bool

    def __str__(self) -> str:
        return f"{self.blob_id} {self.language} {self.judged:d}"


class Tree(Sequence[FileFunctions]):
    """The files of a tree by path: read when asked for, and again when asked for again.

    Only their names are held, so that a tree may be larger than memory.
    """

    def __init__(self, sources: Sources, names: Iterable[tuple[str, str]]) -> None:
        self._sources = sources
        self.names = tuple(names)
        """Path and blob id of each."""

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> FileFunctions: ...

    @overload
    def __getitem__(self, index: slice) -> Tree: ...

    def __getitem__(self, index: int | slice) -> FileFunctions | Tree:
        if isinstance(index, slice):
            return Tree(self._sources, self.names[index])
        return self._sources.file(*self.names[index])

    def without(self, paths: Container[str]) -> Tree:
        """The tree without some of its files."""
        return Tree(self._sources, (name for name in self.names if name[0] not in paths))


class Sources:
    """Reads files of one repository by path and blob id.

    What was read lies in the cache, or in one of its own, and the files asked for last in memory.
    """

    def __init__(
        self,
        repository: Repository,
        left_out: PathFilter,
        *,
        licences: Sequence[str] = (),
        cache: BlobCache | None = None,
        workers: WorkerPool | None = None,
        on_read: OnRead = lambda *_: None,
        scope: Scope | None = None,
    ) -> None:
        self.repository = repository
        self.scope = scope
        """Which part of a larger one that is; None if it is all."""
        self._on_read = on_read
        self._left_out = left_out
        self._licences = licences
        self._cache = cache if cache is not None and cache.works else None
        self._workers = workers
        self._files = LruFiles(RECENT_FUNCTIONS)
        self._spilled: BlobCache | None = None  # in place of a cache, once there is too much
        self._late: set[_Key] = set()  # what took too long: once is enough
        self._scripts: dict[str, Language | None] = {}  # by the blobs of files without an ending
        self._last = ("", b"")

    def file(self, path: str, blob_id: str) -> FileFunctions:
        """The functions of a file."""
        found = self._files.get((path, blob_id)) or self._unwanted(path, blob_id)
        if found is None:
            key = self._key(path, blob_id)
            kept = self._kept(path, key)
            found = self._put(path, key, kept or self._parsed(path, key), is_kept=kept is not None)
        return found

    def read_ahead(self, named: Iterable[tuple[str, str]]) -> None:
        """Read files that may be asked for, if there are cores for it."""
        if self._workers is None:
            return
        missing: dict[_Key, str] = {}
        for path, blob_id in named:
            if (path, blob_id) not in self._files and not self._unwanted(path, blob_id):
                key = self._key(path, blob_id)
                if key not in self._late and not self._is_kept(key):
                    missing.setdefault(key, path)
        if len(missing) >= WORTH_PROCESSES:
            self._read_together(self._workers, missing)

    def tree(self, commit: str | None) -> Tree:
        """Every file of a commit or of a plain folder that may be text."""
        files = self.repository.files(commit, wanted=lambda path: read_as(path) is not None)
        tree = Tree(self, ((file.path, file.blob_id) for file in files))
        self.read_ahead(tree.names)
        return tree

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
        return _Key(blob_id, self._language(path, blob_id).name, self._left_out(path) is None)

    def _language(self, path: str, blob_id: str) -> Language:
        language = read_as(path)
        assert language is not None
        return (self._script(blob_id) or language) if may_be_script(path) else language

    def _script(self, blob_id: str) -> Language | None:
        if blob_id not in self._scripts:
            self._scripts[blob_id] = script_language(self.repository.read(blob_id))
        return self._scripts[blob_id]

    def _unwanted(self, path: str, blob_id: str) -> FileFunctions | None:
        """A file that is left out by its path and has no functions to account for: not read."""
        if read_as(path) is not TEXT:
            return None
        reason = self._left_out(path)
        if reason is None or self._language(path, blob_id) is not TEXT:
            return None
        return FileFunctions(path, blob_id, TEXT, reason, unread=True)

    def _is_kept(self, key: _Key) -> bool:
        return any(cache.has(str(key)) for cache in (self._cache, self._spilled) if cache)

    def _kept(self, path: str, key: _Key) -> ParsedFile | None:
        """What this run or an earlier one has read, if it can be read again."""
        if key in self._late:
            return ParsedFile(TIMEOUT, unread=True)
        cache = self._cache or self._spilled
        data = cache.get(str(key)) if cache else None
        try:
            return None if data is None else _decoded(data, path, key)
        except ValueError:
            return None

    def _parsed(self, path: str, key: _Key) -> ParsedFile:
        blob, language = self.repository.read(key.blob_id), by_name(key.language)
        parsed = read_blob(blob, language, judged=key.judged, path=path, blob_id=key.blob_id)
        self._on_read(1, 1)
        self._keep(key, parsed, encode_parsed(parsed) if self._cache else b"")
        return parsed

    def _read_together(self, workers: WorkerPool, missing: dict[_Key, str]) -> None:
        def requests() -> Iterator[BlobRequest]:
            for key, path in missing.items():
                blob = self.repository.read(key.blob_id)
                yield BlobRequest(path, key.language, key.judged, blob)

        answers = workers.read(requests())
        each = zip(missing.items(), answers, strict=True)
        for done, ((key, path), data) in enumerate(each, start=1):
            parsed = _decoded(data, path, key)
            self._keep(key, parsed, data)
            self._put(path, key, parsed, is_kept=False)
            self._on_read(done, len(missing))

    def _keep(self, key: _Key, parsed: ParsedFile, data: bytes) -> None:
        """For later runs; a file that took too long may have met a busy machine."""
        if parsed.reason == TIMEOUT:
            self._late.add(key)
        elif self._cache is not None:
            self._cache.put(str(key), data)

    def _put(self, path: str, key: _Key, parsed: ParsedFile, *, is_kept: bool) -> FileFunctions:
        read = _as_named(path, parsed)
        reason = self._left_out(path) or self._licence(key, read) or read.reason
        file = FileFunctions(
            path,
            key.blob_id,
            by_name(key.language),
            TIMEOUT if read.reason == TIMEOUT else reason,
            read.functions,
            read.keys,
            (reason,) * len(read.functions) if reason else read.reasons,
            read.unread,
            read.secrets,
            read.sketches,
            read.header,
            read.gram_trace,
        )
        unkept = None if is_kept or self._cache or key in self._late else (str(key), parsed)
        for name, dropped in self._files.put((path, key.blob_id), file, unkept):
            self._spill(name, dropped)
        return file

    def _licence(self, key: _Key, parsed: ParsedFile) -> str | None:
        """Whether the team excludes what the file is under; asked after reading, which is kept."""
        if not self._licences or not parsed.header:
            return None
        blob, rules = self.repository.read(key.blob_id), by_name(key.language).lexical
        excluded = is_excluded(readable(blob), rules, self._licences)
        return EXCLUDED_LICENCE if excluded else None

    def _spill(self, name: str, parsed: ParsedFile) -> None:
        """Without a cache: to the disk, before it is forgotten."""
        self._spilled = self._spilled or BlobCache.temporary()
        self._spilled.put(name, encode_parsed(parsed))


def _as_named(path: str, parsed: ParsedFile) -> ParsedFile:
    """A reading as that of the file at ``path``: what is called a notebook and is none is unread.

    Its bytes alone do not say so, and may lie elsewhere under another name.
    """
    if parsed.notebook or language_for(path) is mined_language(path):
        return parsed
    return ParsedFile(parsed.reason or UNREADABLE, unread=True)


def _decoded(data: bytes, path: str, key: _Key) -> ParsedFile:
    return decode_parsed(data, key.language, path=path, blob_id=key.blob_id)
