"""What a work tree marks to be kept out, by its newest commit and by its files as they are now.

Whether it can be read is asked for documents (``document_home``), what it says for the code that is
shown (``code_on_disk``). Knows nothing of a team's settings file.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from homespun_corpus.errors import RepositoryError
from homespun_corpus.filters.path_attributes import MARKS, marked_by
from homespun_corpus.repo.work_tree import WorkTree


def mark_files(tracked: list[str]) -> list[str]:
    """Those paths that may hold marks, and such files at the top before they are tracked."""
    found = (path for path in tracked if path.rpartition("/")[2] in MARKS)
    return list(dict.fromkeys((*MARKS, *found)))


def marks_of_head(tree: WorkTree) -> list[Callable[[str], str | None]]:
    """What the newest commit, if any, says of a path; SettingsError if that cannot be read."""
    head = tree.head()
    return [] if head is None else [marked_by(head)]


def check_marks(tree: WorkTree) -> None:
    """SettingsError where marks cannot be read; a repository that cannot be is not their fault."""
    with suppress(RepositoryError):
        marked_by(tree.as_repository(mark_files(tree.paths())))
        marks_of_head(tree)
