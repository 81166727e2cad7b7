"""The code of a repository that may be shown, as last saved, followed from look to look.

What is tracked is looked at where it lies, in the work tree: a file is read when its time, size or
number changed, and given away when its bytes did. What mining leaves out stays out, by the rules of
the newest commit and of the work tree together. Knows nothing of indexes, threads or models.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from homespun_corpus.filters import licence_names
from homespun_corpus.filters.path_filter import path_filter
from homespun_corpus.filters.quality import MAX_FILE_BYTES
from homespun_corpus.filters.secrets import without_secrets
from homespun_corpus.filters.team_settings import FILE, SHARED_FILE
from homespun_corpus.place import with_plain_ends
from homespun_corpus.repo.folder import shown_path
from homespun_corpus.repo.work_tree import Stamp, WorkTree, changed_at, size_of
from homespun_corpus.retrieval.context_index import SHOWN_CHARS
from homespun_corpus.syntax.languages import language_for, language_in, may_be_script

from homespun_server.document_home import Root
from homespun_server.path_marks import mark_files, marks_of_head
from homespun_server.stays_here import StaysHere

MAX_BYTES = SHOWN_CHARS  # of a repository's code: eight seconds of reading
UNSURE = 2.0  # seconds after a change in which another may have the same time, to the disk

_UNSEEN: Stamp = ()  # no file's
_CONFLICT = (b"<<<<<<< ", b"=======", b">>>>>>> ")  # how lines begin where a merge is not over
_SETTINGS = (FILE, SHARED_FILE)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file when it was last read. ``stamp``: None where there was none."""

    stamp: Stamp | None
    digest: bytes
    shown: bool


