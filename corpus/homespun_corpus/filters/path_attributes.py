"""Paths that a team has marked: linguist's attributes and ``.homespunignore``.

Read from the commit, not from the work tree. The files are untrusted input and can only keep code
out: an attribute that is unset, or a pattern that begins with ``!``, brings back what the same kind
of file had marked, never what any other rule keeps out. Knows paths, no contents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from pathspec import GitIgnoreSpec

from homespun_corpus.filters.team_settings import MAX_BYTES, MAX_PATTERN_CHARS, MAX_PATTERNS
from homespun_corpus.repo.repository import Repository, SourceFile

ATTRIBUTES, IGNORED = ".gitattributes", ".homespunignore"
EXCLUDED = "excluded"
# In the order in which they are asked.
REASONS = {
    "linguist-vendored": "vendored",
    "linguist-generated": "generated",
    "linguist-documentation": "documentation",
}

_Rule = tuple[str, GitIgnoreSpec, bool]  # folder with its slash, what in it, set or unset


def marked_by(repository: Repository) -> Callable[[str], str | None]:
    """For a path: the reason that its team gives to leave it out; None without one."""
    files = repository.files(wanted=lambda path: path == IGNORED or _name(path) == ATTRIBUTES)
    ignored = _ignored(repository, [file for file in files if file.path == IGNORED])
    rules = _rules(repository, [file for file in files if file.path != IGNORED])

    def reason(path: str) -> str | None:
        if any(map(ignored.match_file, _with_folders(path))):
            return EXCLUDED
        return next((why for name, why in REASONS.items() if _is_set(path, rules[name])), None)

    return reason


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _with_folders(path: str) -> list[str]:
    """A path and the folders that hold it: in an ignored one, git brings nothing back."""
    folders = PurePosixPath(path).parents[:-1]
    return [path, *(f"{folder}/" for folder in folders)]


def _ignored(repository: Repository, files: Iterable[SourceFile]) -> GitIgnoreSpec:
    lines = [line for file in files for line in _lines(repository, file.blob_id, file.size)]
    return GitIgnoreSpec.from_lines(line for line in lines if _spec(line) is not None)


def _rules(repository: Repository, files: Iterable[SourceFile]) -> dict[str, list[_Rule]]:
    """By attribute, the weakest rule first: a deeper file goes over one above it."""
    rules: dict[str, list[_Rule]] = {name: [] for name in REASONS}
    for file in sorted(files, key=lambda file: file.path.count("/")):
        folder = file.path.removesuffix(ATTRIBUTES)
        for line in _lines(repository, file.blob_id, file.size):
            pattern, *attributes = line.split()
            spec = None if pattern.startswith("!") else _spec(pattern)
            for name, is_set in map(_attribute, attributes):
                if name in rules and spec is not None:
                    rules[name].append((folder, spec, is_set))
    return rules


def _attribute(written: str) -> tuple[str, bool]:
    name, _, value = written.partition("=")
    unset = name[:1] in ("-", "!") or value.lower() == "false"
    return name.lstrip("-!"), not unset


def _is_set(path: str, rules: list[_Rule]) -> bool:
    """The last rule that matches decides."""
    for folder, spec, is_set in reversed(rules):
        if path.startswith(folder) and spec.match_file(path[len(folder) :]):
            return is_set
    return False


def _lines(repository: Repository, blob_id: str, size: int) -> Iterator[str]:
    """The first lines of a file that are no comments; none of a file that is far too large."""
    if size > MAX_BYTES:
        return
    text = repository.read(blob_id).decode("utf-8", "replace")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for _, line in zip(range(MAX_PATTERNS), lines, strict=False):
        if len(line) <= MAX_PATTERN_CHARS:
            yield line


def _spec(pattern: str) -> GitIgnoreSpec | None:
    """Git passes over a line that it cannot read as a pattern."""
    try:
        return GitIgnoreSpec.from_lines([pattern])
    except ValueError:
        return None
