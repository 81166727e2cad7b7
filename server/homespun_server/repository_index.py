"""Code from other files for the prompts of a repository, read in the background.

What is related is ``homespun_corpus.retrieval.context_index``'s to say, and does not change while
somebody types in one line; so it is asked for once a line. Knows nothing of models.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from homespun_corpus.errors import CorpusError
from homespun_corpus.filters import licence_names
from homespun_corpus.filters.path_filter import is_excluded, left_out_by
from homespun_corpus.filters.secrets import without_secrets
from homespun_corpus.place import Place, Related
from homespun_corpus.repo.repository import Repository
from homespun_corpus.retrieval.context_index import SHOWN_CHARS, ContextIndex, around_line
from homespun_corpus.syntax.languages import language_for
from homespun_model.decoding.ngram_index import MAX_TOKENS, CopyIndex

from homespun_server.document_home import Root
from homespun_server.logs import failure

REPOSITORIES = 3  # whose code is kept in memory
MAX_BYTES = SHOWN_CHARS  # of a repository's code: eight seconds of reading
BREATH = 0.01  # seconds that reading waits while an answer is computed

Encode = Callable[[str], list[int]]
Wanted = Callable[[str], bool]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shelf:
    """One repository's index, None until it has been read."""

    read: Future[None] = field(default_factory=Future)
    index: ContextIndex | None = None
    wanted: Wanted = field(default=lambda path: language_for(path) is not None)
    """Whether a file may be read; before the repository was read, any code."""
    epoch: int = 0
    """Counts what was read and saved."""
    copies: CopyIndex = field(default_factory=CopyIndex)
    unspelt: dict[str, str] = field(default_factory=dict)
    """Texts by path that are not among ``copies`` yet: their tokens are a base's to say."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What was found for a line of a document."""

    identity: str
    epoch: int
    around: Place
    related: tuple[Related, ...]


class Neighbours:
    """Opened and told of saves on the event loop, asked on the thread that computes answers."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()
        self._held: dict[str, _Held] = {}
        self._encode: Encode | None = None

    def speak(self, encode: Encode) -> None:
        """From now on what was read can be copied, as this base's tokens."""
        if self._encode is None:
            self._encode = encode
            for shelf in self._shelves.values():
                self._reader.submit(self._spell, shelf)

    def copies(self, root: Root | None) -> CopyIndex:
        """Code that may be copied: nothing outside a repository, and before it has been read."""
        shelf = self._shelves.get(root.identity) if root is not None else None
        return shelf.copies if shelf is not None else CopyIndex()

    def open(self, root: Root) -> Future[None]:
        """A document of ``root`` was opened: read the repository, unless that was done.

        What comes back is done when the repository was read.
        """
        if root.identity in self._shelves:
            self._shelves.move_to_end(root.identity)
            return self._shelves[root.identity].read
        shelf = self._shelves[root.identity] = _Shelf()
        while len(self._shelves) > REPOSITORIES:
            self._shelves.popitem(last=False)
        shelf.read = self._reader.submit(self._read, root, shelf)
        self._reader.submit(self._spell, shelf)
        return shelf.read

    def saved(self, root: Root, path: str, text: str) -> None:
        """A file of ``root`` is now ``text``."""
        shelf = self._shelves.get(root.identity)
        if shelf is not None:
            self._reader.submit(self._update, root, shelf, path, text)

    def related(self, uri: str, root: Root | None, place: Place) -> tuple[Related, ...]:
        """Related code for a place in the document at ``uri``."""
        shelf = self._shelves.get(root.identity) if root is not None else None
        if root is None or shelf is None or shelf.index is None:
            return ()
        epoch, around = shelf.epoch, around_line(place)
        held = self._held.get(uri)
        if held is None or (held.identity, held.epoch, held.around) != (
            root.identity,
            epoch,
            around,
        ):
            held = _Held(root.identity, epoch, around, shelf.index.related(place))
            self._held[uri] = held
        return held.related

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._held.pop(uri, None)

    def close(self) -> None:
        """Read nothing more."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _read(self, root: Root, shelf: _Shelf) -> None:
        began = time.perf_counter()
        index = ContextIndex()
        texts: dict[str, str] = {}
        try:
            shelf.wanted = _wanted_in(Repository.open(root.path), root)
            for path, text in code_of(root):
                index.update(path, text)
                texts[path] = text
                self._give_way()
        except CorpusError:
            pass  # no commit yet: nothing is tracked
        except Exception as error:  # suggestions do without
            logger.warning("no related code: %s", failure(error))
        shelf.index = index
        shelf.epoch += 1
        took = time.perf_counter() - began
        logger.info("read %d files of %s in %.1f s", len(texts), root.identity, took)
        shelf.unspelt |= texts

    def _spell(self, shelf: _Shelf) -> None:
        if self._encode is None:
            return
        tokens: dict[str, list[int]] = {}
        left = MAX_TOKENS
        for path, text in shelf.unspelt.items():
            tokens[path] = self._encode(text)
            left -= len(tokens[path])
            if left < 0:
                break
            self._give_way()
        shelf.unspelt = {}
        shelf.copies.update(tokens)

    def _update(self, root: Root, shelf: _Shelf, path: str, text: str) -> None:
        data = text.encode("utf-8", "replace")
        if shelf.index is not None and self._is_wanted(root, shelf, path, data):
            clean = without_secrets(data).decode("utf-8")
            shelf.index.update(path, clean)
            shelf.epoch += 1
            shelf.unspelt[path] = clean
            self._spell(shelf)

    def _is_wanted(self, root: Root, shelf: _Shelf, path: str, data: bytes) -> bool:
        excluded = is_excluded(path, root.exclude)  # perhaps since now
        return shelf.wanted(path) and not excluded and not _is_foreign(root, path, data)

    def _give_way(self) -> None:
        if self._busy():
            time.sleep(BREATH)  # the interpreter is one: an answer goes first


def read_now(place: Place, root: Root | None, encode: Encode) -> tuple[Place, CopyIndex]:
    """The place with related code, and what may be copied, by reading the whole repository now."""
    copies = CopyIndex()
    if root is None:
        return place, copies
    try:
        files = dict(code_of(root))
    except CorpusError:  # a repository without a commit
        return place, copies
    copies.update({path: encode(text) for path, text in files.items()})
    related = ContextIndex.from_files(files.items()).related(place)
    return replace(place, related=related), copies


def code_of(root: Root) -> Iterator[tuple[str, str]]:
    """Path and text of the tracked code of a repository, as mining reads it."""
    repository = Repository.open(root.path)
    left = MAX_BYTES
    for file in repository.files(wanted=_wanted_in(repository, root)):
        left -= file.size
        if left < 0:
            return
        try:
            data = repository.read(file.blob_id)
            if not _is_foreign(root, file.path, data):
                yield file.path, without_secrets(data).decode("utf-8")
        except (UnicodeDecodeError, CorpusError):
            continue


def _is_foreign(root: Root, path: str, data: bytes) -> bool:
    """Whether code is under a licence that the team excludes."""
    language = language_for(path)
    comment = language.comment if language else ""
    return licence_names.is_excluded(data, comment, root.exclude_licences)


def _wanted_in(repository: Repository, root: Root) -> Wanted:
    """Code that mining does not leave out: what is not learnt is not shown either."""
    left_out = left_out_by(repository, root.exclude)
    return lambda path: language_for(path) is not None and left_out(path) is None
