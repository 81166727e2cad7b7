"""Paths that a team has marked: linguist's attributes and ``.homespunignore``.

Read from the commit, not from the work tree, and as git reads such files. They are untrusted input
and can only keep code out: an attribute that is unset, or a pattern that begins with ``!``, brings
back what the same kind of file had marked, never what any other rule keeps out. One that cannot be
read ends what asked for it: nobody knows what it keeps out. Knows paths, no contents.
"""

from __future__ import annotations

from collections.abc import Callable

from homespun_corpus.errors import SettingsError
from homespun_corpus.filters.quality import unreadable
from homespun_corpus.filters.team_settings import MAX_BYTES
from homespun_corpus.repo.attribute_rules import AttributeRules, Value
from homespun_corpus.repo.ignore_rules import IgnoreRules
from homespun_corpus.repo.repository import Repository, SourceFile

ATTRIBUTES, IGNORED = ".gitattributes", ".homespunignore"
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
    files = repository.files(wanted=lambda path: path == IGNORED or _name(path) == ATTRIBUTES)
    ignored = _ignored(repository, [file for file in files if file.path == IGNORED])
    attributes = _attributes(repository, [file for file in files if file.path != IGNORED])

    def reason(path: str) -> str | None:
        if ignored.ignores(path):
            return EXCLUDED
        values = attributes.of(path)
        return next((why for name, why in REASONS.items() if _is_set(values.get(name))), None)

    return reason


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _ignored(repository: Repository, files: list[SourceFile]) -> IgnoreRules:
    if repository.holds_link(IGNORED):
        raise SettingsError(f"{IGNORED} is a link, which is not followed: put the file there")
    data = b"".join(_read(repository, file) for file in files)
    if unreadable(data):
        raise SettingsError(f"{IGNORED} is not UTF-8: save it as UTF-8")
    rules = IgnoreRules.of_file(data)
    _check(rules.wildcards, IGNORED)
    return rules


def _attributes(repository: Repository, files: list[SourceFile]) -> AttributeRules:
    read = [(file.path.removesuffix(ATTRIBUTES), _read(repository, file)) for file in files]
    rules = AttributeRules(read, REASONS)
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
