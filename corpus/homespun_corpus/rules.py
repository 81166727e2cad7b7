"""The version of the rules: one number that changes whenever the same blob could be read otherwise.

Computed from what decides, so nobody can forget to raise it: every module and query of this room,
and the versions of the libraries that parse, match and hash for it. A change that could not have
mattered costs one mining from scratch; a change that is missed would cost wrong data.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata, resources

from homespun_corpus.languages import LANGUAGES

DIGITS = 16
# The modules that say what is kept out.
_JUDGING = (
    *("hygiene", "secrets", "suspects", "placeholders", "named_values", "licence"),
    *("licence_names", "verdicts", "sources", "windows", "left_out", "path_marks"),
    *("texts", "parts"),
)
_LIBRARIES = ("tree-sitter", "detect-secrets", "datasketch", "numpy", "pathspec")


@cache
def rules_version() -> str:
    """Hexadecimal; the same wherever the same code runs with the same libraries."""
    return digest_of([*_sources(), *_libraries()])


@cache
def judging_version() -> str:
    """The same for as long as the same code is kept out: what was mined under other rules may hold
    what today's would not."""
    package = resources.files(__package__)
    files = (f"{name}.py" for name in _JUDGING)
    return digest_of((file, (package / file).read_bytes()) for file in files)


def digest_of(parts: Iterable[tuple[str, bytes]]) -> str:
    """One number for named contents, in order."""
    digest = hashlib.sha256()
    for name, content in parts:
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:DIGITS]


def _sources() -> Iterator[tuple[str, bytes]]:
    package = resources.files(__package__)
    for folder, ending in ((package, ".py"), (package / "queries", ".scm")):
        files = (file for file in folder.iterdir() if file.name.endswith(ending))
        for file in sorted(files, key=lambda file: file.name):
            yield file.name, file.read_bytes()


def _libraries() -> Iterator[tuple[str, bytes]]:
    grammars = sorted({row.module.replace("_", "-") for row in LANGUAGES})
    for name in (*_LIBRARIES, *grammars):
        yield name, metadata.version(name).encode()
    yield "interpreter", f"{sys.version_info.major}.{sys.version_info.minor}".encode()
