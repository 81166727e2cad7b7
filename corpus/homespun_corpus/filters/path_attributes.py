"""Paths that a team has marked: linguist's attributes and ``.homespunignore``.

Read from the commit, not from the work tree, and as git reads such files. They are untrusted input
and can only keep code out: an attribute that is unset, or a pattern that begins with ``!``, brings
back what the same kind of file had marked, never what any other rule keeps out. One that cannot be
read ends what asked for it: nobody knows what it keeps out. Knows paths, no contents.
"""

from __future__ import annotations

from collections.abc import Callable

from homespun_corpus.errors import RepositoryError, SettingsError
from homespun_corpus.filters.quality import unreadable
from homespun_corpus.filters.team_settings import MAX_BYTES
from homespun_corpus.repo.attribute_rules import AttributeRules, Value
from homespun_corpus.repo.ignore_rules import IgnoreRules
from homespun_corpus.repo.repository import Repository, SourceFile

ATTRIBUTES, IGNORED = ".gitattributes", ".homespunignore"
MARKS = (ATTRIBUTES, IGNORED)
EXCLUDED = "excluded"
# In the order in which they are asked.
REASONS = {
    b"linguist-vendored": "vendored",
    b"linguist-generated": "generated",
    b"linguist-documentation": "documentation",
}
MAX_WILDCARDS = 2000  # patterns that each path has to be held against


def marked_by(repository: Repository) -> Callable[[str], str | None]:
    """For a path: the reason that its team gives to leave it out; None without one.

    SettingsError for a file of such reasons that cannot be read.
    """
    files = _files(repository)
    ignored = _ignored([data for path, data in files if path == IGNORED])
    attributes = _attributes([(path, data) for path, data in files if path != IGNORED])

    def reason(path: str) -> str | None:
        if ignored.ignores(path):
            return EXCLUDED
        values = attributes.of(path)
        return next((why for name, why in REASONS.items() if _is_set(values.get(name))), None)

    return reason


def _files(repository: Repository) -> list[tuple[str, bytes]]:
    """Path and bytes of each file of marks."""
    link = "a link"  # of attributes git follows none either, and reads nothing
    for name in MARKS:
        if (other := repository.no_file(name)) and (name, other) != (ATTRIBUTES, link):
            raise SettingsError(f"{name} is {other}, and not read: put a file there")
    try:
        files = repository.files(wanted=_may_mark, strict=True)
        return [(file.path, _read(repository, file)) for file in files]
    except RepositoryError as error:
        raise SettingsError(str(error)) from error


def _may_mark(path: str) -> bool:
    folder, inside, _ = f"/{path}".partition(f"/{ATTRIBUTES}/")
    if inside:
        name = f"{folder}/{ATTRIBUTES}"[1:]
        raise SettingsError(f"{name} is a folder, and not read: put a file there")
    return path == IGNORED or path.rpartition("/")[2] == ATTRIBUTES


def _ignored(files: list[bytes]) -> IgnoreRules:
    data = b"".join(files)
    if unreadable(data):
        raise SettingsError(f"{IGNORED} is not UTF-8: save it as UTF-8")
    rules = IgnoreRules.of_file(data)
    _check(rules.wildcards, IGNORED)
    return rules


def _attributes(files: list[tuple[str, bytes]]) -> AttributeRules:
    for path, data in files:
        if b"\0" in data:  # else any bytes do, as they do for git
            raise SettingsError(f"{path} is not UTF-8: save it as UTF-8")
    rules = AttributeRules([(path.removesuffix(ATTRIBUTES), data) for path, data in files], REASONS)
    _check(rules.wildcards, ATTRIBUTES)
    return rules


def _read(repository: Repository, file: SourceFile) -> bytes:
    if file.size > MAX_BYTES:
        raise SettingsError(f"{file.path}: more than {MAX_BYTES // 1024} KB of patterns")
    return repository.read(file.blob_id)


def _check(wildcards: int, name: str) -> None:
    if wildcards > MAX_WILDCARDS:
        raise SettingsError(
            f"{name}: more than {MAX_WILDCARDS} patterns with wildcards that keep code out"
        )


def _is_set(value: Value) -> bool:
    """As linguist has it, which takes a text for yes unless it says "false"."""
    return value.lower() != b"false" if isinstance(value, bytes) else value is True
