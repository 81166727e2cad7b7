"""Settings below the top of a repository: nobody reads them, and whoever wrote them is told."""

from __future__ import annotations

import re

from homespun_corpus.filters.team_settings import FILE, MAX_BYTES, SHARED_FILE
from homespun_corpus.repo.repository import Repository

MOST = 1000  # projects of a repository that are looked into
_TABLE = re.compile(rb"^[ \t]*\[tool\.homespun[\].]", re.MULTILINE)


def nested_settings(repository: Repository) -> list[str]:
    """The paths, in order, of files in its newest tree that would be settings at its top."""
    found = repository.files(wanted=_may_be)
    return [
        file.path
        for file in found[:MOST]
        if file.path.endswith(f"/{FILE}")
        or (file.size <= MAX_BYTES and _TABLE.search(repository.read(file.blob_id)))
    ]


def _may_be(path: str) -> bool:
    return path.endswith((f"/{FILE}", f"/{SHARED_FILE}"))
