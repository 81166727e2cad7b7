"""Code from other files for the prompts of a repository, read and followed in the background.

What is related is ``homespun_corpus.retrieval.context_index``'s to say, and does not change while
somebody types in one line; so it is asked for once a line. Knows nothing of models.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from homespun_corpus.errors import CorpusError, SettingsError
from homespun_corpus.place import Place, Related
from homespun_corpus.retrieval.context_index import ContextIndex, around_line
from homespun_model.bases.memory import give_back
from homespun_model.decoding.ngram_index import NgramIndex

from homespun_server.code_on_disk import CodeOnDisk, code_of
from homespun_server.code_version import CodeVersion
from homespun_server.document_home import Root
from homespun_server.look_thread import LookThread

REPOSITORIES = 3  # whose code is kept in memory
BREATH = 0.01  # seconds that reading waits while an answer is computed

Encode = Callable[[str], list[int]]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _IndexedRepository:
    """One work tree's index, None until it has been read."""

    root: Root
    thread: LookThread
    read: Future[None] = field(default_factory=Future)
    code: CodeOnDisk | None = None
    index: ContextIndex | None = None
    version: CodeVersion = field(default_factory=CodeVersion)
    """Of what ``index`` and ``ngrams`` hold."""
    ngrams: tuple[str, NgramIndex] = field(default_factory=lambda: ("", NgramIndex()))
    """And whose tokens they are: both at once, for other threads look."""
    untokenized: dict[str, str | None] = field(default_factory=dict)
    """What ``ngrams`` does not know yet, by path, None for what is gone: tokens are a base's to
    say."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Texts by path that did not fit into ``ngrams``."""
    has_other_settings: bool = False
    problem: str = ""
    """Why nothing of it is shown."""


@dataclass(frozen=True, slots=True)
class _FoundRelated:
    """What was found for a line of a document."""

    root: str
    version: int
    around: Place
    related: tuple[Related, ...]


