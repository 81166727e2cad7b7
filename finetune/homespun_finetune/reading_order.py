"""In which order training reads: one sample of each file in turn, what changed last first.

Minutes are often too few for all of a repository, and new code is written where code was written
last. Measured (LOG E-053): of as many tokens what was read so taught more than twice as much of new
code. Only what happened until the training tree counts: what came after it is the test's. Texts
come behind code. Knows no models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from homespun_corpus.mining.dataset import Mined
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import mined_language

from homespun_finetune.batches import shuffled

MAX_COMMITS = 2000
ENOUGH = 1000  # files of a repository: one sample of each is a night's reading

File = tuple[str, str]  # a repository's identity, and a path


def last_changed_first(mined: Mined, seed: int) -> list[int]:
    """Every row of the training split once."""
    rows = mined.dataset["train"].select_columns(["repository", "path"])
    names = [(row["repository"], row["path"]) for row in rows]
    files: dict[File, list[int]] = defaultdict(list)
    for i in shuffled(len(names), seed):
        files[names[i]].append(i)
    ranks = _ranks(mined, files.keys())

    def rank(file: File) -> tuple[bool, int]:
        return mined_language(file[1]) is None, ranks.get(file, MAX_COMMITS)

    order = sorted(files, key=rank)  # stable: of one commit in the seeded order
    turns = zip_longest(*(files[file] for file in order))
    return [i for turn in turns for i in turn if i is not None]


def _ranks(mined: Mined, files: Iterable[File]) -> dict[File, int]:
    """How many commits before the training tree's a file was changed last, of as many as are read
    before the others."""
    ranks: dict[File, int] = {}
    repositories = mined.material.repositories if mined.material else ()
    for repository, about in zip(repositories, mined.manifest["repositories"], strict=True):
        left, found = {path for name, path in files if name == repository.identity}, 0
        for age, paths in _touched(repository, about["split"]["train_commit"]):
            now = left.intersection(paths)
            left, found = left - now, found + len(now)
            ranks |= {(repository.identity, path): age for path in now}
            if not left or found >= ENOUGH:
                break
    return ranks


def _touched(repository: Repository, commit: str | None) -> Iterator[tuple[int, list[str]]]:
    """Commits back from ``commit``, how far each is, and the paths that it touched."""
    history = repository.history() if commit else []
    begin = next((n for n, one in enumerate(history) if one.id == commit), len(history))
    for age, one in enumerate(history[begin : begin + MAX_COMMITS]):
        yield age, repository.touched(one)
