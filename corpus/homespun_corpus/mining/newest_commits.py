"""Which commits brought the newest functions, from the newest back.

Counted is what may be asked for: a commit that moves a whole library, or reformats it, brings
nothing, and a window that ended with it would hold out nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from homespun_corpus.filters.plain_text import read_as
from homespun_corpus.reading.file_functions import FileFunctions
from homespun_corpus.reading.lazy_functions import labels
from homespun_corpus.reading.sources import Sources
from homespun_corpus.repo.repository import Commit, Repository
from homespun_corpus.syntax.functions import Label
from homespun_corpus.syntax.languages import TEXT, language_for, may_be_script, mined_language

AHEAD = 64  # commits whose files are read together


@dataclass(frozen=True, slots=True)
class Examined:
    """Of which files something is held out."""

    texts: bool
    """Of those in no known language as well."""
    notebooks: bool

    def __call__(self, file: FileFunctions) -> bool:
        return self.texts or (file.language is not TEXT and self.may_be(file.path))

    def may_be(self, path: str) -> bool:
        """By a file's name alone, before it is read."""
        if self.texts:
            return read_as(path) is not None
        known = mined_language(path) if self.notebooks else language_for(path)
        return known is not None or may_be_script(path)


def newest_first(
    repository: Repository,
    sources: Sources,
    examined: Examined,
    history: Sequence[Commit],
    most: float,
) -> Iterator[tuple[Commit, int]]:
    """(commit, new functions it brought) from the newest back, while training keeps the rest.

    What it only moved, or called by another name, is none: a commit that moves a whole library
    would be the whole test, with nothing in it to ask. Nor is what no sample may be cut from.
    """
    total = 0
    for number, commit in enumerate(history):
        if commit.parent is None:
            return
        if number % AHEAD == 0:
            some = history[number : number + AHEAD]
            sources.read_ahead(_names_of_files(repository, examined, some))
        brought = _brought(repository, sources, examined, commit)
        total += brought
        yield commit, brought
        if total >= most:
            return


def until(counted: Iterator[tuple[Commit, int]], wanted: float) -> Iterator[Commit]:
    """Commits until they add up to ``wanted`` functions."""
    found = 0
    for commit, brought in counted:
        yield commit
        found += brought
        if found >= wanted:
            return


def changed_files(
    repository: Repository, sources: Sources, examined: Examined, commit: Commit
) -> Iterator[tuple[FileFunctions | None, FileFunctions]]:
    """(before, after) of each clean file that a commit touched."""
    assert commit.parent is not None
    for change in repository.changes(commit.parent, commit.id):
        if change.new is None or not examined.may_be(change.path):
            continue
        after = sources.file(change.path, change.new)
        if after.reason is None and examined(after):
            before = sources.file(change.path, change.old) if change.old else None
            yield before, after


def names_in(file: FileFunctions | None) -> set[Label]:
    return set(labels(file.functions)) if file else set()


def _brought(repository: Repository, sources: Sources, examined: Examined, commit: Commit) -> int:
    """How many functions that may be asked for are new in a commit."""
    assert commit.parent is not None
    brought = set[bytes]()
    for old, new in changed_files(repository, sources, examined, commit):
        names = names_in(old)
        each = zip(labels(new.functions), new.keys, new.reasons, strict=True)
        brought |= {key for label, key, reason in each if reason is None and label not in names}
    if not brought:
        return 0
    before = (
        sources.file(change.path, change.old)
        for change in repository.changes(commit.parent, commit.id)
        if change.old and examined.may_be(change.path)
    )
    return len(brought.difference(*(file.keys for file in before)))


def _names_of_files(
    repository: Repository, examined: Examined, commits: Iterable[Commit]
) -> Iterator[tuple[str, str]]:
    """Path and blob id of each file that some commits touched, before and after."""
    for commit in commits:
        for change in repository.changes(commit.parent, commit.id) if commit.parent else ():
            if examined.may_be(change.path):
                yield from ((change.path, blob) for blob in (change.old, change.new) if blob)