class CodeOnDisk:
    """Used by one thread."""

    def __init__(self, root: Root, *, for_server: bool = False) -> None:
        """``for_server``: without what is sent to none."""
        self._for_server = for_server
        self.cost = 0.0
        """Seconds that the last look took, without reading what had changed, rules or files."""
        self._root = root
        self._tree = WorkTree(root.path)
        self._settings: object = None
        self._seen: dict[str, _Seen] = {}
        self._saved: dict[str, str] = {}
        """Of what an editor saved and git does not track, path on the disk by path."""
        self._tracked: list[str] | None = None
        self._marks: list[str] = []
        self._rules: object = None
        self._wanted: Callable[[str], bool] = lambda _path: False
        self._paths: dict[str, str] = {}
        """Of code that may be shown, path on the disk by path, in order."""

    def changes(self, root: Root) -> Iterator[tuple[str, str | None]]:
        """What is other than at the last look: paths and texts, None for what is not shown now.

        What is gone comes first. ``root`` says what its settings exclude today. CorpusError where
        the repository cannot be read; then nothing has changed.
        """
        self._follow(root)
        began = time.perf_counter()
        there = self._there()
        self.cost += time.perf_counter() - began
        for path in [path for path in self._seen if path not in there]:
            if self._saved.pop(path, None) is not None:
                self._paths.pop(path, None)
            if self._seen.pop(path).shown:
                yield path, None
        for path, stamp in there.items():
            if path not in self._seen or self._seen[path].stamp != stamp:
                yield from self._read(path)

    def other_settings(self) -> bool:
        """Whether the files that may hold the team's settings are others than the last time."""
        before, self._settings = self._settings, self._tree.stamps(_SETTINGS)
        return before is not None and before != self._settings

    def saved(self, path: str, text: str) -> Iterator[tuple[str, str | None]]:
        """``changes`` of a file that an editor has just saved as ``text``, tracked or not.

        What is on the disk counts once it changes.
        """
        if not self._wanted(path) or self._stays_here()(path):
            return
        if path not in self._paths:
            self._saved[path] = self._paths[path] = path
        stamp = self._tree.stamps([self._paths[path]]).get(self._paths[path])
        yield from self._put(path, text.encode("utf-8", "replace"), stamp)

    def _follow(self, root: Root) -> None:
        """Look again at what is tracked, and at the rules that keep some of it out."""
        began = time.perf_counter()
        tracked = self._tree.paths()
        if tracked is not self._tracked:
            self._marks = mark_files(tracked)
        marks = self._tree.stamps(self._marks)
        rules = (root.exclude, self._tree.head_stamp(), marks)
        self.cost = time.perf_counter() - began
        if rules != self._rules:
            self._wanted = self._wanted_by(root)
        if rules != self._rules or tracked is not self._tracked:
            found = {shown_path(path): path for path in tracked}
            self._saved = {path: self._saved[path] for path in self._saved if path not in found}
            found |= self._saved
            self._paths = {path: found[path] for path in sorted(found) if self._wanted(path)}
        if root.exclude_licences != self._root.exclude_licences:
            self._seen = {
                path: replace(seen, stamp=_UNSEEN, digest=b"") for path, seen in self._seen.items()
            }
        self._root, self._tracked, self._rules = root, tracked, rules

    def _wanted_by(self, root: Root) -> Callable[[str], bool]:
        """Code that mining does not leave out: what is not learnt is not shown either."""
        left_out = [path_filter(self._tree.as_repository(self._marks), root.exclude)]
        left_out += marks_of_head(self._tree)
        return lambda path: _may_be_code(path) and not any(r(path) for r in left_out)

    def _there(self) -> dict[str, Stamp | None]:
        """The first files by path, as many as fit into MAX_BYTES, and their stamps.

        What stays here is judged at each look: no few files tell that git ignores others now.
        """
        stamps, left, there = self._tree.stamps(self._paths.values()), MAX_BYTES, {}
        stays_here = self._stays_here()
        for path, on_disk in self._paths.items():
            stamp = stamps.get(on_disk)
            if stamp is None and not self._was_saved_elsewhere(path):
                continue
            if stays_here(on_disk):
                continue
            if stamp and size_of(stamp) > MAX_FILE_BYTES and may_be_script(path):
                continue  # data without an ending: it would take the place of code
            left -= size_of(stamp) if stamp else 0
            if left < 0:
                break
            there[path] = stamp
        return there

    def _stays_here(self) -> Callable[[str], bool]:
        return StaysHere(self._root.path).of if self._for_server else lambda _path: False

    def _was_saved_elsewhere(self, path: str) -> bool:
        """Whether an editor saved a file that was not on this disk then either."""
        return path in self._seen and self._seen[path].stamp is None

    def _read(self, path: str) -> Iterator[tuple[str, str | None]]:
        if (found := self._tree.read(self._paths[path])) is not None:
            yield from self._put(path, *found)
        elif path in self._seen and self._seen.pop(path).shown:
            yield path, None

    def _put(self, path: str, data: bytes, stamp: Stamp | None) -> Iterator[tuple[str, str | None]]:
        before, digest = self._seen.get(path), hashlib.blake2b(data, digest_size=16).digest()
        if stamp is not None and abs(time.time() - changed_at(stamp)) < UNSURE:
            stamp = _UNSEEN
        if before is not None and before.digest == digest:
            self._seen[path] = replace(before, stamp=stamp)
            return
        text = self._shown(path, data)
        self._seen[path] = _Seen(stamp, digest, text is not None)
        if text is not None or (before is not None and before.shown):
            yield path, text

    def _shown(self, path: str, data: bytes) -> str | None:
        """The text without its secrets, as a model sees it; None for what is not shown at all."""
        if (language := language_in(path, data)) is None:
            return None
        if licence_names.is_excluded(data, language.lexical, self._root.exclude_licences):
            return None  # under a licence that the team excludes
        if all(data.startswith(mark) or b"\n" + mark in data for mark in _CONFLICT):
            return None  # nobody's code yet
        try:
            return with_plain_ends(without_secrets(data).decode("utf-8"))
        except UnicodeDecodeError:
            return None


def _may_be_code(path: str) -> bool:
    return language_for(path) is not None or may_be_script(path)


def code_of(root: Root, *, for_server: bool = False) -> Iterator[tuple[str, str]]:
    """Path and text of the tracked code of a repository, as last saved; CorpusError if it cannot
    be read."""
    for path, text in CodeOnDisk(root, for_server=for_server).changes(root):
        if text is not None:
            yield path, text
