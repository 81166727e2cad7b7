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

from homespun_corpus.errors import CorpusError, SettingsError
from homespun_corpus.filters import licence_names
from homespun_corpus.filters.path_filter import is_excluded, path_filter
from homespun_corpus.filters.secrets import without_secrets
from homespun_corpus.place import Place, Related
from homespun_corpus.repo.repository import Repository
from homespun_corpus.retrieval.context_index import SHOWN_CHARS, ContextIndex, around_line
from homespun_corpus.syntax.languages import TEXT, language_for
from homespun_model.decoding.ngram_index import MAX_TOKENS, NgramIndex

from homespun_server.document_home import Root
from homespun_server.logs import failure

REPOSITORIES = 3  # whose code is kept in memory
MAX_BYTES = SHOWN_CHARS  # of a repository's code: eight seconds of reading
BREATH = 0.01  # seconds that reading waits while an answer is computed

Encode = Callable[[str], list[int]]
Wanted = Callable[[str], bool]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _IndexedRepository:
    """One repository's index, None until it has been read."""

    read: Future[None] = field(default_factory=Future)
    index: ContextIndex | None = None
    wanted: Wanted = field(default=lambda path: language_for(path) is not None)
    """Whether a file may be read; before the repository was read, any code."""
    version: int = 0
    """Counts what was read and saved."""
    ngrams: NgramIndex = field(default_factory=NgramIndex)
    untokenized: dict[str, str] = field(default_factory=dict)
    """Texts by path that are not among ``ngrams`` yet: their tokens are a base's to say."""


@dataclass(frozen=True, slots=True)
class _FoundRelated:
    """What was found for a line of a document."""

    identity: str
    version: int
    around: Place
    related: tuple[Related, ...]


class RepositoryIndex:
    """Opened and told of saves on the event loop, asked on the thread that computes answers."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._repositories: OrderedDict[str, _IndexedRepository] = OrderedDict()
        self._found: dict[str, _FoundRelated] = {}
        self._encode: Encode | None = None

    def use_tokenizer(self, encode: Encode) -> None:
        """From now on what was read can be copied, as this base's tokens."""
        if self._encode is None:
            self._encode = encode
            for indexed in self._repositories.values():
                self._reader.submit(self._tokenize, indexed)

    def ngrams(self, root: Root | None) -> NgramIndex:
        """Code that may be copied: nothing outside a repository, and before it has been read."""
        indexed = self._repositories.get(root.identity) if root is not None else None
        return indexed.ngrams if indexed is not None else NgramIndex()

    def open(self, root: Root) -> Future[None]:
        """A document of ``root`` was opened: read the repository, unless that was done.

        What comes back is done when the repository was read.
        """
        if root.identity in self._repositories:
            self._repositories.move_to_end(root.identity)
            return self._repositories[root.identity].read
        indexed = self._repositories[root.identity] = _IndexedRepository()
        while len(self._repositories) > REPOSITORIES:
            self._repositories.popitem(last=False)
        indexed.read = self._reader.submit(self._read, root, indexed)
        self._reader.submit(self._tokenize, indexed)
        return indexed.read

    def drop(self, root: Root) -> None:
        """Forget the code of ``root``: what its settings keep out is another."""
        self._repositories.pop(root.identity, None)

    def saved(self, root: Root, path: str, text: str) -> None:
        """A file of ``root`` is now ``text``."""
        indexed = self._repositories.get(root.identity)
        if indexed is not None:
            self._reader.submit(self._update, root, indexed, path, text)

    def related(self, uri: str, root: Root | None, place: Place) -> tuple[Related, ...]:
        """Related code for a place in the document at ``uri``."""
        indexed = self._repositories.get(root.identity) if root is not None else None
        if root is None or indexed is None or indexed.index is None:
            return ()
        version, around = indexed.version, around_line(place)
        found = self._found.get(uri)
        if found is None or (found.identity, found.version, found.around) != (
            root.identity,
            version,
            around,
        ):
            found = _FoundRelated(root.identity, version, around, indexed.index.related(place))
            self._found[uri] = found
        return found.related

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._found.pop(uri, None)

    def close(self) -> None:
        """Read nothing more."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _read(self, root: Root, indexed: _IndexedRepository) -> None:
        began = time.perf_counter()
        index = ContextIndex()
        texts: dict[str, str] = {}
        try:
            indexed.wanted = _wanted_in(Repository.open(root.path), root)
            for path, text in code_of(root):
                index.update(path, text)
                texts[path] = text
                self._give_way()
        except SettingsError as error:
            indexed.wanted = lambda _: False  # nobody knows what it keeps out
            logger.warning("no related code: %s", error)
        except CorpusError:
            pass  # no commit yet: nothing is tracked
        except Exception as error:  # suggestions do without
            logger.warning("no related code: %s", failure(error))
        indexed.index = index
        indexed.version += 1
        took = time.perf_counter() - began
        logger.info("read %d files of %s in %.1f s", len(texts), root.identity, took)
        indexed.untokenized |= texts

    def _tokenize(self, indexed: _IndexedRepository) -> None:
        if self._encode is None:
            return
        tokens: dict[str, list[int]] = {}
        left = MAX_TOKENS
        for path, text in indexed.untokenized.items():
            tokens[path] = self._encode(text)
            left -= len(tokens[path])
            if left < 0:
                break
            self._give_way()
        indexed.untokenized = {}
        indexed.ngrams.update(tokens)

    def _update(self, root: Root, indexed: _IndexedRepository, path: str, text: str) -> None:
        data = text.encode("utf-8", "replace")
        if indexed.index is not None and self._is_wanted(root, indexed, path, data):
            clean = without_secrets(data).decode("utf-8")
            indexed.index.update(path, clean)
            indexed.version += 1
            indexed.untokenized[path] = clean
            self._tokenize(indexed)

    def _is_wanted(self, root: Root, indexed: _IndexedRepository, path: str, data: bytes) -> bool:
        excluded = is_excluded(path, root.exclude)  # perhaps since now
        return indexed.wanted(path) and not excluded and not _is_foreign(root, path, data)

    def _give_way(self) -> None:
        if self._busy():
            time.sleep(BREATH)  # the interpreter is one: an answer goes first


def read_now(place: Place, root: Root | None, encode: Encode) -> tuple[Place, NgramIndex]:
    """The place with related code, and what may be copied, by reading the whole repository now."""
    ngrams = NgramIndex()
    if root is None:
        return place, ngrams
    try:
        files = dict(code_of(root))
    except CorpusError:  # a repository without a commit
        return place, ngrams
    ngrams.update({path: encode(text) for path, text in files.items()})
    related = ContextIndex.from_files(files.items()).related(place)
    return replace(place, related=related), ngrams


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
    rules = (language_for(path) or TEXT).lexical
    return licence_names.is_excluded(data, rules, root.exclude_licences)


def _wanted_in(repository: Repository, root: Root) -> Wanted:
    """Code that mining does not leave out: what is not learnt is not shown either."""
    left_out = path_filter(repository, root.exclude)
    return lambda path: language_for(path) is not None and left_out(path) is None
