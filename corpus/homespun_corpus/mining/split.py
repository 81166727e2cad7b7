"""Train, validation and test: what the team wrote first, later and last.

A tuned model earns its keep on code that was not written yet when it was trained. So training reads
the tree at one commit, and what is held out are functions that *first appeared* after it, cut from
the blob in which they did: new functions, and the changed lines of edited ones. Commits that only
move or reformat code hold out nothing, nor do those that the team's ``.git-blame-ignore-revs``
names. Without enough history, whole files are held out instead. Texts in no known language are
held out only where there is hardly any other code: prose and settings would blur what is measured.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from homespun_corpus.dedup.format_key import Known
from homespun_corpus.errors import RepositoryError
from homespun_corpus.mining.changed_lines import changed_spans
from homespun_corpus.mining.holdout_size import (
    TEST_SHARE,
    VALIDATION_SHARE,
    Part,
    wanted,
    whole_files,
)
from homespun_corpus.mining.newest_commits import (
    Examined,
    changed_files,
    names_in,
    newest_first,
    until,
)
from homespun_corpus.mining.sample import Novelty
from homespun_corpus.reading.file_functions import FileFunctions
from homespun_corpus.reading.lazy_functions import labels
from homespun_corpus.reading.sources import Sources, Tree
from homespun_corpus.repo.git_patterns import BOM
from homespun_corpus.repo.repository import Commit, Repository
from homespun_corpus.repo.since import commits_since
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.languages import TEXT
from homespun_corpus.syntax.spans import Span

MOST_SHARE = 1 / 3  # of all functions: a young history keeps the rest for training
FEWEST = 20  # new functions held out; a history with fewer is split by file
MAX_COMMITS = 2000
IGNORED_COMMITS = ".git-blame-ignore-revs"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A function that training never sees. Holes are cut inside ``spans`` (bytes of its blob)."""

    repository: str
    function: Function
    commit: str
    novelty: Novelty
    part: Part
    spans: tuple[Span, ...]
    time: int | None = None
    """Of the commit in which it first appeared, in seconds since 1970; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Split:
    """``train``: the files that training reads; ``not_asked``: functions as new as those that are
    held out, and more than a test wants. Commits are None where files were split."""

    kind: Literal["time", "file"]
    train_commit: str | None
    validation_commit: str | None
    train: Tree
    held_out: tuple[HeldOut, ...]
    not_asked: tuple[HeldOut, ...] = ()

    @property
    def new(self) -> int:
        """Held-out functions that first appeared. Those that were edited decide nothing."""
        return sum(held.novelty == "new" for held in self.held_out)

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "kind": self.kind,
            "train_commit": self.train_commit,
            "validation_commit": self.validation_commit,
        }


def split(repository: Repository, sources: Sources, seed: int, since: str | None = None) -> Split:
    """The split by time where the history carries one, else by file.

    ``since`` (see ``commits_since``) says which commits are held out; RepositoryError if too few
    functions first appeared in them.
    """
    files = sources.tree(repository.commit)
    only_texts = _has_few(file for file in files if file.language is not TEXT)
    examined = Examined(texts=only_texts, notebooks=only_texts)
    if since is not None:
        chosen = commits_since(repository, since)
        by_time = _by_time(repository, sources, examined, seed, chosen)
        found = by_time.new if by_time else 0
        if by_time is None or found < FEWEST:
            raise RepositoryError(
                f"{found} functions first appeared since {since}, and a test needs {FEWEST}: give "
                "an earlier --since, or leave it out"
            )
        return by_time
    if repository.is_git and not repository.is_shallow:
        by_time = _by_time(repository, sources, examined, seed)
        if by_time is not None and by_time.new >= FEWEST:
            return by_time
    return _by_file(repository, files, replace(examined, notebooks=True), seed)


def _has_few(files: Iterable[FileFunctions]) -> bool:
    """Whether they hold too few functions for a test."""
    found = 0
    for file in files:
        found += len(file.functions)
        if found >= FEWEST:
            return False
    return True


def _by_time(
    repository: Repository,
    sources: Sources,
    examined: Examined,
    seed: int,
    chosen: list[Commit] | None = None,
) -> Split | None:
    files = sources.tree(repository.commit)
    total = sum(len(f.functions) for f in files if f.reason is None and examined(f))
    test, validation = wanted(total)
    if chosen is None:
        history, most = repository.history(MAX_COMMITS), total * MOST_SHARE
        counted = newest_first(repository, sources, examined, history, most)
        last = list(until(counted, test))
        first = list(until(counted, validation))
    else:
        every = list(newest_first(repository, sources, examined, chosen, math.inf))
        part = VALIDATION_SHARE / (TEST_SHARE + VALIDATION_SHARE)
        most = min(test, (1 - part) * sum(brought for _, brought in every))
        last = list(until(iter(every), most))
        first = chosen[len(last) :]
    first = first or [last.pop() for _ in range(len(last) // 3)][::-1]
    if not last:
        return None
    window = last + first
    train_commit, validation_commit = window[-1].parent, last[-1].parent
    assert train_commit is not None and validation_commit is not None
    train = sources.tree(train_commit)
    ignored = _ignored_commits(repository)
    appeared = [
        held
        for held in _appeared(repository, sources, examined, train, window[::-1])
        if held.commit not in ignored
    ]
    tested = {commit.id for commit in last}
    newest = [held for held in appeared if held.commit in tested]
    newer = [held for held in appeared if held.commit not in tested]
    tests, too_many = _limited(newest, "test", test, seed)
    validations, many_more = _limited(newer, "validation", validation, seed)
    held, others = (*tests, *validations), (*too_many, *many_more)
    return Split("time", train_commit, validation_commit, train, held, others)


def _ignored_commits(repository: Repository) -> set[str]:
    """Commits that the team itself calls mere reformatting."""
    files = repository.files(wanted=lambda path: path == IGNORED_COMMITS)
    data = b"".join(repository.read(file.blob_id) for file in files)
    text = data.removeprefix(BOM).decode("utf-8", "replace")
    return {word for line in text.splitlines() for word in line.split("#")[0].split()}


def _appeared(
    repository: Repository,
    sources: Sources,
    examined: Examined,
    train: Tree,
    window: Iterable[Commit],
) -> Iterator[HeldOut]:
    """Functions in the order in which they first appeared, oldest commit first."""
    trained, blobs = Known(key for file in train for key in file.keys), dict(train.names)
    later = set[bytes]()
    held: set[tuple[str, str, bool]] = set()
    for commit in window:
        for before, after in changed_files(repository, sources, examined, commit):
            blob = blobs.get(after.path)
            names = names_in(sources.file(after.path, blob) if blob else None)
            for number, (label, key) in enumerate(
                zip(labels(after.functions), after.keys, strict=True)
            ):
                name = (after.path, *label)
                is_known = key in later or key in trained or name in held
                later.add(key)
                if is_known:
                    continue
                held.add(name)
                function = after.functions[number]
                item = _held_out(sources, commit, before, function, label in names)
                if item.spans:
                    yield item


def _held_out(
    sources: Sources,
    commit: Commit,
    before: FileFunctions | None,
    function: Function,
    edited: bool,
) -> HeldOut:
    old = _named(before, function) if edited else None
    spans = tuple(changed_spans(sources, old, function)) if old else function.parts
    return HeldOut(
        sources.repository.identity,
        function,
        commit.id,
        "edited" if edited else "new",
        "test",
        spans,
        commit.time,
    )


def _named(file: FileFunctions | None, function: Function) -> Function | None:
    """The function of a file that goes by the same name."""
    functions = file.functions if file else ()
    same = (i for i, label in enumerate(labels(functions)) if label == function.label)
    found = next(same, None)
    return None if found is None else functions[found]


def _limited(
    found: Sequence[HeldOut], part: Part, most: float, seed: int
) -> tuple[list[HeldOut], list[HeldOut]]:
    """At most ``most`` new functions and as many edited ones, a seeded sample, in order; and the
    others."""
    rng, limited, others = random.Random(seed), list[HeldOut](), list[HeldOut]()
    for novelty in ("new", "edited"):
        some = [replace(held, part=part) for held in found if held.novelty == novelty]
        chosen = set(rng.sample(range(len(some)), min(len(some), int(most))))
        for number, held in enumerate(some):
            (limited if number in chosen else others).append(held)
    return limited, others


def _by_file(repository: Repository, files: Tree, examined: Examined, seed: int) -> Split:
    """Whole files by the hash of their path; none held out where there are fewer than three."""
    clean = (f for f in files if f.reason is None and f.functions and examined(f))
    sizes = {file.path: len(file.functions) for file in clean}
    parts = whole_files(sizes, seed)
    held = [
        HeldOut(
            repository.identity,
            function,
            repository.commit or "",
            "new",
            parts[path],
            function.parts,
        )
        for number, (path, _) in enumerate(files.names)
        if path in parts
        for function in files[number].functions
    ]
    train = files.without(parts)
    return Split("file", repository.commit, repository.commit, train, tuple(held))
