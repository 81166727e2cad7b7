"""Which paths are left out, and why: the one rule of mining, refreshing and serving.

In this order: what the team's settings exclude, what its repository marks (``path_marks``), what
hygiene tells by a path alone, and names of texts that nobody types (``texts``). Knows paths, no
contents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from homespun_corpus.filters.path_attributes import EXCLUDED, marked_by
from homespun_corpus.filters.plain_text import read_as, text_reason
from homespun_corpus.filters.quality import path_reason
from homespun_corpus.repo.ignore_rules import IgnoreRules
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import REMEMBERED, TEXT

COMPILED = 16  # teams' patterns that are kept ready
PathFilter = Callable[[str], str | None]


def path_filter(repository: Repository, exclude: Sequence[str]) -> PathFilter:
    """For a path: the reason that it is left out; None for one that is read.

    ``exclude``: gitignore patterns, of the team's settings or the user's.
    """
    marked, patterns = marked_by(repository), tuple(exclude)

    @lru_cache(REMEMBERED)
    def reason(path: str) -> str | None:
        if is_excluded(path, patterns):
            return EXCLUDED
        named = marked(path) or path_reason(path)
        return named or (text_reason(path) if read_as(path) is TEXT else None)

    return reason


def is_excluded(path: str, exclude: tuple[str, ...]) -> bool:
    """Whether gitignore patterns exclude a path."""
    return bool(exclude) and _compiled(exclude).ignores(path)


@lru_cache(COMPILED)
def _compiled(exclude: tuple[str, ...]) -> IgnoreRules:
    return IgnoreRules(line.encode("utf-8", "surrogatepass") for line in exclude)