class RepositoryIndex:
    """Opened, touched and told of saves on the event loop, which never waits for the disk; asked on
    the thread that computes answers. A repository is a work tree: linked ones differ."""

    def __init__(self, busy: Callable[[], bool], *, for_server: bool = False) -> None:
        """``for_server``: whether what is found here may be sent to one; what may not is left
        out."""
        self._busy = busy
        self._for_server = for_server
        self._repositories: OrderedDict[str, _IndexedRepository] = OrderedDict()
        self._found: dict[str, _FoundRelated] = {}
        self._tokenizer: tuple[str, Encode] | None = None
        self._versions = count(1)

    def use_tokenizer(self, vocabulary: str, encode: Encode) -> None:
        """From now on what was read can be copied, as tokens of this vocabulary."""
        if self._tokenizer is None or self._tokenizer[0] != vocabulary:
            self._tokenizer = vocabulary, encode
            for indexed in self._repositories.values():
                indexed.thread.submit(partial(self._tokenize, indexed))

    @property
    def has_tokenizer(self) -> bool:
        """Whether there has been one yet."""
        return self._tokenizer is not None

    def version(self, root: Root | None, path: str) -> int:
        """Another one when anything else may be found for the file at ``path``; 0 for nothing."""
        indexed = self._indexed(root)
        return indexed.version.without(path) if indexed is not None else 0

    def ngrams(self, root: Root | None, vocabulary: str) -> NgramIndex:
        """Code that may be copied, as tokens of ``vocabulary``: nothing outside a repository,
        before it has been read, and while it is cut into those of another one."""
        indexed = self._indexed(root)
        whose, ngrams = indexed.ngrams if indexed is not None else ("", NgramIndex())
        return ngrams if whose == vocabulary else NgramIndex()

    def open(self, root: Root) -> Future[None]:
        """A document of ``root`` was opened: read the repository, unless that was done.

        What comes back is done when the repository was read.
        """
        if (indexed := self._indexed(root)) is None:
            indexed = self._begin(root)
        else:
            self.touch(root)
        return indexed.read

    def touch(self, root: Root | None) -> None:
        """Somebody is at work in ``root``: see now and then whether its files have changed."""
        if root is None or (indexed := self._indexed(root)) is None:
            return
        self._repositories.move_to_end(str(root.path))
        excludes_other = indexed.root != root
        indexed.root = root
        indexed.thread.touch(now=excludes_other)

    def look(self) -> None:
        """Files have changed, it is said: see which."""
        for indexed in self._repositories.values():
            indexed.thread.touch(now=True)

    def drop(self, root: Root) -> None:
        """Forget the code of ``root``: what its settings keep out is another."""
        if (indexed := self._repositories.pop(str(root.path), None)) is not None:
            indexed.thread.close()

    def saved(self, root: Root, path: str, text: str) -> None:
        """A file of ``root`` is now ``text``."""
        if (indexed := self._indexed(root)) is not None:
            indexed.root = root
            indexed.thread.submit(partial(self._save, indexed, path, text))

    def other_settings(self, root: Root | None) -> bool:
        """Whether the repository's settings may have changed since this was asked last."""
        indexed = self._indexed(root)
        if indexed is None or not indexed.has_other_settings:
            return False
        indexed.has_other_settings = False
        return True

    def related(self, uri: str, root: Root | None, place: Place) -> tuple[Related, ...]:
        """Related code for a place in the document at ``uri``."""
        indexed = self._indexed(root)
        if root is None or indexed is None or indexed.index is None:
            return ()
        key = (str(root.path), indexed.version.without(place.path), around_line(place))
        found = self._found.get(uri)
        if found is None or (found.root, found.version, found.around) != key:
            found = self._found[uri] = _FoundRelated(*key, indexed.index.related(place))
        return found.related

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._found.pop(uri, None)

    def close(self) -> None:
        """Read nothing more."""
        for indexed in self._repositories.values():
            indexed.thread.close()

    def _indexed(self, root: Root | None) -> _IndexedRepository | None:
        return self._repositories.get(str(root.path)) if root is not None else None

    def _begin(self, root: Root) -> _IndexedRepository:
        indexed = _IndexedRepository(root, LookThread(lambda: self._look(indexed)))
        indexed.read.set_running_or_notify_cancel()  # nobody can take it back
        indexed.thread.start()
        self._repositories[str(root.path)] = indexed
        while len(self._repositories) > REPOSITORIES:
            self._repositories.popitem(last=False)[1].thread.close()
        return indexed

    # What follows is done on the repository's own thread.

    def _look(self, indexed: _IndexedRepository) -> float:
        """Take up what has changed; how many seconds it took to see that."""
        if indexed.code is None:
            indexed.code = self._code_of(indexed)
        began = time.perf_counter()
        try:
            self._take_up(indexed, indexed.code.changes(indexed.root))
            indexed.problem = ""
        except SettingsError as error:
            self._show_nothing(indexed, str(error))
        except CorpusError:
            pass  # nothing that can be read, or not now
        finally:
            self._say_read(indexed, time.perf_counter() - began)
        if self._tokenize(indexed):
            give_back()  # what reading a whole repository has made and dropped
        indexed.has_other_settings |= indexed.code.other_settings()
        return indexed.code.cost

    def _show_nothing(self, indexed: _IndexedRepository, problem: str) -> None:
        """Nobody knows what the repository's settings keep out: its code is forgotten till then."""
        if indexed.problem == problem:
            return
        logger.warning("no related code: %s", problem)
        indexed.problem, indexed.code = problem, self._code_of(indexed)
        indexed.has_other_settings = True  # its documents are to know
        indexed.index, indexed.ngrams = ContextIndex(), ("", NgramIndex())
        indexed.untokenized, indexed.left_out = {}, {}
        self._now_known(indexed, set())

    def _code_of(self, indexed: _IndexedRepository) -> CodeOnDisk:
        return CodeOnDisk(indexed.root, for_server=self._for_server)

    def _save(self, indexed: _IndexedRepository, path: str, text: str) -> None:
        self._look(indexed)  # the rules of today
        if indexed.code is not None:
            self._take_up(indexed, indexed.code.saved(path, text))
            self._tokenize(indexed)

    def _take_up(
        self, indexed: _IndexedRepository, changes: Iterable[tuple[str, str | None]]
    ) -> None:
        index, changed = indexed.index or ContextIndex(), set[str]()
        try:
            for path, text in changes:
                index.update(path, text)
                indexed.untokenized[path] = text
                changed.add(path)
                self._give_way()
        finally:
            if changed or indexed.index is None:
                indexed.index = index
                self._now_known(indexed, changed)

    def _say_read(self, indexed: _IndexedRepository, took: float) -> None:
        if not indexed.read.done():
            files = len(indexed.untokenized)
            logger.info("read %d files of %s in %.1f s", files, indexed.root.identity, took)
            indexed.read.set_result(None)

    def _tokenize(self, indexed: _IndexedRepository) -> bool:
        """Bring the n-grams up to date: what has changed first, then what there is room for.

        Whether that was all of it.
        """
        if self._tokenizer is None:
            return False
        base, encode = self._tokenizer
        whose, ngrams = indexed.ngrams
        if whose != base:  # of another base, or of none: all of it is to do
            ngrams, indexed.left_out = NgramIndex(), {}
            indexed.untokenized |= dict(indexed.index.files() if indexed.index else ())
        if not indexed.untokenized:
            return False
        changed = set(indexed.untokenized)
        waiting = indexed.untokenized | {
            path: text for path, text in indexed.left_out.items() if path not in changed
        }
        tokens: dict[str, list[int] | None] = dict.fromkeys(waiting)  # none of what a file was
        left = ngrams.room(besides=waiting)
        for path, text in waiting.items():
            if text is not None and left > 0:
                ids = encode(text)
                tokens[path] = ids if len(ids) <= left else None
                left = max(0, left - len(ids))
                self._give_way()
        ngrams.update(tokens)
        indexed.ngrams = base, ngrams
        indexed.left_out = {p: t for p, t in waiting.items() if t is not None and not tokens[p]}
        indexed.untokenized = {}
        self._now_known(indexed, changed)
        return whose != base

    def _now_known(self, indexed: _IndexedRepository, changed: set[str]) -> None:
        indexed.version = indexed.version.after(next(self._versions), changed)

    def _give_way(self) -> None:
        if self._busy():
            time.sleep(BREATH)  # the interpreter is one: an answer goes first


def read_now(
    place: Place, root: Root | None, encode: Encode, *, for_server: bool = False
) -> tuple[Place, NgramIndex]:
    """The place with related code, and what may be copied, by reading the whole repository now."""
    ngrams = NgramIndex()
    if root is None:
        return place, ngrams
    try:
        files = dict(code_of(root, for_server=for_server))
    except CorpusError:  # a repository that cannot be read
        return place, ngrams
    ngrams.update({path: encode(text) for path, text in files.items()})
    related = ContextIndex.from_files(files.items()).related(place)
    return replace(place, related=related), ngrams
